//! A peer that sends frames of a test's choice over its links.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::time::Duration;

use rpcudp::LinkOptions;
use rpcudp::sim::Node;
use rpcudp::transport::{Datagram, ReceiveBatch, Transport};
use rpcudp_secure::{FrameId, LinkEvent, LinkId, Links};
use tokio::time::{Instant, timeout_at};

use crate::fixture::{identity, peer};

pub(crate) struct RawPeer {
    node: Node,
    links: Links,
}

impl RawPeer {
    /// Creates a peer with the identity of a number.
    pub(crate) fn new(node: Node, number: u8) -> Self {
        let links = Links::new(&identity(number), LinkOptions::default(), Self::now(), [number; 32]);
        Self { node, links }
    }

    fn now() -> std::time::Instant {
        Instant::now().into_std()
    }

    /// Opens a link to the endpoint at `addr`, which has the identity of a number.
    pub(crate) async fn connect(&mut self, addr: SocketAddr, number: u8) -> LinkId {
        let link = self.links.connect(Self::now(), addr, peer(number).into()).unwrap();
        let events = self.run(Duration::from_secs(1)).await;
        assert!(matches!(events[..], [LinkEvent::Up { .. }]), "{events:?}");
        link
    }

    /// Sends a frame.
    pub(crate) async fn send(&mut self, link: LinkId, frame: &[u8]) {
        self.links.send(Self::now(), link, frame.to_vec()).unwrap();
        self.run(Duration::from_millis(1)).await;
    }

    /// Drops the frame with this id, in either direction.
    pub(crate) async fn cancel(&mut self, link: LinkId, id: &FrameId) {
        self.links.cancel(Self::now(), link, id);
        self.run(Duration::from_millis(1)).await;
    }

    /// Takes part in its links for a time, and returns their events.
    pub(crate) async fn run(&mut self, time: Duration) -> Vec<LinkEvent> {
        let (end, mut events, mut batch) = (Instant::now() + time, Vec::new(), ReceiveBatch::new());
        loop {
            self.links.flush(Self::now(), |datagram| {
                let rpcudp_secure::Outgoing { destination, source, contents } = datagram;
                self.node.try_send(Datagram { destination, source, contents }).unwrap();
            });
            events.extend(std::iter::from_fn(|| self.links.poll()));
            let next = self.links.deadline().map_or(end, |at| end.min(at.into()));
            match timeout_at(next, poll_fn(|cx| self.node.poll_receive(cx, &mut batch))).await {
                Ok(received) => {
                    received.unwrap();
                    for datagram in batch.iter() {
                        self.links.handle(Self::now(), datagram.source, datagram.local, datagram.contents);
                    }
                }
                Err(_) if next == end => return events,
                Err(_) => self.links.handle_timeout(Self::now()),
            }
        }
    }
}
