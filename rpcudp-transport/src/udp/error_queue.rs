//! The error queue of a socket: ICMP messages that report a destination as unreachable.
//!
//! Linux keeps each message in the socket's error queue, with the destination and the part of the
//! datagram that the message quotes. Other systems report no error to an unconnected socket, or one
//! that does not name the datagram.

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) use linux::ErrorQueue;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) use other::ErrorQueue;

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    use std::fmt;
    use std::future::Future;
    use std::io::{self, IoSliceMut};
    use std::net::SocketAddr;
    use std::os::fd::{AsFd, AsRawFd};
    use std::pin::Pin;
    use std::sync::atomic::Ordering;
    use std::sync::{Arc, Mutex, PoisonError};
    use std::task::{Context, Poll, Waker};
    use std::time::Instant;

    use nix::libc::{self, sock_extended_err};
    use nix::sys::socket::sockopt::{Ipv4RecvErr, Ipv6RecvErr};
    use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt};

    use crate::address::canonical;
    use crate::receive_batch::ReceiveBatch;
    use crate::udp::error_budget::ErrorBudget;
    use crate::udp::wake_flag::WakeFlag;
    use crate::udp::watched_socket::WatchedSocket;

    /// The error queue of a socket.
    ///
    /// Anybody can forge ICMP messages, and the kernel queues those that quote a port of this host.
    /// Each takes as long to read as some datagrams, and takes their room in the receive buffer. So
    /// one receive reads at most
    /// [`MAX_READ_COUNT`](Self::MAX_READ_COUNT) of them beside the datagrams, and an
    /// [`ErrorBudget`] limits those of a second. When it is spent, the kernel discards the queue
    /// and all further messages, until the budget has some again.
    pub(in crate::udp) struct ErrorQueue {
        /// `None` if the error queue is disabled by the options of the socket.
        state: Option<Mutex<State>>,
        /// Set if the readiness may have changed. Polling the readiness costs more than reading
        /// this flag, and every receive checks the error queue, which is almost always empty.
        wake_flag: Arc<WakeFlag>,
    }

    struct State {
        /// Completes when the queue has a message. `None` since the socket was unwatched.
        readiness: Option<Readiness>,
        budget: ErrorBudget,
    }

    type Readiness = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

    impl ErrorQueue {
        /// The length of the buffer for a quoted datagram: more than an ICMP message can quote.
        const MAX_QUOTED_LEN: usize = 1_500;

        /// The maximum number of messages that one receive reads from the queue.
        pub(in crate::udp) const MAX_READ_COUNT: usize = 64;

        /// Enables the error queue of the socket, if `is_enabled`.
        pub(in crate::udp) fn new(socket: &Arc<WatchedSocket>, is_enabled: bool) -> io::Result<Self> {
            if is_enabled {
                set_enabled(socket, true)?;
            }
            let state = || Mutex::new(State { readiness: None, budget: ErrorBudget::default() });
            Ok(Self { state: is_enabled.then(state), wake_flag: Arc::default() })
        }

        /// Reads messages into `batch`, or registers the task to be woken when a message arrives.
        /// Pending if the batch stays empty.
        pub(in crate::udp) fn poll_drain(
            &self,
            socket: &Arc<WatchedSocket>,
            cx: &Context<'_>,
            batch: &mut ReceiveBatch,
        ) -> Poll<()> {
            if batch.is_empty() {
                self.wake_flag.register(cx);
                self.drain(socket, batch);
            }
            if !batch.is_empty() {
                return Poll::Ready(());
            }
            if self.state.is_some() && self.wake_flag.is_set() {
                // All messages of this turn reported other errors, and the queue may have more.
                cx.waker().wake_by_ref();
            }
            Poll::Pending
        }

        /// Registers the task to be woken when a message arrives. Returns whether the queue may
        /// have one already.
        pub(in crate::udp) fn register(&self, cx: &Context<'_>) -> bool {
            self.wake_flag.register(cx);
            self.state.is_some() && self.wake_flag.is_set()
        }

        /// Moves unreachable datagrams of the queue into `batch`.
        ///
        /// The caller must call this again, and not wait, while the flag stays set: epoll reports
        /// the socket as ready while the queue has a message.
        pub(in crate::udp) fn drain(&self, socket: &Arc<WatchedSocket>, batch: &mut ReceiveBatch) {
            let Some(state) = self.state.as_ref().filter(|_| self.wake_flag.is_set()) else { return };
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            let mut read_count = 0;
            while read_count < Self::MAX_READ_COUNT && self.may_have_message(&mut state, socket) {
                while read_count < Self::MAX_READ_COUNT {
                    // `WouldBlock` makes tokio clear the readiness. Any other error of the queue is
                    // mapped to it as well, because reading again at once would not help.
                    let taken = socket
                        .try_read_error_queue(|| read_message(socket).map_err(|_| io::ErrorKind::WouldBlock.into()));
                    match taken {
                        Ok(Some((destination, quoted))) => batch.push_unreachable_owned(destination, quoted),
                        Ok(None) => {}
                        Err(_) => break,
                    }
                    read_count += 1;
                }
                if state.readiness.is_none() {
                    break;
                }
            }
            if read_count > 0 && !state.budget.spend(read_count, Instant::now()) {
                // Discards the messages in the queue too.
                socket.discards_errors.store(set_enabled(socket, false).is_ok(), Ordering::Relaxed);
            }
        }

        /// Returns whether the queue may have a message: whether the readiness says so, or the
        /// socket is unwatched. Registers the flag to be set otherwise.
        fn may_have_message(&self, state: &mut State, socket: &WatchedSocket) -> bool {
            // A wake-up after this line sets the flag for the next call.
            self.wake_flag.clear();
            if state.readiness.is_none() {
                state.readiness = error_readiness(socket);
            }
            let Some(readiness) = &mut state.readiness else {
                self.wake_flag.set();
                return true;
            };
            let waker = Waker::from(Arc::clone(&self.wake_flag));
            let Poll::Ready(polled) = readiness.as_mut().poll(&mut Context::from_waker(&waker)) else { return false };
            self.wake_flag.set();
            state.readiness = error_readiness(socket);
            // An error means that the runtime is shutting down.
            polled.is_ok()
        }

        /// Stops waiting for messages, so that the socket can be unwatched. From then on, each
        /// receive reads the queue.
        pub(in crate::udp) fn unwatch(&self) {
            if let Some(state) = &self.state {
                state.lock().unwrap_or_else(PoisonError::into_inner).readiness = None;
                self.wake_flag.set();
            }
        }

        /// Enables the queue again, if it was suspended and the budget has some again. Reads only a
        /// flag otherwise.
        pub(in crate::udp) fn resume(&self, socket: &Arc<WatchedSocket>) {
            if !socket.discards_errors.load(Ordering::Relaxed) {
                return;
            }
            let Some(state) = &self.state else { return };
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            if state.budget.has_recovered(Instant::now()) {
                socket.discards_errors.store(set_enabled(socket, true).is_err(), Ordering::Relaxed);
            }
        }
    }

    impl fmt::Debug for ErrorQueue {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("ErrorQueue").field("is_enabled", &self.state.is_some()).finish()
        }
    }

    /// Has the kernel queue the errors of a socket, or discard them.
    fn set_enabled(socket: &WatchedSocket, is_enabled: bool) -> io::Result<()> {
        setsockopt(&**socket, Ipv4RecvErr, &is_enabled)?;
        if socket.local_addr()?.is_ipv6() {
            setsockopt(&**socket, Ipv6RecvErr, &is_enabled)?;
        }
        Ok(())
    }

    fn error_readiness(socket: &WatchedSocket) -> Option<Readiness> {
        Some(Box::pin(socket.error_ready()?))
    }

    /// Reads one message from the queue. Returns the destination of the datagram and its quoted
    /// part, or `None` if the message reports another error than an unreachable destination.
    fn read_message(socket: &WatchedSocket) -> io::Result<Option<(SocketAddr, Vec<u8>)>> {
        let mut quoted = [0; ErrorQueue::MAX_QUOTED_LEN];
        let mut slices = [IoSliceMut::new(&mut quoted)];
        // Besides the error, the kernel adds the control messages that are enabled for received
        // datagrams, for example the time and the interface.
        let mut control = [0; 512];
        let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
        let message = recvmsg::<SockaddrStorage>(socket.as_fd().as_raw_fd(), &mut slices, Some(&mut control), flags)?;
        let is_unreachable = message.cmsgs().into_iter().flatten().any(|message| match message {
            ControlMessageOwned::Ipv4RecvErr(error, _) | ControlMessageOwned::Ipv6RecvErr(error, _) => {
                is_unreachable(&error)
            }
            _ => false,
        });
        let (destination, len) = (message.address, message.bytes);
        let Some(destination) = destination.as_ref().and_then(socket_addr).filter(|_| is_unreachable) else {
            return Ok(None);
        };
        Ok(Some((canonical(destination), quoted[..len].to_vec())))
    }

    fn is_unreachable(error: &sock_extended_err) -> bool {
        match (error.ee_origin, error.ee_type, error.ee_code) {
            // ICMP "destination unreachable", of any code but "fragmentation needed" (RFC 792).
            (libc::SO_EE_ORIGIN_ICMP, 3, code) => code != 4,
            // ICMPv6 "destination unreachable" (RFC 4443).
            (libc::SO_EE_ORIGIN_ICMP6, 1, _) => true,
            _ => false,
        }
    }

    fn socket_addr(storage: &SockaddrStorage) -> Option<SocketAddr> {
        let v4 = storage.as_sockaddr_in().map(|addr| SocketAddr::V4((*addr).into()));
        v4.or_else(|| storage.as_sockaddr_in6().map(|addr| SocketAddr::V6((*addr).into())))
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod other {
    use std::io;
    use std::sync::Arc;
    use std::task::{Context, Poll};

    use crate::receive_batch::ReceiveBatch;
    use crate::udp::watched_socket::WatchedSocket;

    /// An error queue that is always empty.
    #[derive(Debug)]
    pub(in crate::udp) struct ErrorQueue;

    impl ErrorQueue {
        pub(in crate::udp) fn new(_: &Arc<WatchedSocket>, _: bool) -> io::Result<Self> {
            Ok(Self)
        }

        pub(in crate::udp) fn poll_drain(
            &self,
            _: &Arc<WatchedSocket>,
            _: &Context<'_>,
            batch: &mut ReceiveBatch,
        ) -> Poll<()> {
            if batch.is_empty() { Poll::Pending } else { Poll::Ready(()) }
        }

        pub(in crate::udp) fn register(&self, _: &Context<'_>) -> bool {
            false
        }

        pub(in crate::udp) fn drain(&self, _: &Arc<WatchedSocket>, _: &mut ReceiveBatch) {}

        pub(in crate::udp) fn resume(&self, _: &Arc<WatchedSocket>) {}

        pub(in crate::udp) fn unwatch(&self) {}
    }
}
