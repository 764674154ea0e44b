//! A network on which nothing moves by itself: what is sent lies at the post office until somebody says what becomes of
//! it.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use rpcudp::transport::{Datagram, ReceiveBatch, Received, Transport, Unreachable};

/// The post office. A clone is another handle to the same one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Office {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    sent: Vec<Letter>,
    boxes: BTreeMap<SocketAddr, Letterbox>,
}

/// A datagram that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Letter {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) contents: Vec<u8>,
}

#[derive(Debug, Default)]
struct Letterbox {
    arrived: VecDeque<Arrived>,
    owner: Option<Waker>,
}

#[derive(Debug)]
enum Arrived {
    Letter(Letter),
    /// One of its owner's own, returned.
    Returned(Letter),
}

/// Where an endpoint posts its letters and gets those that are delivered to it.
#[derive(Debug)]
pub(crate) struct Desk {
    office: Office,
    addr: SocketAddr,
    seed: u64,
}

impl Office {
    /// The desk of `addr`, in place of an earlier one; what it draws lots for follows from `seed`.
    pub(crate) fn desk(&self, addr: SocketAddr, seed: u64) -> Desk {
        self.lock().boxes.insert(addr, Letterbox::default());
        Desk { office: self.clone(), addr, seed }
    }

    /// Takes what was sent since the last time.
    pub(crate) fn collect(&self) -> Vec<Letter> {
        std::mem::take(&mut self.lock().sent)
    }

    /// Delivers a letter, if there is anybody.
    pub(crate) fn deliver(&self, letter: Letter) {
        let to = letter.to;
        self.put(to, Arrived::Letter(letter));
    }

    /// Gives a letter back to its sender, as nobody is where it was to go.
    pub(crate) fn give_back(&self, letter: Letter) {
        let from = letter.from;
        self.put(from, Arrived::Returned(letter));
    }

    fn put(&self, addr: SocketAddr, arrived: Arrived) {
        let mut state = self.lock();
        let Some(letterbox) = state.boxes.get_mut(&addr) else { return };
        letterbox.arrived.push_back(arrived);
        let owner = letterbox.owner.take();
        drop(state);
        if let Some(owner) = owner {
            owner.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Transport for Desk {
    fn poll_receive(&self, cx: &mut Context<'_>, batch: &mut ReceiveBatch) -> Poll<io::Result<()>> {
        batch.clear();
        let mut state = self.office.lock();
        let Some(letterbox) = state.boxes.get_mut(&self.addr) else { return Poll::Pending };
        while let Some(arrived) = letterbox.arrived.pop_front() {
            match arrived {
                Arrived::Letter(Letter { from, to, contents }) => {
                    let taken = batch.push(Received { source: from, local: Some(to.ip()), contents: &contents });
                    assert!(taken, "a batch has room for what few operations deliver");
                }
                Arrived::Returned(Letter { to, contents, .. }) => {
                    batch.push_unreachable(Unreachable { destination: to, contents: &contents });
                }
            }
        }
        if batch.is_empty() {
            letterbox.owner = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    fn try_send(&self, datagram: Datagram<'_>) -> io::Result<()> {
        let letter = Letter { from: self.addr, to: datagram.destination, contents: datagram.contents.into() };
        self.office.lock().sent.push(letter);
        Ok(())
    }

    fn poll_writable(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn local_addr(&self) -> SocketAddr {
        self.addr
    }

    fn seed(&self) -> Option<u64> {
        Some(self.seed)
    }
}
