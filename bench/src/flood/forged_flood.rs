//! A flood of valid requests whose source addresses are made up.
//!
//! Without privileges a real socket sends from its own addresses alone. So these requests join those of a real socket where
//! the endpoint receives them, and what it answers ends where it sends.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rpcudp::transport::{Datagram, ReceiveBatch, Received, SendBatch, Transport, Udp};
use rpcudp_core::{MessageId, Request};

use super::flooder::Flood;
use crate::measuring::BoxError;

/// The first of the addresses that are made up: those that RFC 2544 has set aside for benchmarks.
const FIRST: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 0);

/// How many addresses there are from the first on.
pub(super) const MAX_VICTIMS: u32 = 1 << 17;

/// The port that all of them ask from.
const PORT: u16 = 7_000;

/// How many requests are received at once: as many as a system call brings.
const BATCH_LEN: usize = 32;

/// How many batches wait to be received; more are lost, as they are where the kernel's buffer is full.
const MAX_QUEUED_BATCHES: usize = 128;

/// A socket to which forged requests come as well.
#[derive(Debug)]
pub(super) struct FloodedTransport {
    udp: Udp,
    traffic: Arc<ForgedTraffic>,
    /// Whether the forged ones are received first: by turns, so that neither keeps the other waiting.
    forged_first: AtomicBool,
}

/// What is forged, and what is answered to it.
pub(super) struct ForgedTraffic {
    request: Vec<u8>,
    queue: Mutex<ForgedQueue>,
    lost: AtomicU64,
    /// The bytes that each of the victims would have been sent.
    victim_bytes: Box<[AtomicU64]>,
}

#[derive(Debug, Default)]
struct ForgedQueue {
    batches: VecDeque<[Forged; BATCH_LEN]>,
    /// Who waits for a batch.
    receiver: Option<Waker>,
}

/// A request in somebody's name.
#[derive(Clone, Copy, Debug)]
struct Forged {
    victim: u32,
    id: MessageId,
}

/// What puts the forged requests there.
#[derive(Debug)]
pub(super) struct ForgedFlood {
    traffic: Arc<ForgedTraffic>,
    rng: StdRng,
}

impl FloodedTransport {
    pub(super) fn new(udp: Udp, traffic: Arc<ForgedTraffic>) -> Self {
        Self { udp, traffic, forged_first: AtomicBool::new(false) }
    }
}

impl ForgedTraffic {
    /// Requests of this datagram, in the names of so many victims, at most [`MAX_VICTIMS`].
    pub(super) fn new(request: Vec<u8>, victim_count: u32) -> Arc<Self> {
        let victim_bytes = (0..victim_count.min(MAX_VICTIMS)).map(|_| AtomicU64::new(0)).collect();
        Arc::new(Self { request, queue: Mutex::default(), lost: AtomicU64::new(0), victim_bytes })
    }

    /// Requests that nobody had room for.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// The bytes that the victim would have been sent to whom the most was sent.
    pub(super) fn max_victim_bytes(&self) -> u64 {
        self.victim_bytes.iter().map(|victim_bytes| victim_bytes.load(Ordering::Relaxed)).max().unwrap_or_default()
    }

    /// Receives forged requests, if there are any.
    fn receive(&self, batch: &mut ReceiveBatch) -> bool {
        let Some(forged) = self.queue().batches.pop_front() else { return false };
        batch.clear();
        let mut request = self.request.clone();
        for Forged { victim, id } in forged {
            Request::set_id(&mut request, id);
            let source = SocketAddr::from((Ipv4Addr::from(u32::from(FIRST) + victim), PORT));
            assert!(batch.push(Received { source, local: None, contents: &request }), "32 small requests fit");
        }
        true
    }

    /// The address where what is sent there is counted, if it is a victim's.
    fn victim_counter(&self, destination: SocketAddr) -> Option<&AtomicU64> {
        let IpAddr::V4(ip) = destination.ip() else { return None };
        self.victim_bytes.get(u32::from(ip).checked_sub(u32::from(FIRST))? as usize)
    }

    /// Counts a datagram that would go to a victim.
    fn absorb(&self, datagram: Datagram<'_>) -> bool {
        let victim_bytes = self.victim_counter(datagram.destination);
        victim_bytes
            .map(|victim_bytes| victim_bytes.fetch_add(datagram.contents.len() as u64, Ordering::Relaxed))
            .is_some()
    }

    fn queue(&self) -> MutexGuard<'_, ForgedQueue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ForgedFlood {
    pub(super) fn new(traffic: Arc<ForgedTraffic>, seed: u64) -> Self {
        Self { traffic, rng: StdRng::seed_from_u64(seed) }
    }
}

impl Flood for ForgedFlood {
    fn send_batch(&mut self) -> Result<usize, BoxError> {
        let Self { traffic, rng } = self;
        let victim_count = traffic.victim_bytes.len() as u32;
        let batch = [(); BATCH_LEN]
            .map(|()| Forged { victim: rng.random_range(0..victim_count), id: MessageId::without_slot(rng.random()) });
        let mut queue = traffic.queue();
        if queue.batches.len() == MAX_QUEUED_BATCHES {
            traffic.lost.fetch_add(BATCH_LEN as u64, Ordering::Relaxed);
            return Ok(BATCH_LEN);
        }
        queue.batches.push_back(batch);
        let receiver = queue.receiver.take();
        drop(queue);
        if let Some(receiver) = receiver {
            receiver.wake();
        }
        Ok(BATCH_LEN)
    }
}

impl Transport for FloodedTransport {
    fn poll_receive(&self, cx: &mut Context<'_>, batch: &mut ReceiveBatch) -> Poll<io::Result<()>> {
        // A batch has datagrams of one origin: what `push` adds would lie where the socket's are.
        if self.forged_first.fetch_xor(true, Ordering::Relaxed) && self.traffic.receive(batch) {
            return Poll::Ready(Ok(()));
        }
        if let Poll::Ready(received) = self.udp.poll_receive(cx, batch) {
            return Poll::Ready(received);
        }
        self.traffic.queue().receiver = Some(cx.waker().clone());
        // What came before that woke nobody.
        if self.traffic.receive(batch) { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn try_send(&self, datagram: Datagram<'_>) -> io::Result<()> {
        if self.traffic.absorb(datagram) { Ok(()) } else { self.udp.try_send(datagram) }
    }

    fn try_send_batch(&self, batch: &SendBatch, from: usize) -> io::Result<usize> {
        let is_forged = |datagram: &Datagram<'_>| self.traffic.victim_counter(datagram.destination).is_some();
        if !batch.iter().skip(from).any(|datagram| is_forged(&datagram)) {
            return self.udp.try_send_batch(batch, from);
        }
        let absorbed = batch.iter().skip(from).take_while(is_forged).filter(|datagram| self.traffic.absorb(*datagram));
        let count = absorbed.count();
        if count > 0 {
            return Ok(count);
        }
        // The others among them go one by one: the socket cannot be told where to end.
        self.udp.try_send(batch.datagram(from)).map(|()| 1)
    }

    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.udp.poll_writable(cx)
    }

    fn local_addr(&self) -> SocketAddr {
        self.udp.local_addr()
    }
}

impl fmt::Debug for ForgedTraffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Forgery").field("victim_count", &self.victim_bytes.len()).finish_non_exhaustive()
    }
}
