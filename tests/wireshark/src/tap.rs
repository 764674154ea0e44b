use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

use rpcudp::transport::{Datagram, ReceiveBatch, Transport};

use crate::Capture;

/// A transport that captures the datagrams that it sends and receives.
#[derive(Debug)]
pub struct Tap<T> {
    transport: T,
    capture: Capture,
}

impl<T: Transport> Tap<T> {
    /// Wraps a transport to capture its datagrams.
    pub fn new(transport: T, capture: &Capture) -> Self {
        Self { transport, capture: capture.clone() }
    }
}

impl<T: Transport> Transport for Tap<T> {
    fn poll_receive(&self, cx: &mut Context<'_>, batch: &mut ReceiveBatch) -> Poll<io::Result<()>> {
        ready!(self.transport.poll_receive(cx, batch))?;
        for received in batch.iter() {
            self.capture.add(received.source, self.local_addr(), received.contents);
        }
        Poll::Ready(Ok(()))
    }

    fn try_send(&self, datagram: Datagram<'_>) -> io::Result<()> {
        self.transport.try_send(datagram)?;
        self.capture.add(self.local_addr(), datagram.destination, datagram.contents);
        Ok(())
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
