//! A flood of valid requests from forged source addresses.
//!
//! Without privileges, a socket sends only from the addresses of its host. So the forged requests
//! are added in the transport of the endpoint, to the datagrams of a real socket, and the transport
//! absorbs the responses.

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

/// The first forged address, in the range that RFC 2544 reserves for benchmarks.
const FIRST: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 0);

/// The number of addresses in that range.
pub(super) const MAX_VICTIMS: u32 = 1 << 17;

/// The source port of all forged requests.
const PORT: u16 = 7_000;

/// The number of requests in a batch: as many buffers as one system call receives.
const BATCH_LEN: usize = 32;

/// The number of batches that the queue holds. Further batches are lost, as in a full buffer of the
/// kernel.
const MAX_QUEUED_BATCHES: usize = 128;

/// A UDP transport that receives forged requests as well.
#[derive(Debug)]
pub(super) struct FloodedTransport {
    udp: Udp,
    traffic: Arc<ForgedTraffic>,
    /// Whether forged requests are received first. Alternates, so that neither source starves the
    /// other.
    forged_first: AtomicBool,
}

/// The forged datagrams, and the counts of the bytes sent in response.
pub(super) struct ForgedTraffic {
    forgery: Forgery,
    queue: Mutex<ForgedQueue>,
    /// The responses of victims to the endpoint's calls, which validate them.
    responses: Mutex<Vec<(SocketAddr, Vec<u8>)>>,
    lost: AtomicU64,
    /// The bytes that the endpoint has received from all victims.
    received_bytes: AtomicU64,
    /// The bytes that would have been sent to each victim.
    victim_bytes: Box<[AtomicU64]>,
}

/// The datagrams that are sent in the names of others.
#[derive(Debug)]
pub(super) enum Forgery {
    /// A request. Each copy gets a message id of its own.
    Request(Vec<u8>),
    /// Some datagrams. Each victim has one of them.
    Datagrams(Vec<Vec<u8>>),
}

#[derive(Debug, Default)]
struct ForgedQueue {
    batches: VecDeque<[Forged; BATCH_LEN]>,
    /// The waker of the receiving task.
    receiver: Option<Waker>,
}

/// A forged request.
#[derive(Clone, Copy, Debug)]
struct Forged {
    victim: u32,
    id: MessageId,
}

/// The flood that fills the queue of forged requests.
#[derive(Debug)]
pub(super) struct ForgedFlood {
    traffic: Arc<ForgedTraffic>,
    rng: StdRng,
    order: Order,
    count: u32,
}

/// The order of the victims in whose names requests are forged.
#[derive(Clone, Copy, Debug)]
pub(super) enum Order {
    /// Each victim at random.
    Random,
    /// In turn: some requests in the name of the first victim, and then enough in the names of
    /// others to evict the first from every table.
    Churn,
}

impl Order {
    /// The requests in the name of the first victim, and then of others, in [`Churn`](Self::Churn).
    const CHURN: [u32; 2] = [4_000, 8_192];

    fn victim(self, count: u32, victim_count: u32, rng: &mut StdRng) -> u32 {
        let [first, others] = Self::CHURN;
        match self {
            Self::Random => rng.random_range(0..victim_count),
            Self::Churn if count % (first + others) < first => 0,
            Self::Churn => 1 + count % (victim_count - 1),
        }
    }
}

impl FloodedTransport {
    pub(super) fn new(udp: Udp, traffic: Arc<ForgedTraffic>) -> Self {
        Self { udp, traffic, forged_first: AtomicBool::new(false) }
    }
}

impl ForgedTraffic {
    /// Prepares copies of these datagrams from `victim_count` forged addresses, at most
    /// [`MAX_VICTIMS`].
    pub(super) fn new(forgery: Forgery, victim_count: u32) -> Arc<Self> {
        let victim_bytes = (0..victim_count.min(MAX_VICTIMS)).map(|_| AtomicU64::new(0)).collect();
        Arc::new(Self {
            forgery,
            queue: Mutex::default(),
            responses: Mutex::default(),
            lost: AtomicU64::new(0),
            received_bytes: AtomicU64::new(0),
            victim_bytes,
        })
    }

    /// Returns the number of requests lost because the queue was full.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Returns the bytes that would have been sent to all victims, divided by those that were
    /// received from them.
    pub(super) fn amplification(&self) -> f64 {
        let sent: u64 = self.victim_bytes.iter().map(|counter| counter.load(Ordering::Relaxed)).sum();
        sent as f64 / (self.received_bytes.load(Ordering::Relaxed) as f64).max(1.0)
    }

    /// Returns the bytes that would have been sent to the victim with the most traffic.
    pub(super) fn max_victim_bytes(&self) -> u64 {
        self.victim_bytes.iter().map(|counter| counter.load(Ordering::Relaxed)).max().unwrap_or_default()
    }

    /// Returns the address of a victim.
    pub(super) fn victim(number: u32) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::from(u32::from(FIRST) + number), PORT))
    }

    /// Forgets the bytes that were counted so far.
    pub(super) fn reset(&self) {
        self.victim_bytes.iter().for_each(|counter| counter.store(0, Ordering::Relaxed));
    }

    /// Receives a batch of forged requests. Returns whether the queue had one.
    fn receive(&self, batch: &mut ReceiveBatch) -> bool {
        let mut responses = self.responses.lock().unwrap_or_else(PoisonError::into_inner);
        if !responses.is_empty() {
            batch.clear();
            for (source, contents) in responses.drain(..) {
                assert!(batch.push(Received { source, local: None, contents: &contents }), "small responses fit");
            }
            return true;
        }
        drop(responses);
        let Some(forged) = self.queue().batches.pop_front() else { return false };
        batch.clear();
        let mut copy = match &self.forgery {
            Forgery::Request(request) => request.clone(),
            Forgery::Datagrams(_) => Vec::new(),
        };
        let mut len = 0;
        for Forged { victim, id } in forged {
            let contents = match &self.forgery {
                Forgery::Request(_) => {
                    Request::set_id(&mut copy, id);
                    &copy
                }
                Forgery::Datagrams(datagrams) => &datagrams[victim as usize % datagrams.len()],
            };
            let source = Self::victim(victim);
            assert!(batch.push(Received { source, local: None, contents }), "32 datagrams fit");
            len += contents.len() as u64;
        }
        self.received_bytes.fetch_add(len, Ordering::Relaxed);
        true
    }

    /// Returns the counter of a victim; `None` if the address is not a victim's.
    fn victim_counter(&self, destination: SocketAddr) -> Option<&AtomicU64> {
        let IpAddr::V4(ip) = destination.ip() else { return None };
        self.victim_bytes.get(u32::from(ip).checked_sub(u32::from(FIRST))? as usize)
    }

    /// Counts a datagram instead of sending it, if it goes to a victim. Returns whether it does.
    fn absorb(&self, datagram: Datagram<'_>) -> bool {
        let counter = self.victim_counter(datagram.destination);
        if let ([0, rest @ ..], true) = (datagram.contents, counter.is_some()) {
            // A call of the endpoint: the victim responds with empty bytes.
            let response = [b"\x01", &rest[..MessageId::LEN], b"\xc4\x00"].concat();
            let mut responses = self.responses.lock().unwrap_or_else(PoisonError::into_inner);
            responses.push((datagram.destination, response));
            drop(responses);
            if let Some(receiver) = self.queue().receiver.take() {
                receiver.wake();
            }
        }
        counter.map(|counter| counter.fetch_add(datagram.contents.len() as u64, Ordering::Relaxed)).is_some()
    }

    fn queue(&self) -> MutexGuard<'_, ForgedQueue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Forgery {
    fn default() -> Self {
        Self::Datagrams(Vec::new())
    }
}

impl ForgedFlood {
    pub(super) fn new(traffic: Arc<ForgedTraffic>, order: Order, seed: u64) -> Self {
        Self { traffic, rng: StdRng::seed_from_u64(seed), order, count: 0 }
    }
}

impl Flood for ForgedFlood {
    fn send_batch(&mut self) -> Result<usize, BoxError> {
        let Self { traffic, rng, order, count } = self;
        let victim_count = traffic.victim_bytes.len() as u32;
        let batch = [(); BATCH_LEN].map(|()| {
            *count = count.wrapping_add(1);
            Forged { victim: order.victim(*count, victim_count, rng), id: MessageId::without_slot(rng.random()) }
        });
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
        // A batch has either forged requests or datagrams of the socket, because `receive` clears
        // it.
        if self.forged_first.fetch_xor(true, Ordering::Relaxed) && self.traffic.receive(batch) {
            return Poll::Ready(Ok(()));
        }
        if let Poll::Ready(received) = self.udp.poll_receive(cx, batch) {
            return Poll::Ready(received);
        }
        self.traffic.queue().receiver = Some(cx.waker().clone());
        // A batch that was queued before the waker was registered did not wake this task.
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
        // Send the others one by one, because `try_send_batch` has no end index.
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
