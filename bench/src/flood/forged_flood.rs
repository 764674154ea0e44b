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

use super::flooder::Attack;
use crate::measuring::Fault;

/// The first of the addresses that are made up: those that RFC 2544 has set aside for benchmarks.
const FIRST: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 0);

/// How many addresses there are from the first on.
pub(super) const MAX_VICTIMS: u32 = 1 << 17;

/// The port that all of them ask from.
const PORT: u16 = 7_000;

/// How many requests are received at once: as many as a system call brings.
const BATCH_LEN: usize = 32;

/// How many batches wait to be received; more are lost, as they are where the kernel's buffer is full.
const MAX_WAITING: usize = 128;

/// A socket to which forged requests come as well.
#[derive(Debug)]
pub(super) struct Besieged {
    udp: Udp,
    forgery: Arc<Forgery>,
    /// Whether the forged ones are received first: by turns, so that neither keeps the other waiting.
    forged_first: AtomicBool,
}

/// What is forged, and what is answered to it.
pub(super) struct Forgery {
    request: Vec<u8>,
    inbox: Mutex<Inbox>,
    lost: AtomicU64,
    /// The bytes that each of the victims would have been sent.
    drawn: Box<[AtomicU64]>,
}

#[derive(Debug, Default)]
struct Inbox {
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
pub(super) struct Forger {
    forgery: Arc<Forgery>,
    rng: StdRng,
}

impl Besieged {
    pub(super) fn new(udp: Udp, forgery: Arc<Forgery>) -> Self {
        Self { udp, forgery, forged_first: AtomicBool::new(false) }
    }
}

impl Forgery {
    /// Requests of this datagram, in the names of so many victims, at most [`MAX_VICTIMS`].
    pub(super) fn new(request: Vec<u8>, victim_count: u32) -> Arc<Self> {
        let drawn = (0..victim_count.min(MAX_VICTIMS)).map(|_| AtomicU64::new(0)).collect();
        Arc::new(Self { request, inbox: Mutex::default(), lost: AtomicU64::new(0), drawn })
    }

    /// Requests that nobody had room for.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// The bytes that the victim would have been sent to whom the most was sent.
    pub(super) fn most_drawn(&self) -> u64 {
        self.drawn.iter().map(|drawn| drawn.load(Ordering::Relaxed)).max().unwrap_or_default()
    }

    /// Receives forged requests, if there are any.
    fn receive(&self, batch: &mut ReceiveBatch) -> bool {
        let Some(forged) = self.inbox().batches.pop_front() else { return false };
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
    fn drawn_by(&self, destination: SocketAddr) -> Option<&AtomicU64> {
        let IpAddr::V4(ip) = destination.ip() else { return None };
        self.drawn.get(u32::from(ip).checked_sub(u32::from(FIRST))? as usize)
    }

    /// Counts a datagram that would go to a victim.
    fn swallow(&self, datagram: Datagram<'_>) -> bool {
        let drawn = self.drawn_by(datagram.destination);
        drawn.map(|drawn| drawn.fetch_add(datagram.contents.len() as u64, Ordering::Relaxed)).is_some()
    }

    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Forger {
    pub(super) fn new(forgery: Arc<Forgery>, seed: u64) -> Self {
        Self { forgery, rng: StdRng::seed_from_u64(seed) }
    }
}

impl Attack for Forger {
    fn strike(&mut self) -> Result<usize, Fault> {
        let Self { forgery, rng } = self;
        let victim_count = forgery.drawn.len() as u32;
        let batch = [(); BATCH_LEN]
            .map(|()| Forged { victim: rng.random_range(0..victim_count), id: MessageId::without_slot(rng.random()) });
        let mut inbox = forgery.inbox();
        if inbox.batches.len() == MAX_WAITING {
            forgery.lost.fetch_add(BATCH_LEN as u64, Ordering::Relaxed);
            return Ok(BATCH_LEN);
        }
        inbox.batches.push_back(batch);
        let receiver = inbox.receiver.take();
        drop(inbox);
        if let Some(receiver) = receiver {
            receiver.wake();
        }
        Ok(BATCH_LEN)
    }
}

impl Transport for Besieged {
    fn poll_receive(&self, cx: &mut Context<'_>, batch: &mut ReceiveBatch) -> Poll<io::Result<()>> {
        // A batch has datagrams of one origin: what `push` adds would lie where the socket's are.
        if self.forged_first.fetch_xor(true, Ordering::Relaxed) && self.forgery.receive(batch) {
            return Poll::Ready(Ok(()));
        }
        if let Poll::Ready(received) = self.udp.poll_receive(cx, batch) {
            return Poll::Ready(received);
        }
        self.forgery.inbox().receiver = Some(cx.waker().clone());
        // What came before that woke nobody.
        if self.forgery.receive(batch) { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn try_send(&self, datagram: Datagram<'_>) -> io::Result<()> {
        if self.forgery.swallow(datagram) { Ok(()) } else { self.udp.try_send(datagram) }
    }

    fn try_send_batch(&self, batch: &SendBatch, from: usize) -> io::Result<usize> {
        let is_forged = |datagram: &Datagram<'_>| self.forgery.drawn_by(datagram.destination).is_some();
        if !batch.iter().skip(from).any(|datagram| is_forged(&datagram)) {
            return self.udp.try_send_batch(batch, from);
        }
        let swallowed =
            batch.iter().skip(from).take_while(is_forged).filter(|datagram| self.forgery.swallow(*datagram));
        let count = swallowed.count();
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

impl fmt::Debug for Forgery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Forgery").field("victim_count", &self.drawn.len()).finish_non_exhaustive()
    }
}
