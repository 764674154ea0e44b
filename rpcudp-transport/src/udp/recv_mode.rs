//! How many datagrams a socket is asked for at once, by how they came so far.

use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

pub(super) use self::coalescing::{begin_coalescing, end_coalescing};

/// How a socket is received from. What takes many datagrams with one system call takes one of them more slowly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// One datagram with each call, and nothing is said of it but who sent it.
    One,
    /// A few with each, and of each as many as the kernel has coalesced.
    Few,
    /// As many as may be.
    Many,
}

/// Finds the pace of a socket. One task at a time receives.
#[derive(Debug)]
pub(super) struct Pacer {
    /// Whether `Pace::One` says enough.
    may_take_one: bool,
    pub(super) takes_one: AtomicBool,
    is_busy: AtomicBool,
    /// While they are taken one by one: how many came without a pause. Otherwise: how often in a row there was but one.
    in_a_row: AtomicU32,
}

impl Pacer {
    /// How many datagrams without a pause are too many to be taken one by one; and how many calls bring `Pace::Few` at the
    /// most.
    pub(super) const FEW: usize = 2;

    /// How often in a row there has to be but one datagram before they are taken one by one: the change takes as long as to
    /// receive one.
    pub(super) const ALONE: u32 = 64;

    /// `may_take_one` where it need not be known which of the host's addresses a datagram was sent to.
    pub(super) fn new(socket: &UdpSocket, may_take_one: bool) -> Self {
        let takes_one = may_take_one && end_coalescing(socket);
        if !takes_one {
            begin_coalescing(socket);
        }
        Self {
            may_take_one,
            takes_one: AtomicBool::new(takes_one),
            is_busy: AtomicBool::new(false),
            in_a_row: AtomicU32::new(0),
        }
    }

    pub(super) fn pace(&self) -> Pace {
        if self.takes_one.load(Ordering::Relaxed) {
            Pace::One
        } else if self.is_busy.load(Ordering::Relaxed) {
            Pace::Many
        } else {
            Pace::Few
        }
    }

    /// Notes whether asking for one datagram has brought one.
    pub(super) fn took_one(&self, socket: &UdpSocket, came: bool) {
        let in_a_row = if came { self.in_a_row.load(Ordering::Relaxed) + 1 } else { 0 };
        self.in_a_row.store(in_a_row, Ordering::Relaxed);
        if in_a_row as usize >= Self::FEW {
            begin_coalescing(socket);
            self.takes_one.store(false, Ordering::Relaxed);
            self.is_busy.store(true, Ordering::Relaxed);
            self.in_a_row.store(0, Ordering::Relaxed);
        }
    }

    /// Notes how many have come, in as many buffers, and whether that is all there was.
    pub(super) fn took(&self, socket: &UdpSocket, count: usize, buffer_count: usize, is_all: bool) {
        self.is_busy.store(buffer_count >= Self::FEW, Ordering::Relaxed);
        let in_a_row = if count == 1 && is_all { self.in_a_row.load(Ordering::Relaxed) + 1 } else { 0 };
        self.in_a_row.store(in_a_row, Ordering::Relaxed);
        if in_a_row >= Self::ALONE {
            self.in_a_row.store(0, Ordering::Relaxed);
            self.takes_one.store(self.may_take_one && end_coalescing(socket), Ordering::Relaxed);
        }
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod coalescing {
    use std::io;
    use std::net::UdpSocket;

    use nix::sys::socket::setsockopt;
    use nix::sys::socket::sockopt::UdpGroSegment;

    /// Has the kernel give datagrams of one length from one peer away as one. Where it cannot, they come as they are.
    pub(in crate::udp) fn begin_coalescing(socket: &UdpSocket) {
        let _ = setsockopt(socket, UdpGroSegment, &true);
    }

    /// Has the kernel give them away one by one; `false` where it goes on as before.
    ///
    /// What it has coalesced by then it would still give away as one, and not say so: there must be nothing. What another core has
    /// begun to put there before the first of two system calls and has not by the second would be taken for one datagram, and all
    /// but the first of it lost, as any datagram may be.
    pub(in crate::udp) fn end_coalescing(socket: &UdpSocket) -> bool {
        if setsockopt(socket, UdpGroSegment, &false).is_err() {
            return false;
        }
        let is_empty = socket.peek_from(&mut []).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        if !is_empty {
            begin_coalescing(socket);
        }
        is_empty
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod coalescing {
    use std::net::UdpSocket;

    /// Nothing is coalesced.
    pub(in crate::udp) fn begin_coalescing(_: &UdpSocket) {}

    /// What takes many datagrams takes one as well.
    pub(in crate::udp) fn end_coalescing(_: &UdpSocket) -> bool {
        false
    }
}
