//! How many datagrams a socket is asked for at once, by how they came so far.

use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

pub(super) use self::gro::{disable_gro, enable_gro};

/// How a socket is received from. What takes many datagrams with one system call takes one of them more slowly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RecvMode {
    /// One datagram with each call, and nothing is said of it but who sent it.
    Single,
    /// A few with each, and of each as many as the kernel has coalesced.
    SmallBatch,
    /// As many as may be.
    FullBatch,
}

/// Finds the pace of a socket. One task at a time receives.
#[derive(Debug)]
pub(super) struct RecvModeSelector {
    /// Whether `RecvMode::Single` says enough.
    may_use_single: bool,
    pub(super) is_single: AtomicBool,
    is_busy: AtomicBool,
    /// While they are taken one by one: how many came without a pause. Otherwise: how often in a row there was but one.
    streak: AtomicU32,
}

impl RecvModeSelector {
    /// How many datagrams without a pause are too many to be taken one by one; and how many calls bring `RecvMode::SmallBatch` at the
    /// most.
    pub(super) const SMALL_BATCH_LEN: usize = 2;

    /// How often in a row there has to be but one datagram before they are taken one by one: the change takes as long as to
    /// receive one.
    pub(super) const SINGLE_STREAK: u32 = 64;

    /// `may_use_single` where it need not be known which of the host's addresses a datagram was sent to.
    pub(super) fn new(socket: &UdpSocket, may_use_single: bool) -> Self {
        let is_single = may_use_single && disable_gro(socket);
        if !is_single {
            enable_gro(socket);
        }
        Self {
            may_use_single,
            is_single: AtomicBool::new(is_single),
            is_busy: AtomicBool::new(false),
            streak: AtomicU32::new(0),
        }
    }

    pub(super) fn mode(&self) -> RecvMode {
        if self.is_single.load(Ordering::Relaxed) {
            RecvMode::Single
        } else if self.is_busy.load(Ordering::Relaxed) {
            RecvMode::FullBatch
        } else {
            RecvMode::SmallBatch
        }
    }

    /// Notes whether asking for one datagram has brought one.
    pub(super) fn record_single(&self, socket: &UdpSocket, is_received: bool) {
        let streak = if is_received { self.streak.load(Ordering::Relaxed) + 1 } else { 0 };
        self.streak.store(streak, Ordering::Relaxed);
        if streak as usize >= Self::SMALL_BATCH_LEN {
            enable_gro(socket);
            self.is_single.store(false, Ordering::Relaxed);
            self.is_busy.store(true, Ordering::Relaxed);
            self.streak.store(0, Ordering::Relaxed);
        }
    }

    /// Notes how many have come, in as many buffers, and whether that is all there was.
    pub(super) fn record_batch(
        &self,
        socket: &UdpSocket,
        datagram_count: usize,
        buffer_count: usize,
        is_drained: bool,
    ) {
        self.is_busy.store(buffer_count >= Self::SMALL_BATCH_LEN, Ordering::Relaxed);
        let streak = if datagram_count == 1 && is_drained { self.streak.load(Ordering::Relaxed) + 1 } else { 0 };
        self.streak.store(streak, Ordering::Relaxed);
        if streak >= Self::SINGLE_STREAK {
            self.streak.store(0, Ordering::Relaxed);
            self.is_single.store(self.may_use_single && disable_gro(socket), Ordering::Relaxed);
        }
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod gro {
    use std::io;
    use std::net::UdpSocket;

    use nix::sys::socket::setsockopt;
    use nix::sys::socket::sockopt::UdpGroSegment;

    /// Has the kernel give datagrams of one length from one peer away as one. Where it cannot, they come as they are.
    pub(in crate::udp) fn enable_gro(socket: &UdpSocket) {
        let _ = setsockopt(socket, UdpGroSegment, &true);
    }

    /// Has the kernel give them away one by one; `false` where it goes on as before.
    ///
    /// What it has coalesced by then it would still give away as one, and not say so: there must be nothing. What another core has
    /// begun to put there before the first of two system calls and has not by the second would be taken for one datagram, and all
    /// but the first of it lost, as any datagram may be.
    pub(in crate::udp) fn disable_gro(socket: &UdpSocket) -> bool {
        if setsockopt(socket, UdpGroSegment, &false).is_err() {
            return false;
        }
        let is_empty = socket.peek_from(&mut []).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        if !is_empty {
            enable_gro(socket);
        }
        is_empty
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod gro {
    use std::net::UdpSocket;

    /// Nothing is coalesced.
    pub(in crate::udp) fn enable_gro(_: &UdpSocket) {}

    /// What takes many datagrams takes one as well.
    pub(in crate::udp) fn disable_gro(_: &UdpSocket) -> bool {
        false
    }
}
