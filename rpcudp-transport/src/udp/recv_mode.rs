//! Selects how many datagrams a receive asks for, by the traffic so far.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

pub(super) use self::gro::{disable_gro, enable_gro};
use super::watched_socket::WatchedSocket;

/// The system call that a receive uses, and how much it asks for. A system call that can receive
/// many datagrams receives a single one more slowly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RecvMode {
    /// One datagram per call with `recvfrom`, which reports only the sender. GRO is off.
    Single,
    /// A few buffers per call, each with as many datagrams as the kernel coalesced.
    SmallBatch,
    /// The maximum number of buffers per call.
    FullBatch,
}

/// Selects the mode of a socket. Only one task at a time receives, so relaxed atomics suffice.
#[derive(Debug)]
pub(super) struct RecvModeSelector {
    /// Whether `RecvMode::Single` reports enough: the socket is bound to one address.
    may_use_single: bool,
    pub(super) is_single: AtomicBool,
    is_busy: AtomicBool,
    /// In `RecvMode::Single`, the number of datagrams received without a pause. In the other modes,
    /// the number of consecutive receives that found a single datagram.
    streak: AtomicU32,
}

impl RecvModeSelector {
    /// The number of datagrams without a pause that ends `RecvMode::Single`, and the number of
    /// buffers of a receive in `RecvMode::SmallBatch`.
    pub(super) const SMALL_BATCH_LEN: usize = 2;

    /// The number of consecutive receives with a single datagram after which `RecvMode::Single`
    /// begins. It is this large because the change takes as long as one receive.
    pub(super) const SINGLE_STREAK: u32 = 64;

    /// Selects the first mode. `may_use_single` permits `RecvMode::Single`: the caller does not
    /// need to know which of the host's addresses a datagram was sent to.
    pub(super) fn new(socket: &WatchedSocket, may_use_single: bool) -> Self {
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

    /// Returns the mode for the next receive.
    pub(super) fn mode(&self) -> RecvMode {
        if self.is_single.load(Ordering::Relaxed) {
            RecvMode::Single
        } else if self.is_busy.load(Ordering::Relaxed) {
            RecvMode::FullBatch
        } else {
            RecvMode::SmallBatch
        }
    }

    /// Records whether a receive in `RecvMode::Single` returned a datagram.
    pub(super) fn record_single(&self, socket: &WatchedSocket, is_received: bool) {
        let streak = if is_received { self.streak.load(Ordering::Relaxed) + 1 } else { 0 };
        self.streak.store(streak, Ordering::Relaxed);
        if streak as usize >= Self::SMALL_BATCH_LEN {
            enable_gro(socket);
            self.is_single.store(false, Ordering::Relaxed);
            self.is_busy.store(true, Ordering::Relaxed);
            self.streak.store(0, Ordering::Relaxed);
        }
    }

    /// Records a receive in the other modes: the number of datagrams, the number of buffers that
    /// held them, and whether the socket was drained.
    pub(super) fn record_batch(
        &self,
        socket: &WatchedSocket,
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

/// Generic receive offload: the kernel coalesces datagrams of one length from one peer into one
/// buffer.
#[cfg(any(target_os = "linux", target_os = "android"))]
mod gro {
    use std::io;

    use nix::sys::socket::setsockopt;
    use nix::sys::socket::sockopt::UdpGroSegment;

    use crate::udp::watched_socket::WatchedSocket;

    /// Enables GRO. A kernel without it keeps delivering each datagram alone.
    pub(in crate::udp) fn enable_gro(socket: &WatchedSocket) {
        let _ = setsockopt(&**socket, UdpGroSegment, &true);
    }

    /// Disables GRO, and returns `false` if it stays enabled.
    ///
    /// The receive buffer must be empty: the kernel still delivers as one the datagrams that it has
    /// coalesced by then, and `recvfrom` does not report their number. A race remains: if another
    /// core has begun to coalesce before the first of the two system calls, and queues its
    /// datagrams after the second, they count as one datagram, and all but the first are lost, as
    /// any datagram may be.
    pub(in crate::udp) fn disable_gro(socket: &WatchedSocket) -> bool {
        if setsockopt(&**socket, UdpGroSegment, &false).is_err() {
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
    use crate::udp::watched_socket::WatchedSocket;

    /// Does nothing: these systems have no GRO for UDP.
    pub(in crate::udp) fn enable_gro(_: &WatchedSocket) {}

    /// Returns `false`: `RecvMode::Single` is no faster on these systems.
    pub(in crate::udp) fn disable_gro(_: &WatchedSocket) -> bool {
        false
    }
}
