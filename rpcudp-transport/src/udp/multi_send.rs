//! Sends datagrams to different peers, or of different lengths, with one system call (`sendmmsg`).

use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;
use std::sync::LazyLock;
use std::sync::atomic::Ordering;

use nix::errno::Errno;
use nix::sys::socket::{ControlMessage, MsgFlags, MultiHeaders, SockaddrStorage, sendmmsg};
use nix::{cmsg_space, libc};

use super::bound_socket::{BoundSocket, MAX_RUN_LEN};
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
    // Look ahead first, because most of what follows is for nothing if the first run is alone.
    if from + first.count == batch.len() {
        return None;
    }
    let first_control = Control::of(socket, &first);
    // Filled in place: these arrays are too large to be moved for each system call.
    let mut slices = [[IoSlice::new(&[])]; MAX_MESSAGE_COUNT];
    let mut destinations = [None; MAX_MESSAGE_COUNT];
    let mut controls = [first_control; MAX_MESSAGE_COUNT];
    let mut datagram_counts = [0; MAX_MESSAGE_COUNT];
    let (mut at, mut len) = (from, 0);
    while at < batch.len() && len < MAX_MESSAGE_COUNT {
        let run = run_at(at);
        let control = Control::of(socket, &run);
        if !control.can_follow(first_control) {
            break;
        }
        // An impossible destination is sent alone, which explains the error.
        let Ok(destination) = address::destination(run.destination, socket.local_addr.is_ipv6()) else { break };
        slices[len] = [IoSlice::new(run.contents)];
        destinations[len] = Some(SockaddrStorage::from(destination));
        controls[len] = control;
        datagram_counts[len] = run.count;
        at += run.count;
        len += 1;
    }
    if len < 2 {
        return None;
    }
    match send_messages(socket, &slices[..len], &destinations, &controls) {
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
    let control = Control { source, ..Control::of(socket, run) };
    let destination = Some(SockaddrStorage::from(destination));
    match send_messages(socket, &[[IoSlice::new(run.contents)]], &[destination], &[control]) {
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

/// The values of the control messages of a message.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Control {
    /// The source, in the form that the socket takes.
    source: Option<IpAddr>,
    /// The length of the segments of a segmented send; 0 for a single datagram.
    segment_len: u16,
}

impl Control {
    fn of(socket: &BoundSocket, run: &Run<'_>) -> Self {
        let segment_len = if run.count > 1 { run.segment_len as u16 } else { 0 };
        Self { source: socket.source(run.source), segment_len }
    }

    /// Returns whether one system call can send a message with these values after one with other
    /// values.
    fn can_follow(self, first: Self) -> bool {
        // A kernel that sends from an IPv6 socket to an IPv4 address takes no unspecified source.
        self == first || (self.source.is_some() == first.source.is_some() && *TAKES_CONTROL_PER_MESSAGE)
    }
}

/// Sends messages, each with its control messages, and returns the number of messages sent, which
/// is at least one. `controls` may have more than there are messages, and only such as the messages
/// have.
fn send_messages<const N: usize>(
    socket: &BoundSocket,
    slices: &[[IoSlice<'_>; 1]],
    destinations: &[Option<SockaddrStorage>],
    controls: &[Control; N],
) -> io::Result<usize> {
    let has_segments = controls.iter().any(|control| control.segment_len > 0);
    let kind = ControlKind { has_segments, source: controls[0].source.map(|source| source.is_ipv6()) };
    let segment_lens = controls.map(|control| control.segment_len);
    let segments = segment_lens.each_ref().map(ControlMessage::UdpGsoSegments);
    let (sources_v4, sources_v6);
    let sources = match kind.source {
        None if has_segments => return kind.send(socket, slices, destinations, &segments.map(|one| [one]).into()),
        None => return kind.send(socket, slices, destinations, &[[]; N].into()),
        Some(false) => {
            sources_v4 = controls.map(packet_info_v4);
            sources_v4.each_ref().map(ControlMessage::Ipv4PacketInfo)
        }
        Some(true) => {
            sources_v6 = controls.map(packet_info_v6);
            sources_v6.each_ref().map(ControlMessage::Ipv6PacketInfo)
        }
    };
    if !has_segments {
        return kind.send(socket, slices, destinations, &sources.map(|one| [one]).into());
    }
    let mut segments = segments.into_iter();
    let both = sources.map(|source| [segments.next().expect("both have one for each message"), source]);
    kind.send(socket, slices, destinations, &both.into())
}

fn packet_info_v4(control: Control) -> libc::in_pktinfo {
    let source = match control.source {
        Some(IpAddr::V4(ip)) => u32::from_ne_bytes(ip.octets()),
        _ => 0,
    };
    let [source, any] = [source, 0].map(|s_addr| libc::in_addr { s_addr });
    libc::in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: source, ipi_addr: any }
}

fn packet_info_v6(control: Control) -> libc::in6_pktinfo {
    let source = match control.source {
        Some(IpAddr::V6(ip)) => ip.octets(),
        _ => [0; 16],
    };
    libc::in6_pktinfo { ipi6_addr: libc::in6_addr { s6_addr: source }, ipi6_ifindex: 0 }
}

/// The control messages of the messages of one system call, `N` for each message.
///
/// `sendmmsg` of nix is meant to give all messages the same ones. It asks for them once for each
/// message, and gets the next ones each time.
struct ControlMessages<'a, const N: usize, const M: usize> {
    messages: [[ControlMessage<'a>; M]; N],
    next: Cell<usize>,
}

impl<'a, const N: usize, const M: usize> From<[[ControlMessage<'a>; M]; N]> for ControlMessages<'a, N, M> {
    fn from(messages: [[ControlMessage<'a>; M]; N]) -> Self {
        Self { messages, next: Cell::new(0) }
    }
}

impl<'a, const N: usize, const M: usize> AsRef<[ControlMessage<'a>]> for ControlMessages<'a, N, M> {
    fn as_ref(&self) -> &[ControlMessage<'a>] {
        let at = self.next.get();
        self.next.set(at + 1);
        self.messages.get(at).map_or(&[], |messages| messages)
    }
}

/// Whether nix asks for the control messages of each message, which its documentation does not
/// promise. Otherwise, only messages with the same ones share a system call.
pub(super) static TAKES_CONTROL_PER_MESSAGE: LazyLock<bool> = LazyLock::new(|| {
    let controls = ControlMessages::from([[]; 3]);
    let mut headers = MultiHeaders::preallocate(2, None);
    let messages = [[IoSlice::new(&[])]; 2];
    // No descriptor is negative, so this sends no message.
    let _ = sendmmsg(-1, &mut headers, &messages, [None::<SockaddrStorage>; 2], &controls, MsgFlags::empty());
    controls.next.get() == messages.len()
});

thread_local! {
    /// The headers of system calls, by their control messages. nix's headers hold pointers, so they
    /// belong to one thread.
    static HEADERS: RefCell<[Option<MultiHeaders<SockaddrStorage>>; 6]> = const { RefCell::new([const { None }; 6]) };
}

/// The kinds of control messages that each message of a system call has.
#[derive(Clone, Copy)]
struct ControlKind {
    has_segments: bool,
    /// Whether the source is an IPv6 address, if there is one.
    source: Option<bool>,
}

impl ControlKind {
    fn send<const N: usize, const M: usize>(
        self,
        socket: &BoundSocket,
        slices: &[[IoSlice<'_>; 1]],
        destinations: &[Option<SockaddrStorage>],
        controls: &ControlMessages<'_, N, M>,
    ) -> io::Result<usize> {
        HEADERS.with_borrow_mut(|headers| {
            let headers = headers[self.index()]
                .get_or_insert_with(|| MultiHeaders::preallocate(MAX_MESSAGE_COUNT, self.buffer()));
            let fd = socket.socket.as_raw_fd();
            Ok(sendmmsg(fd, headers, slices, destinations, controls, MsgFlags::empty())?.count())
        })
    }

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
