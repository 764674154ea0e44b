//! Sends datagrams to different peers, or of different lengths, with one system call (`sendmmsg`).

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;
use std::sync::atomic::Ordering;

use nix::errno::Errno;
use nix::sys::socket::{ControlMessage, MsgFlags, MultiHeaders, SockaddrStorage, sendmmsg};
use nix::{cmsg_space, libc};

use super::bound_socket::{BoundSocket, MAX_RUN_LEN, MAX_SEGMENT_LEN};
use crate::address;
use crate::send_batch::{Run, SendBatch};

/// The number of messages in one system call. With more, the cost of the call itself no longer
/// shows.
const MAX_MESSAGE_COUNT: usize = 32;

/// Sends datagrams of a batch from index `from` on with one system call, and returns the
/// number of datagrams sent. `None` if the first run has to be sent alone: the system call
/// cannot carry another one with it, or has reported an error of its first datagram.
pub(super) fn send(
    socket: &BoundSocket,
    batch: &SendBatch,
    from: usize,
    max_run_count: usize,
) -> Option<io::Result<usize>> {
    if socket.lacks_multi_send.load(Ordering::Relaxed) {
        return None;
    }
    let run_at = |at| {
        let max_count = if socket.fits_segment(&batch.datagram(at)) { max_run_count } else { 1 };
        batch.run(at, max_count, MAX_RUN_LEN)
    };
    let first = run_at(from);
    let source = socket.source(first.source);
    // Look ahead first, because most of what follows is for nothing if the first run is alone.
    let second = from + first.count;
    if second == batch.len() || batch.datagram(second).source != batch.datagram(from).source {
        return None;
    }
    // Filled in place: these arrays are too large to be moved for each system call.
    let mut slices = [[IoSlice::new(&[])]; MAX_MESSAGE_COUNT];
    let mut destinations = [None; MAX_MESSAGE_COUNT];
    let mut datagram_counts = [0; MAX_MESSAGE_COUNT];
    let mut shape = Shape { source, segment_len: None, max_single_len: 0 };
    let (mut at, mut len) = (from, 0);
    while at < batch.len() && len < MAX_MESSAGE_COUNT {
        let run = run_at(at);
        // An impossible destination is sent alone, which explains the error.
        let Ok(destination) = address::destination(run.destination, socket.local_addr.is_ipv6()) else { break };
        if !shape.admit(&run, socket.source(run.source)) {
            break;
        }
        slices[len] = [IoSlice::new(run.contents)];
        destinations[len] = Some(SockaddrStorage::from(destination));
        datagram_counts[len] = run.count;
        at += run.count;
        len += 1;
    }
    if len < 2 {
        return None;
    }
    match shape.send(socket, &slices[..len], &destinations) {
        Ok(message_count) => Some(Ok(datagram_counts[..message_count].iter().sum())),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Some(Err(error)),
        Err(error) => {
            note_lack(socket, &error);
            None
        }
    }
}

/// Sends one run. `None` if the kernel lacks the system call.
pub(super) fn send_run(
    socket: &BoundSocket,
    run: &Run<'_>,
    destination: SocketAddr,
    source: Option<IpAddr>,
) -> Option<io::Result<()>> {
    if socket.lacks_multi_send.load(Ordering::Relaxed) {
        return None;
    }
    let shape = Shape { source, segment_len: (run.count > 1).then_some(run.segment_len), max_single_len: 0 };
    match shape.send(socket, &[[IoSlice::new(run.contents)]], &[Some(SockaddrStorage::from(destination))]) {
        Err(error) if note_lack(socket, &error) => None,
        sent => Some(sent.map(drop)),
    }
}

/// Notes, and returns, whether an error says that the kernel lacks the system call.
fn note_lack(socket: &BoundSocket, error: &io::Error) -> bool {
    let is_lack = error.raw_os_error() == Some(Errno::ENOSYS as i32);
    if is_lack {
        socket.lacks_multi_send.store(true, Ordering::Relaxed);
    }
    is_lack
}

/// The part that the messages of one system call have in common. nix gives all of them the same
/// control messages, so all have one source, and one segment length if any of them is a segmented
/// send.
struct Shape {
    source: Option<IpAddr>,
    segment_len: Option<usize>,
    /// The length of the longest message that is a single datagram.
    max_single_len: usize,
}

impl Shape {
    /// Returns whether the system call can send a run, from a source, with the messages so far.
    fn admit(&mut self, run: &Run<'_>, source: Option<IpAddr>) -> bool {
        let is_segmented = run.count > 1;
        let fits = match self.segment_len {
            None if is_segmented => run.segment_len <= MAX_SEGMENT_LEN && self.max_single_len <= run.segment_len,
            None => true,
            Some(segment_len) if is_segmented => run.segment_len == segment_len,
            Some(segment_len) => run.segment_len <= segment_len,
        };
        if !fits || source != self.source {
            return false;
        }
        if is_segmented {
            self.segment_len = Some(run.segment_len);
        } else {
            self.max_single_len = self.max_single_len.max(run.segment_len);
        }
        true
    }

    /// Sends the messages, and returns the number of messages sent, which is at least one.
    fn send(
        &self,
        socket: &BoundSocket,
        slices: &[[IoSlice<'_>; 1]],
        destinations: &[Option<SockaddrStorage>],
    ) -> io::Result<usize> {
        let segment_len = self.segment_len.map(|len| len as u16);
        let segments = segment_len.as_ref().map(ControlMessage::UdpGsoSegments);
        let (source_v4, source_v6) = match self.source {
            Some(IpAddr::V4(ip)) => {
                let source = libc::in_addr { s_addr: u32::from_ne_bytes(ip.octets()) };
                let any = libc::in_addr { s_addr: 0 };
                (Some(libc::in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: source, ipi_addr: any }), None)
            }
            Some(IpAddr::V6(ip)) => {
                let source = libc::in6_addr { s6_addr: ip.octets() };
                (None, Some(libc::in6_pktinfo { ipi6_addr: source, ipi6_ifindex: 0 }))
            }
            None => (None, None),
        };
        let packet_info = source_v4.as_ref().map(ControlMessage::Ipv4PacketInfo);
        let packet_info = packet_info.or_else(|| source_v6.as_ref().map(ControlMessage::Ipv6PacketInfo));
        let control = Control { has_segments: self.segment_len.is_some(), source: self.source.map(|ip| ip.is_ipv6()) };
        HEADERS.with_borrow_mut(|headers| {
            let headers = headers[control.index()]
                .get_or_insert_with(|| MultiHeaders::preallocate(MAX_MESSAGE_COUNT, control.buffer()));
            let fd = socket.socket.as_raw_fd();
            let flags = MsgFlags::empty();
            let sent = match (segments, packet_info) {
                (None, None) => sendmmsg(fd, headers, slices, destinations, [], flags),
                (Some(one), None) | (None, Some(one)) => sendmmsg(fd, headers, slices, destinations, [one], flags),
                (Some(one), Some(other)) => sendmmsg(fd, headers, slices, destinations, [one, other], flags),
            };
            Ok(sent?.count())
        })
    }
}

thread_local! {
    /// The headers of system calls, by their control messages. nix's headers hold pointers, so they
    /// belong to one thread.
    static HEADERS: RefCell<[Option<MultiHeaders<SockaddrStorage>>; 6]> = const { RefCell::new([const { None }; 6]) };
}

/// The control messages of a system call, without their values.
#[derive(Clone, Copy)]
struct Control {
    has_segments: bool,
    /// Whether the source is an IPv6 address, if there is one.
    source: Option<bool>,
}

impl Control {
    /// Returns the position of the headers in [`HEADERS`].
    fn index(self) -> usize {
        usize::from(self.has_segments) + 2 * self.source.map_or(0, |is_ipv6| 1 + usize::from(is_ipv6))
    }

    /// Returns a buffer with exactly the length of the control messages.
    fn buffer(self) -> Option<Vec<u8>> {
        match (self.has_segments, self.source) {
            (false, None) => None,
            (true, None) => Some(cmsg_space!(u16)),
            (false, Some(false)) => Some(cmsg_space!(libc::in_pktinfo)),
            (false, Some(true)) => Some(cmsg_space!(libc::in6_pktinfo)),
            (true, Some(false)) => Some(cmsg_space!(u16, libc::in_pktinfo)),
            (true, Some(true)) => Some(cmsg_space!(u16, libc::in6_pktinfo)),
        }
    }
}
