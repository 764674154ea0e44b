//! A socket that the runtime watches.

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) use linux::WatchedSocket;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) use other::WatchedSocket;

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    use std::future::Future;
    use std::io;
    use std::net::UdpSocket;
    use std::ops::Deref;
    use std::os::fd::{AsFd, AsRawFd, OwnedFd};
    use std::sync::{Arc, Mutex, PoisonError};
    use std::task::{Context, Poll, ready};

    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;
    use tokio::runtime::Handle;

    /// The runtime is asked to say when something arrives, and only while the socket is full when there is room again. tokio's
    /// own socket asks for both at all times, and the kernel then tells it of each datagram that has left: that is as many events
    /// again, each of which takes its time.
    #[derive(Debug)]
    pub(in crate::udp) struct WatchedSocket {
        socket: AsyncFd<UdpSocket>,
        /// While somebody waits for room: the socket under another number, because the runtime knows each number once.
        writable: Mutex<Option<AsyncFd<OwnedFd>>>,
        runtime: Handle,
    }

    impl WatchedSocket {
        pub(in crate::udp) fn new(socket: UdpSocket) -> io::Result<Self> {
            let socket = register(socket, Interest::READABLE)?;
            Ok(Self { socket, writable: Mutex::default(), runtime: Handle::current() })
        }

        /// Receives, unless it is known that nothing is there. That is known from when `receive` says `WouldBlock` until the
        /// runtime hears of something.
        pub(in crate::udp) fn try_receive(&self, receive: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
            self.socket.try_io(Interest::READABLE, |_| receive())
        }

        /// Waits until something may be there.
        pub(in crate::udp) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.socket.poll_read_ready(cx).map_ok(drop)
        }

        /// Sends where an attempt has found the socket full.
        pub(in crate::udp) fn retry_send(&self, _: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
            // Who waits for room asks the kernel, and not what is known from earlier.
            Err(io::ErrorKind::WouldBlock.into())
        }

        /// Waits until there is room for another datagram.
        pub(in crate::udp) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            let mut writable = self.writable.lock().unwrap_or_else(PoisonError::into_inner);
            if writable.is_none() {
                let socket = self.as_fd().try_clone_to_owned()?;
                let _context = self.runtime.enter();
                *writable = Some(register(socket, Interest::WRITABLE)?);
            }
            let waits = writable.as_ref().expect("it is there by now");
            let polled = ready!(waits.poll_write_ready(cx)).map(drop);
            *writable = None;
            Poll::Ready(polled)
        }

        /// Waits until there is something in the error queue.
        pub(in crate::udp) fn error_ready(self: &Arc<Self>) -> impl Future<Output = io::Result<()>> + Send + use<> {
            let this = Arc::clone(self);
            async move { this.socket.ready(Interest::ERROR).await.map(drop) }
        }

        /// Looks into the error queue, unless it is known that nothing is there.
        pub(in crate::udp) fn try_read_error_queue<T>(&self, look: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
            self.socket.try_io(Interest::ERROR, |_| look())
        }
    }

    impl Deref for WatchedSocket {
        type Target = UdpSocket;

        fn deref(&self) -> &UdpSocket {
            self.socket.get_ref()
        }
    }

    #[allow(deprecated, reason = "its successor is unsafe, because a descriptor might change under it: none here does")]
    fn register<T: AsRawFd>(descriptor: T, interest: Interest) -> io::Result<AsyncFd<T>> {
        AsyncFd::with_interest(descriptor, interest)
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod other {
    use std::io;
    use std::ops::Deref;
    use std::task::{Context, Poll};

    use tokio::io::Interest;
    use tokio::net::UdpSocket;

    /// tokio's own socket.
    #[derive(Debug)]
    pub(in crate::udp) struct WatchedSocket(UdpSocket);

    impl WatchedSocket {
        pub(in crate::udp) fn new(socket: std::net::UdpSocket) -> io::Result<Self> {
            UdpSocket::from_std(socket).map(Self)
        }

        /// Receives, unless it is known that nothing is there. That is known from when `receive` says `WouldBlock` until the
        /// runtime hears of something.
        pub(in crate::udp) fn try_receive(&self, receive: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
            self.0.try_io(Interest::READABLE, receive)
        }

        /// Waits until something may be there.
        pub(in crate::udp) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.0.poll_recv_ready(cx)
        }

        /// Sends where an attempt has found the socket full.
        pub(in crate::udp) fn retry_send(&self, send: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
            // tokio has to learn that the socket is full, or it would never wait. It believes an attempt that it watches itself.
            self.0.try_io(Interest::WRITABLE, send)
        }

        /// Waits until there is room for another datagram.
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
