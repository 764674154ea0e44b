//! A network that delivers a packet only when the test says so.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use rpcudp::transport::{Datagram, ReceiveBatch, Received, Transport, Unreachable};

/// A network of ports. A clone is another handle to the same network.
#[derive(Clone, Debug, Default)]
pub(crate) struct ManualNetwork {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    sent: Vec<Packet>,
    inboxes: BTreeMap<SocketAddr, Inbox>,
}

/// A datagram that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) contents: Vec<u8>,
}

#[derive(Debug, Default)]
struct Inbox {
    arrivals: VecDeque<Arrival>,
    waker: Option<Waker>,
}

#[derive(Debug)]
enum Arrival {
    Packet(Packet),
    /// A packet of the port's own that could not be delivered.
    Unreachable(Packet),
}

/// The transport of one endpoint.
#[derive(Debug)]
pub(crate) struct Port {
    network: ManualNetwork,
    addr: SocketAddr,
    seed: u64,
}

impl ManualNetwork {
    /// Opens the port of `addr`, in place of an earlier one. The endpoint's random numbers follow
    /// from `seed`.
    pub(crate) fn open_port(&self, addr: SocketAddr, seed: u64) -> Port {
        self.lock().inboxes.insert(addr, Inbox::default());
        Port { network: self.clone(), addr, seed }
    }

    /// Takes the packets that were sent since the last call.
    pub(crate) fn take_sent(&self) -> Vec<Packet> {
        std::mem::take(&mut self.lock().sent)
    }

    /// Delivers a packet. Drops it if its destination has no port.
    pub(crate) fn deliver(&self, packet: Packet) {
        let to = packet.to;
        self.add(to, Arrival::Packet(packet));
    }

    /// Reports to the sender of a packet that its destination is unreachable.
    pub(crate) fn report_unreachable(&self, packet: Packet) {
        let from = packet.from;
        self.add(from, Arrival::Unreachable(packet));
    }

    fn add(&self, addr: SocketAddr, arrival: Arrival) {
        let mut state = self.lock();
        let Some(inbox) = state.inboxes.get_mut(&addr) else { return };
        inbox.arrivals.push_back(arrival);
        let waker = inbox.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Transport for Port {
    fn poll_receive(&self, cx: &mut Context<'_>, batch: &mut ReceiveBatch) -> Poll<io::Result<()>> {
        batch.clear();
        let mut state = self.network.lock();
        let Some(inbox) = state.inboxes.get_mut(&self.addr) else { return Poll::Pending };
        while let Some(arrival) = inbox.arrivals.pop_front() {
            match arrival {
                Arrival::Packet(Packet { from, to, contents }) => {
                    let is_taken = batch.push(Received { source: from, local: Some(to.ip()), contents: &contents });
                    assert!(is_taken, "a batch has room for the packets of one step");
                }
                Arrival::Unreachable(Packet { to, contents, .. }) => {
                    batch.push_unreachable(Unreachable { destination: to, contents: &contents });
                }
            }
        }
        if batch.is_empty() {
            inbox.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    fn try_send(&self, datagram: Datagram<'_>) -> io::Result<()> {
        let packet = Packet { from: self.addr, to: datagram.destination, contents: datagram.contents.into() };
        self.network.lock().sent.push(packet);
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
