use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use rpcudp_transport::{Datagram, ReceiveBatch, SendBatch, Transport};

use super::lifecycle::Lifecycle;

/// A transport that marks the endpoint as closed when the last of the endpoint's transports is
/// dropped.
///
/// A task that is sending may hold a transport for longer than the driver does, and the address is
/// free only after that.
#[derive(Debug)]
pub(crate) struct CloseGuard<T> {
    /// Dropped before the notice.
    transport: T,
    _notice: Arc<CloseNotice>,
}

/// A value shared by all transports of an endpoint, whose drop marks the endpoint as closed.
#[derive(Debug)]
pub(crate) struct CloseNotice {
    pub(crate) lifecycle: Arc<Lifecycle>,
    pub(crate) local_addr: SocketAddr,
}

impl<T> CloseGuard<T> {
    pub(crate) fn new(transport: T, notice: &Arc<CloseNotice>) -> Self {
        Self { transport, _notice: Arc::clone(notice) }
    }
}

impl Drop for CloseNotice {
    fn drop(&mut self) {
        tracing::debug!(target: "rpcudp", local_addr = %self.local_addr, "endpoint closed");
        self.lifecycle.set_closed();
    }
}

impl<T: Transport> Transport for CloseGuard<T> {
    fn poll_receive(&self, cx: &mut Context<'_>, batch: &mut ReceiveBatch) -> Poll<io::Result<()>> {
        self.transport.poll_receive(cx, batch)
    }

    fn poll_arrival(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.transport.poll_arrival(cx)
    }

    fn try_receive(&self, batch: &mut ReceiveBatch) -> io::Result<()> {
        self.transport.try_receive(batch)
    }

    fn try_send(&self, datagram: Datagram<'_>) -> io::Result<()> {
        self.transport.try_send(datagram)
    }

    fn try_send_batch(&self, batch: &SendBatch, from: usize) -> io::Result<usize> {
        self.transport.try_send_batch(batch, from)
    }

    fn gathers(&self) -> bool {
        self.transport.gathers()
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
