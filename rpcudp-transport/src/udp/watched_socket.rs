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
    use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
    use std::task::{Context, Poll, ready};

    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;
    use tokio::runtime::Handle;

    /// A UDP socket that is registered with the runtime for readability, and for writability only
    /// while its send buffer is full. tokio's own socket is always registered for both, and the
    /// kernel then reports an event for each datagram that was sent, which doubles the number of
    /// events to handle.
    ///
    /// While a socket is registered, the kernel notifies `epoll` of each datagram that is sent or
    /// delivered, whether or not anything waits for it. Under load, that takes a tenth of the time
    /// of a datagram. So a socket that has more datagrams than one receive takes can be
    /// [unwatched](Self::unwatch): it is registered again when it is found empty.
    #[derive(Debug)]
    pub(in crate::udp) struct WatchedSocket {
        socket: Arc<UdpSocket>,
        /// The registration for readability and errors, unless the socket is unwatched.
        readable: Mutex<Option<Registration>>,
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
            let socket = Arc::new(socket);
            let readable = Some(register(Arc::clone(&socket), Interest::READABLE)?.into());
            Ok(Self {
                socket,
                readable: Mutex::new(readable),
                writable: Mutex::default(),
                runtime: Handle::current(),
                discards_errors: AtomicBool::new(false),
            })
        }

        /// Calls `receive`, unless the socket is unwatched or tokio takes it for empty: from the
        /// time that `receive` returns `WouldBlock` until the runtime gets the next event.
        pub(in crate::udp) fn try_receive(&self, receive: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
            match &*lock(&self.readable) {
                Some(readable) => readable.try_io(Interest::READABLE, |_| receive()),
                None => Err(io::ErrorKind::WouldBlock.into()),
            }
        }

        /// Ends the registration until the next call of [`poll_readable`](Self::poll_readable).
        /// Returns `false` if this system cannot do that.
        ///
        /// No future of [`error_ready`](Self::error_ready) may exist, because it would keep the
        /// socket registered.
        pub(in crate::udp) fn unwatch(&self) -> bool {
            // Not dropped under the lock, because that drops a waker too.
            let registration = lock(&self.readable).take();
            drop(registration);
            true
        }

        /// Whether the socket is registered for readability and errors.
        #[cfg(test)]
        pub(in crate::udp) fn is_watched(&self) -> bool {
            lock(&self.readable).is_some()
        }

        /// Receives one datagram without asking tokio, and returns its length and sender.
        pub(in crate::udp) fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
            self.socket.recv_from(buffer)
        }

        /// Waits until the socket may be readable, and watches it again if it is unwatched.
        pub(in crate::udp) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            let mut readable = lock(&self.readable);
            if readable.is_none() {
                let _context = self.runtime.enter();
                *readable = Some(register(Arc::clone(&self.socket), Interest::READABLE)?.into());
            }
            readable.as_ref().expect("it was registered above").poll_read_ready(cx).map_ok(drop)
        }

        /// Retries a send that found the send buffer full.
        pub(in crate::udp) fn retry_send(&self, _: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
            // No retry is needed: `poll_writable` registers anew and asks the kernel, so no stale
            // readiness exists.
            Err(io::ErrorKind::WouldBlock.into())
        }

        /// Waits until the send buffer has room for another datagram.
        pub(in crate::udp) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            let mut writable = lock(&self.writable);
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

        /// Returns a future that completes when the error queue has a message; `None` if the socket
        /// is unwatched.
        pub(in crate::udp) fn error_ready(&self) -> Option<impl Future<Output = io::Result<()>> + Send + use<>> {
            let readable = lock(&self.readable).clone()?;
            Some(async move { readable.ready(Interest::ERROR).await.map(drop) })
        }

        /// Reads the error queue, unless the socket is watched and tokio knows that the queue is
        /// empty.
        pub(in crate::udp) fn try_read_error_queue<T>(&self, read: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
            match &*lock(&self.readable) {
                Some(readable) => readable.try_io(Interest::ERROR, |_| read()),
                None => read(),
            }
        }
    }

    impl Deref for WatchedSocket {
        type Target = UdpSocket;

        fn deref(&self) -> &UdpSocket {
            &self.socket
        }
    }

    type Registration = Arc<AsyncFd<Arc<UdpSocket>>>;

    fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().unwrap_or_else(PoisonError::into_inner)
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

        /// Returns `false`: tokio's socket is always watched.
        pub(in crate::udp) fn unwatch(&self) -> bool {
            false
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
