//! UDP on tokio through quinn-udp.

mod error_queue;
mod options;
mod recv_mode;
mod socket_options;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod wake_flag;
mod watched_socket;

use std::future::Future;
use std::io::{self, IoSliceMut};
use std::mem;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSocketState};
use socket2::SockRef;
use tokio::task::coop::consume_budget;

use self::error_queue::{Bounces, is_lost, is_pending_error};
pub use self::options::UdpOptions;
use self::recv_mode::{Pace, Pacer};
use self::watched_socket::WatchedSocket;
use crate::address::{self, canonical};
use crate::datagram::MAX_DATAGRAM_LEN;
use crate::send_batch::Run;
use crate::{Datagram, ReceiveBatch, SendBatch, Transport};

/// A UDP socket on tokio.
///
/// - Receives up to 32 datagrams with one system call, and as many more as the kernel has coalesced; one by one, which is faster,
///   while they come so.
/// - An answer leaves from the address that was asked, on hosts that have several.
/// - A socket on `[::]` serves both families, and an IPv4 peer has an IPv4 address there too.
/// - Datagrams of one length to one peer leave with one system call, where the kernel can take them apart.
/// - On Linux and Android a datagram that comes back, because its port is closed or its host unreachable, is shown
///   ([`ReceiveBatch::bounced`]).
/// - Datagrams larger than the path's MTU are fragmented rather than refused, so that an 8 KiB request crosses an
///   Ethernet. (Where the system allows setting that: Linux, Android, FreeBSD and Apple's systems. Elsewhere such a
///   datagram may be refused as too large.)
#[derive(Debug)]
pub struct Udp {
    socket: Arc<WatchedSocket>,
    state: UdpSocketState,
    bounces: Bounces,
    local_addr: SocketAddr,
    /// The address that it has; `None` where it has all of the host's.
    only_addr: Option<IpAddr>,
    pacer: Pacer,
    /// Whether something was received since tokio was asked last.
    has_received: AtomicBool,
    /// Whether there may be more than tokio knows of: it takes the socket for empty, and nobody has looked.
    may_be_left: AtomicBool,
}

impl Udp {
    /// Room for a datagram, or for a run of them that the kernel coalesced.
    const BUFFER_LEN: usize = 1 << 16;

    /// How many buffers a receive offers while there is little to receive: each that is offered costs time, used or not,
    /// and one more than is used shows that nothing is left.
    const FEW: usize = if BATCH_SIZE < Pacer::FEW { BATCH_SIZE } else { Pacer::FEW };

    /// How many datagrams leave as one at the most: a quarter of what there is, so that the peer answers the first while the
    /// others are sent; but not so few that there is little to gain, nor more than half of what Linux takes.
    const MAX_SEGMENT_COUNT: usize = 32;

    /// How many leave as one if there are as many.
    const MIN_SEGMENT_COUNT: usize = 16;

    /// The largest segment of a segmented send: what IPv6 carries on every link (RFC 8200: 1,280 bytes), less its header
    /// and UDP's.
    const MAX_SEGMENT_LEN: usize = 1_280 - 40 - 8;

    /// The most that leaves as one: what a datagram over IPv4 carries.
    const MAX_RUN_LEN: usize = MAX_DATAGRAM_LEN;

    /// How often an operation is tried again that failed because of another datagram. Each such error is told once, and
    /// another may come in between.
    const MAX_PENDING_ERRORS: usize = 16;

    /// Binds a socket; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// Where the address is in use or not this host's, or a port needs privileges.
    ///
    /// # Panics
    ///
    /// Outside the context of a tokio runtime with its I/O driver enabled.
    pub fn bind(addr: SocketAddr, options: &UdpOptions) -> io::Result<Self> {
        Self::from_socket(options::open(addr)?, options)
    }

    /// Binds several sockets to one address, between which the system divides the peers; port 0 takes a free port.
    ///
    /// # Errors
    ///
    /// As for [`bind`](Self::bind), and for more than one where the system cannot share an address so (`SO_REUSEPORT`).
    ///
    /// # Panics
    ///
    /// As [`bind`](Self::bind) does.
    pub fn bind_several(addr: SocketAddr, count: usize, options: &UdpOptions) -> io::Result<Vec<Self>> {
        if count < 2 {
            return Self::bind(addr, options).map(|one| vec![one]);
        }
        let first = Self::from_socket(options::open_shared(addr)?, options)?;
        let addr = first.local_addr;
        let others = (1..count).map(|_| Self::from_socket(options::open_shared(addr)?, options));
        std::iter::once(Ok(first)).chain(others).collect()
    }

    /// Takes over a socket that is bound already, for example one that systemd passed on.
    ///
    /// # Errors
    ///
    /// Where the socket is not bound, or refuses its options.
    ///
    /// # Panics
    ///
    /// Outside the context of a tokio runtime with its I/O driver enabled.
    pub fn from_socket(socket: std::net::UdpSocket, options: &UdpOptions) -> io::Result<Self> {
        let state = socket_options::prepare(&socket)?;
        options::apply(&socket, options)?;
        let local_addr = socket.local_addr()?;
        let socket = Arc::new(WatchedSocket::new(socket)?);
        let bounces = Bounces::new(&socket, options.reports_unreachable)?;
        let only_addr = Some(local_addr.ip().to_canonical()).filter(|ip| !ip.is_unspecified());
        let pacer = Pacer::new(&socket, only_addr.is_some());
        let (has_received, may_be_left) = (AtomicBool::new(false), AtomicBool::new(false));
        Ok(Self { socket, state, bounces, local_addr, only_addr, pacer, has_received, may_be_left })
    }

    /// Receives one batch. Fails with `WouldBlock` where tokio is to take the socket for empty, whether or not there was
    /// something: `batch` says.
    fn receive_now(&self, batch: &mut ReceiveBatch) -> io::Result<()> {
        match self.pacer.pace() {
            Pace::One => self.receive_one(batch),
            Pace::Few => self.receive_up_to::<{ Self::FEW }>(batch),
            Pace::Many => self.receive_up_to::<BATCH_SIZE>(batch),
        }
    }

    fn receive_one(&self, batch: &mut ReceiveBatch) -> io::Result<()> {
        let received = {
            let buffer = batch.buffers(BATCH_SIZE, Self::BUFFER_LEN).next().expect("there are several");
            past_pending_errors(|| self.socket.recv_from(buffer))
        };
        self.pacer.took_one(&self.socket, received.is_ok());
        let (len, source) = received?;
        batch.note(canonical(source), self.only_addr, 0, len);
        self.may_be_left.store(true, Ordering::Relaxed);
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn receive_up_to<const N: usize>(&self, batch: &mut ReceiveBatch) -> io::Result<()> {
        let mut metas = [RecvMeta::default(); N];
        let count = {
            let mut buffers = batch.buffers(BATCH_SIZE, Self::BUFFER_LEN);
            let mut slices: [IoSliceMut<'_>; N] =
                std::array::from_fn(|_| IoSliceMut::new(buffers.next().expect("a buffer for each slice")));
            past_pending_errors(|| self.state.recv((&**self.socket).into(), &mut slices, &mut metas))?
        };
        for (index, meta) in metas[..count].iter().enumerate() {
            let source = canonical(meta.addr);
            let local = self.only_addr.or_else(|| meta.dst_ip.map(|ip| ip.to_canonical()));
            let mut start = index * Self::BUFFER_LEN;
            let end = start + meta.len;
            // An empty datagram has no stride, and is a datagram all the same.
            let stride = meta.stride.max(1);
            while end - start > stride {
                batch.note(source, local, start, start + stride);
                start += stride;
            }
            batch.note(source, local, start, end);
        }
        self.pacer.took(&self.socket, batch.len(), count, count < N);
        if count < N { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
    }

    fn send_now(&self, run: &Run<'_>) -> io::Result<()> {
        let is_ipv6 = self.local_addr.is_ipv6();
        let destination = address::destination(run.destination, is_ipv6)?;
        // A socket with one address sends from no other.
        let src_ip = run.source.filter(|_| self.only_addr.is_none()).and_then(|ip| address::source(ip, is_ipv6));
        if src_ip.is_none() && run.count == 1 {
            // There is nothing to say of it but where it goes, and the shortest way to say that is the fastest.
            let destination = destination.into();
            return self.attempt(|| SockRef::from(&**self.socket).send_to(run.contents, &destination).map(drop));
        }
        let segment_size = (run.count > 1).then_some(run.segment_len);
        let transmit = Transmit { destination, ecn: None, contents: run.contents, segment_size, src_ip };
        match self.attempt(|| self.state.try_send((&**self.socket).into(), &transmit)) {
            // What was asked was a network's broadcast address, or is no address of this host's any more.
            Err(error) if src_ip.is_some() && is_about_the_source(&error) => {
                self.send_now(&Run { source: None, ..*run })
            }
            sent => sent,
        }
    }

    fn attempt(&self, mut send: impl FnMut() -> io::Result<()>) -> io::Result<()> {
        match past_pending_errors(&mut send) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.socket.try_send_again(send),
            // It left the socket, and was lost on its first step: nobody would know had it been the second.
            Err(error) if is_lost(&error) => Ok(()),
            // Still about others, after all those attempts. This one is none the worse for it and can wait.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Err(io::ErrorKind::WouldBlock.into()),
            sent => sent,
        }
    }

    /// How much of a batch may leave as one segmented send: how many datagrams, and of what length at the most.
    ///
    /// A segment has to fit the MTU of the way that it leaves by, which nothing here knows. Where one does not, the kernel
    /// refuses, and segmentation is given up for good: what fits every way is sent so.
    fn segments(&self, destination: IpAddr, len: usize) -> usize {
        let fits = len <= Self::MAX_SEGMENT_LEN || destination.is_loopback();
        if fits { self.state.max_gso_segments() } else { 1 }
    }
}

/// Lowers a flag, and says whether it was raised. Whoever receives does so alone.
fn take(flag: &AtomicBool) -> bool {
    let raised = flag.load(Ordering::Relaxed);
    if raised {
        flag.store(false, Ordering::Relaxed);
    }
    raised
}

/// Tries again where the error is about an earlier datagram to somebody else.
fn past_pending_errors<T>(mut operation: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for _ in 0..Udp::MAX_PENDING_ERRORS {
        match operation() {
            Err(error) if is_pending_error(&error) => {}
            done => return done,
        }
    }
    operation()
}

fn is_about_the_source(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::InvalidInput | io::ErrorKind::AddrNotAvailable | io::ErrorKind::NetworkUnreachable
    )
}

impl Transport for Udp {
    fn poll_receive(&self, cx: &mut Context<'_>, batch: &mut ReceiveBatch) -> Poll<io::Result<()>> {
        batch.clear();
        if self.bounces.take(&self.socket, batch) {
            return Poll::Ready(Ok(()));
        }
        let mut may_be_left = take(&self.may_be_left);
        // Who has just received asks tokio, which knows that the socket was emptied, or tells whoever receives one batch after the
        // other that it is others' turn. Who was woken tries at once: tokio looks in any case whether there may be something.
        if take(&self.has_received) {
            if !may_be_left {
                if self.socket.poll_readable(cx)?.is_pending() {
                    return self.bounces.poll(&self.socket, cx, batch).map(Ok);
                }
            } else if self.pacer.pace() != Pace::One && pin!(consume_budget()).poll(cx).is_pending() {
                self.may_be_left.store(true, Ordering::Relaxed);
                return Poll::Pending;
            }
        }
        loop {
            let mut has_looked = false;
            let mut received = self.socket.try_receive(|| {
                has_looked = true;
                self.receive_now(batch)
            });
            if mem::take(&mut may_be_left) && !has_looked {
                received = self.receive_now(batch);
                // Tokio does not hear of it: what is left now would be forgotten.
                let is_empty = received.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
                self.may_be_left.fetch_or(!is_empty, Ordering::Relaxed);
            }
            if !batch.is_empty() {
                self.has_received.store(true, Ordering::Relaxed);
                return Poll::Ready(Ok(()));
            }
            match received {
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Poll::Ready(Err(error)),
                _ if self.socket.poll_readable(cx)?.is_pending() => {
                    return self.bounces.poll(&self.socket, cx, batch).map(Ok);
                }
                _ => {}
            }
        }
    }

    fn poll_arrival(&self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.may_be_left.load(Ordering::Relaxed)
            || self.bounces.listen(cx)
            || self.socket.poll_readable(cx).is_ready()
        {
            return Poll::Ready(());
        }
        self.pacer.took_one(&self.socket, false);
        Poll::Pending
    }

    fn try_send(&self, datagram: Datagram<'_>) -> io::Result<()> {
        self.send_now(&Run::one(datagram))
    }

    /// Datagrams of one length to one peer leave as one, which the kernel or the network card takes apart.
    fn try_send_batch(&self, batch: &SendBatch, from: usize) -> io::Result<usize> {
        if batch.len() - from == 1 {
            return self.try_send(batch.datagram(from)).map(|()| 1);
        }
        let quarter = ((batch.len() - from) / 4).clamp(Self::MIN_SEGMENT_COUNT, Self::MAX_SEGMENT_COUNT);
        let mut at = from;
        while at < batch.len() {
            let first = batch.datagram(at);
            let max_count = self.segments(first.destination.ip(), first.contents.len()).min(quarter);
            let run = batch.run(at, max_count, Self::MAX_RUN_LEN);
            let sent = match self.send_now(&run) {
                // What a network card refuses as one, it takes one by one; and what is wrong with one is no other's.
                Err(error) if run.count > 1 && error.kind() != io::ErrorKind::WouldBlock => {
                    self.send_now(&Run::one(first)).map(|()| 1)
                }
                sent => sent.map(|()| run.count),
            };
            match sent {
                Ok(count) => at += count,
                Err(error) if at == from => return Err(error),
                Err(_) => break,
            }
        }
        Ok(at - from)
    }

    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_writable(cx)
    }

    fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }
}

#[cfg(test)]
mod tests;
