use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use rpcudp_transport::{Datagram, ReceiveBatch, SendBatch, Transport};

use crate::endpoint::lifecycle::Lifecycle;

/// A transport whose end is the endpoint's, if it is the last: whoever is sending at that moment may be the last to hold
/// it, and the address is free only then.
#[derive(Debug)]
pub(crate) struct Announcing<T> {
    /// Goes before the announcement.
    transport: T,
    _announcement: Arc<Announcement>,
}

/// Says that the endpoint is closed when nobody holds it any more.
#[derive(Debug)]
pub(crate) struct Announcement {
    pub(crate) lifecycle: Arc<Lifecycle>,
    pub(crate) local_addr: SocketAddr,
}

impl<T> Announcing<T> {
    pub(crate) fn new(transport: T, announcement: &Arc<Announcement>) -> Self {
        Self { transport, _announcement: Arc::clone(announcement) }
    }
}

impl Drop for Announcement {
    fn drop(&mut self) {
        tracing::debug!(target: "rpcudp", local_addr = %self.local_addr, "endpoint closed");
        self.lifecycle.set_closed();
    }
}

impl<T: Transport> Transport for Announcing<T> {
    fn poll_receive(&self, cx: &mut Context<'_>, batch: &mut ReceiveBatch) -> Poll<io::Result<()>> {
        self.transport.poll_receive(cx, batch)
    }

    fn poll_arrival(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.transport.poll_arrival(cx)
    }

    fn try_send(&self, datagram: Datagram<'_>) -> io::Result<()> {
        self.transport.try_send(datagram)
    }

    fn try_send_batch(&self, batch: &SendBatch, from: usize) -> io::Result<usize> {
        self.transport.try_send_batch(batch, from)
    }

    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.transport.poll_writable(cx)
    }

    fn local_addr(&self) -> SocketAddr {
        self.transport.local_addr()
    }

    fn seed(&self) -> Option<u64> {
        self.transport.seed()
    }
}
