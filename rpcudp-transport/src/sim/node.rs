use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::time::{Instant, Sleep, sleep_until};

use super::Network;
use super::receive_queue::Inbox;
use crate::datagram::MAX_DATAGRAM_LEN;
use crate::{Datagram, ReceiveBatch, Transport};

/// A place on a [`Network`]: a transport in memory. Dropping it frees its address.
#[derive(Debug)]
pub struct Node {
    network: Network,
    addr: SocketAddr,
    inbox: Arc<Inbox>,
    seed: u64,
    /// Wakes the receiver when the next datagram arrives.
    alarm: Mutex<Option<Pin<Box<Sleep>>>>,
}

impl Node {
    pub(super) fn new(network: Network, addr: SocketAddr, inbox: Arc<Inbox>, seed: u64) -> Self {
        Self { network, addr, inbox, seed, alarm: Mutex::new(None) }
    }

    /// Waits for `arrival`.
    fn poll_arrival(&self, arrival: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let mut alarm = self.alarm.lock().unwrap_or_else(PoisonError::into_inner);
        let alarm = alarm.get_or_insert_with(|| Box::pin(sleep_until(arrival)));
        if alarm.deadline() != arrival {
            alarm.as_mut().reset(arrival);
        }
        alarm.as_mut().poll(cx)
    }
}

impl Transport for Node {
    fn poll_receive(&self, cx: &mut Context<'_>, batch: &mut ReceiveBatch) -> Poll<io::Result<()>> {
        batch.clear();
        loop {
            let arrival = self.inbox.take(Instant::now(), self.addr.ip(), batch, cx.waker());
            if !batch.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let Some(arrival) = arrival else { return Poll::Pending };
            ready!(self.poll_arrival(arrival, cx));
        }
    }

    fn try_send(&self, datagram: Datagram<'_>) -> io::Result<()> {
        if datagram.contents.len() > MAX_DATAGRAM_LEN || datagram.destination.port() == 0 {
            let message = "no such datagram can be sent: too long, or to port 0";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        self.network.send(self.addr, &datagram);
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

impl Drop for Node {
    fn drop(&mut self) {
        self.network.unbind(self.addr);
    }
}
