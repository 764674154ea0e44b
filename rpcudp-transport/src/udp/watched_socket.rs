//! A socket whose readiness the runtime watches.

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) use linux::WatchedSocket;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) use other::WatchedSocket;

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    use std::future::Future;
    use std::io;
    use std::net::{SocketAddr, UdpSocket};
    use std::ops::Deref;
    use std::os::fd::{AsFd, AsRawFd, OwnedFd};
    use std::sync::atomic::AtomicBool;
    use std::sync::{Arc, Mutex, PoisonError};
    use std::task::{Context, Poll, ready};

    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;
    use tokio::runtime::Handle;

    /// A UDP socket that is registered with the runtime for readability, and for writability only
    /// while its send buffer is full. tokio's own socket is always registered for both, and the
    /// kernel then reports an event for each datagram that was sent, which doubles the number of
    /// events to handle.
    #[derive(Debug)]
    pub(in crate::udp) struct WatchedSocket {
        socket: AsyncFd<UdpSocket>,
        /// A duplicate of the socket's descriptor, registered for writability while a task waits
        /// for room. A duplicate, because the runtime registers a descriptor only once.
        writable: Mutex<Option<AsyncFd<OwnedFd>>>,
        runtime: Handle,
        /// Whether the kernel discards errors, because too many were reported. Here, because every
        /// send reads it, and no other field that a send reads is written.
        pub(in crate::udp) discards_errors: AtomicBool,
    }

    impl WatchedSocket {
        /// Registers a socket with the current runtime.
        pub(in crate::udp) fn new(socket: UdpSocket) -> io::Result<Self> {
            let socket = register(socket, Interest::READABLE)?;
            Ok(Self {
                socket,
                writable: Mutex::default(),
                runtime: Handle::current(),
                discards_errors: AtomicBool::new(false),
            })
        }

        /// Calls `receive`, unless tokio takes the socket for empty: from the time that `receive`
        /// returns `WouldBlock` until the runtime gets the next event.
        pub(in crate::udp) fn try_receive(&self, receive: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
            self.socket.try_io(Interest::READABLE, |_| receive())
        }

        /// Receives one datagram without asking tokio, and returns its length and sender.
        pub(in crate::udp) fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
            self.socket.get_ref().recv_from(buffer)
        }

        /// Waits until the socket may be readable.
        pub(in crate::udp) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.socket.poll_read_ready(cx).map_ok(drop)
        }

        /// Retries a send that found the send buffer full.
        pub(in crate::udp) fn retry_send(&self, _: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
            // No retry is needed: `poll_writable` registers anew and asks the kernel, so no stale
            // readiness exists.
            Err(io::ErrorKind::WouldBlock.into())
        }

        /// Waits until the send buffer has room for another datagram.
        pub(in crate::udp) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            let mut writable = self.writable.lock().unwrap_or_else(PoisonError::into_inner);
            if writable.is_none() {
                let socket = self.as_fd().try_clone_to_owned()?;
                let _context = self.runtime.enter();
                *writable = Some(register(socket, Interest::WRITABLE)?);
            }
            let registered = writable.as_ref().expect("it was registered above");
            let polled = ready!(registered.poll_write_ready(cx)).map(drop);
            *writable = None;
            Poll::Ready(polled)
        }

        /// Returns a future that completes when the error queue has a message.
        pub(in crate::udp) fn error_ready(self: &Arc<Self>) -> impl Future<Output = io::Result<()>> + Send + use<> {
            let this = Arc::clone(self);
            async move { this.socket.ready(Interest::ERROR).await.map(drop) }
        }

        /// Reads the error queue, unless tokio knows that it is empty.
        pub(in crate::udp) fn try_read_error_queue<T>(&self, read: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
            self.socket.try_io(Interest::ERROR, |_| read())
        }
    }

    impl Deref for WatchedSocket {
        type Target = UdpSocket;

        fn deref(&self) -> &UdpSocket {
            self.socket.get_ref()
        }
    }

    #[allow(
        deprecated,
        reason = "its successor is unsafe, because a descriptor might change under it; no descriptor here does"
    )]
    fn register<T: AsRawFd>(descriptor: T, interest: Interest) -> io::Result<AsyncFd<T>> {
        AsyncFd::with_interest(descriptor, interest)
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod other {
    use std::io;
    use std::net::SocketAddr;
    use std::ops::Deref;
    use std::task::{Context, Poll};

    use tokio::io::Interest;
    use tokio::net::UdpSocket;

    /// A UDP socket of tokio.
    #[derive(Debug)]
    pub(in crate::udp) struct WatchedSocket(UdpSocket);

    impl WatchedSocket {
        /// Registers a socket with the current runtime.
        pub(in crate::udp) fn new(socket: std::net::UdpSocket) -> io::Result<Self> {
            UdpSocket::from_std(socket).map(Self)
        }

        /// Calls `receive`, unless tokio takes the socket for empty: from the time that `receive`
        /// returns `WouldBlock` until the runtime gets the next event.
        pub(in crate::udp) fn try_receive(&self, receive: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
            self.0.try_io(Interest::READABLE, receive)
        }

        /// Receives one datagram, and returns its length and sender.
        pub(in crate::udp) fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
            self.0.try_recv_from(buffer)
        }

        /// Waits until the socket may be readable.
        pub(in crate::udp) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.0.poll_recv_ready(cx)
        }

        /// Retries a send that found the send buffer full.
        pub(in crate::udp) fn retry_send(&self, send: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
            // tokio clears the writability only if an attempt inside `try_io` fails. Otherwise
            // `poll_writable` would be ready at once, again and again.
            self.0.try_io(Interest::WRITABLE, send)
        }

        /// Waits until the send buffer has room for another datagram.
        pub(in crate::udp) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.0.poll_send_ready(cx)
        }
    }

    impl Deref for WatchedSocket {
        type Target = UdpSocket;

        fn deref(&self) -> &UdpSocket {
            &self.0
        }
    }
}
