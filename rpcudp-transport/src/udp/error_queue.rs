//! Datagrams that came back: an ICMP message says that nobody is there, and quotes what was sent.
//!
//! Linux keeps such messages in a queue of the socket's own, the error queue, with the destination and as much of the
//! datagram as the message quotes. Other systems show an unconnected socket nothing, or nothing that says which datagram
//! it is about.

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
    use std::sync::{Arc, Mutex, PoisonError};
    use std::task::{Context, Poll, Waker};

    use nix::libc::{self, sock_extended_err};
    use nix::sys::socket::sockopt::{Ipv4RecvErr, Ipv6RecvErr};
    use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt};

    use crate::address::canonical;
    use crate::receive_batch::ReceiveBatch;
    use crate::udp::wake_flag::WakeFlag;
    use crate::udp::watched_socket::WatchedSocket;

    /// The error queue of a socket.
    pub(in crate::udp) struct ErrorQueue {
        /// Becomes ready when there is something in the queue. `None`: it was not asked for.
        readiness: Option<Mutex<Readiness>>,
        /// Whether it is worth asking for the readiness, which takes longer than to see that it is not: whoever receives
        /// passes by here each time, and almost never is there anything.
        wake_flag: Arc<WakeFlag>,
    }

    type Readiness = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

    impl ErrorQueue {
        /// What an ICMP message quotes of a datagram at the most, and more.
        const MAX_QUOTED_LEN: usize = 1_500;

        /// What is taken from the queue at once.
        const MAX_READ_COUNT: usize = 64;

        /// Asks for the error queue, if `is_enabled`.
        pub(in crate::udp) fn new(socket: &Arc<WatchedSocket>, is_enabled: bool) -> io::Result<Self> {
            if is_enabled {
                setsockopt(&***socket, Ipv4RecvErr, &true)?;
                if socket.local_addr()?.is_ipv6() {
                    setsockopt(&***socket, Ipv6RecvErr, &true)?;
                }
            }
            Ok(Self { readiness: is_enabled.then(|| Mutex::new(error_readiness(socket))), wake_flag: Arc::default() })
        }

        /// Waits for bounced datagrams and notes them in `batch`.
        pub(in crate::udp) fn poll_drain(
            &self,
            socket: &Arc<WatchedSocket>,
            cx: &Context<'_>,
            batch: &mut ReceiveBatch,
        ) -> Poll<()> {
            self.wake_flag.register(cx);
            if self.drain(socket, batch) { Poll::Ready(()) } else { Poll::Pending }
        }

        /// Waits for bounced datagrams, and says whether there may be some already.
        pub(in crate::udp) fn register(&self, cx: &Context<'_>) -> bool {
            self.wake_flag.register(cx);
            self.readiness.is_some() && self.wake_flag.is_set()
        }

        /// Notes the bounced datagrams that are there in `batch`, and says whether there are any. The queue is always
        /// emptied: what is left in it would keep the socket from sleeping.
        pub(in crate::udp) fn drain(&self, socket: &Arc<WatchedSocket>, batch: &mut ReceiveBatch) -> bool {
            let Some(readiness) = self.readiness.as_ref().filter(|_| self.wake_flag.is_set()) else { return false };
            let mut readiness = readiness.lock().unwrap_or_else(PoisonError::into_inner);
            let waker = Waker::from(Arc::clone(&self.wake_flag));
            loop {
                // What rings from here on is heard the next time.
                self.wake_flag.clear();
                let polled = readiness.as_mut().poll(&mut Context::from_waker(&waker));
                let Poll::Ready(polled) = polled else { return false };
                self.wake_flag.set();
                *readiness = error_readiness(socket);
                if polled.is_err() {
                    // The runtime is going away, and everything with it.
                    return false;
                }
                for _ in 0..Self::MAX_READ_COUNT {
                    // tokio forgets the readiness when it sees that the queue is empty. What else a queue might say is
                    // no reason to ask it again at once.
                    let taken = socket
                        .try_read_error_queue(|| read_message(socket).map_err(|_| io::ErrorKind::WouldBlock.into()));
                    match taken {
                        Ok(Some((destination, quoted))) => batch.push_unreachable_owned(destination, quoted),
                        Ok(None) => {}
                        Err(_) => break,
                    }
                }
                if batch.unreachable().next().is_some() {
                    return true;
                }
            }
        }
    }

    impl fmt::Debug for ErrorQueue {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("ErrorQueue").field("is_enabled", &self.readiness.is_some()).finish()
        }
    }

    fn error_readiness(socket: &Arc<WatchedSocket>) -> Readiness {
        Box::pin(socket.error_ready())
    }

    /// Takes one message from the queue: where the datagram was sent and what is quoted of it, or `None` where the
    /// message does not say that nobody is there.
    fn read_message(socket: &WatchedSocket) -> io::Result<Option<(SocketAddr, Vec<u8>)>> {
        let mut quoted = [0; ErrorQueue::MAX_QUOTED_LEN];
        let mut slices = [IoSliceMut::new(&mut quoted)];
        // Besides the error come the time, the interface and whatever else was asked for with received datagrams.
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

    /// Nothing comes back here.
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
            _: &mut ReceiveBatch,
        ) -> Poll<()> {
            Poll::Pending
        }

        pub(in crate::udp) fn register(&self, _: &Context<'_>) -> bool {
            false
        }

        pub(in crate::udp) fn drain(&self, _: &Arc<WatchedSocket>, _: &mut ReceiveBatch) -> bool {
            false
        }
    }
}
