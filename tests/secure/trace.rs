//! Records of the datagrams of an endpoint.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use rpcudp::transport::{Datagram, ReceiveBatch, Transport};
use tokio::time::Instant;

/// A datagram that an endpoint sent or received. Its contents are encrypted under keys that differ
/// in each run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The time since the trace began.
    at: Duration,
    is_sent: bool,
    peer: SocketAddr,
    len: usize,
}

/// The datagrams of endpoints, in their order. A clone shares them.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    begun: Instant,
    entries: Arc<Mutex<Vec<Entry>>>,
}

impl Trace {
    pub(crate) fn new() -> Self {
        Self { begun: Instant::now(), entries: Arc::default() }
    }

    /// Wraps the transport of an endpoint.
    pub(crate) fn of<T>(&self, inner: T) -> TracedTransport<T> {
        TracedTransport { inner, trace: self.clone() }
    }

    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.entries.lock().unwrap().clone()
    }

    /// Returns the bytes that were received from each address and sent to it, at the time when the
    /// second had the largest share.
    pub(crate) fn largest_amplification(&self) -> BTreeMap<SocketAddr, (usize, usize)> {
        let mut present = BTreeMap::<_, (usize, usize)>::new();
        let mut largest = BTreeMap::<_, (usize, usize)>::new();
        for Entry { is_sent, peer, len, .. } in self.entries() {
            let now = present.entry(peer).or_default();
            *if is_sent { &mut now.1 } else { &mut now.0 } += len;
            let most = largest.entry(peer).or_insert(*now);
            if now.1 * most.0.max(1) >= most.1 * now.0.max(1) {
                *most = *now;
            }
        }
        largest
    }

    fn add(&self, is_sent: bool, peer: SocketAddr, len: usize) {
        self.entries.lock().unwrap().push(Entry { at: self.begun.elapsed(), is_sent, peer, len });
    }
}

#[derive(Debug)]
pub(crate) struct TracedTransport<T> {
    inner: T,
    trace: Trace,
}

impl<T: Transport> Transport for TracedTransport<T> {
    fn poll_receive(&self, cx: &mut Context<'_>, batch: &mut ReceiveBatch) -> Poll<io::Result<()>> {
        let polled = self.inner.poll_receive(cx, batch);
        if polled.is_ready() {
            batch.iter().for_each(|datagram| self.trace.add(false, datagram.source, datagram.contents.len()));
        }
        polled
    }
    fn try_send(&self, datagram: Datagram<'_>) -> io::Result<()> {
        self.inner.try_send(datagram)?;
        self.trace.add(true, datagram.destination, datagram.contents.len());
        Ok(())
    }
    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner.poll_writable(cx)
    }
    fn local_addr(&self) -> SocketAddr {
        self.inner.local_addr()
    }
    fn seed(&self) -> Option<u64> {
        self.inner.seed()
    }
}
