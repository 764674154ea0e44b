use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::time::{Instant, Sleep, sleep_until};

use super::receive_queue::ReceiveQueue;
use super::switch::Switch;
use crate::datagram::{Datagram, MAX_DATAGRAM_LEN};
use crate::receive_batch::ReceiveBatch;
use crate::transport::Transport;

/// An address on a simulated [`Network`](super::Network), and the transport there. Dropping it
/// frees the address.
#[derive(Debug)]
pub struct Node {
    switch: Switch,
    addr: SocketAddr,
    queue: Arc<ReceiveQueue>,
    seed: u64,
    /// The timer that wakes the receiver when the next packet arrives.
    timer: Mutex<Option<Pin<Box<Sleep>>>>,
}

impl Node {
    /// Binds a node to an address, with a free port if the port is 0.
    pub(super) fn bind(switch: &Switch, addr: SocketAddr) -> io::Result<Self> {
        let (addr, queue, seed) = switch.bind(addr)?;
        Ok(Self { switch: switch.clone(), addr, queue, seed, timer: Mutex::new(None) })
    }

    /// Joins a multicast group: the node receives datagrams to the group and the node's port, also
    /// its own. Each member receives them under the conditions of the link from the sender.
    ///
    /// Every node receives IPv4 datagrams to `255.255.255.255` and its port.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use rpcudp::sim::Network;
    /// use rpcudp::{Endpoint, rpc_service};
    ///
    /// #[rpc_service]
    /// trait Sensor {
    ///     fn celsius(&self) -> i8;
    /// }
    ///
    /// struct Sensors(i8);
    ///
    /// impl Sensor for Sensors {
    ///     fn celsius(&self) -> i8 {
    ///         self.0
    ///     }
    /// }
    ///
    /// #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// async fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///     let network = Network::new(7);
    ///     let mut sensors = Vec::new();
    ///     for celsius in 18..21 {
    ///         let node = network.bind(format!("10.0.0.{celsius}:7000"))?;
    ///         node.join_multicast("239.1.2.3".parse()?);
    ///         let builder = Endpoint::builder().serve(SensorServer::new(Sensors(celsius)));
    ///         sensors.push(builder.bind_transport(node)?);
    ///     }
    ///
    ///     let endpoint = Endpoint::builder().bind_transport(network.bind("10.0.0.1:7000")?)?;
    ///     let group = SensorClient::new(&endpoint, "239.1.2.3:7000".parse()?);
    ///     let mut all = group.celsius().all().within(Duration::from_secs(1));
    ///     let mut sum = 0;
    ///     while let Some((_, celsius)) = all.next().await {
    ///         sum += celsius?;
    ///     }
    ///     assert_eq!(sum, 18 + 19 + 20);
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if `group` is not a multicast address.
    pub fn join_multicast(&self, group: IpAddr) {
        assert!(group.is_multicast(), "{group} is not a multicast address");
        self.switch.lock().members.entry((group, self.addr.port())).or_default().insert(self.addr);
    }

    /// Waits until `arrival`.
    fn poll_arrival(&self, arrival: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let mut timer = self.timer.lock().unwrap_or_else(PoisonError::into_inner);
        let timer = timer.get_or_insert_with(|| Box::pin(sleep_until(arrival)));
        if timer.deadline() != arrival {
            timer.as_mut().reset(arrival);
        }
        timer.as_mut().poll(cx)
    }
}

impl Transport for Node {
    fn poll_receive(&self, cx: &mut Context<'_>, batch: &mut ReceiveBatch) -> Poll<io::Result<()>> {
        batch.clear();
        loop {
            let arrival = self.queue.take(Instant::now(), self.addr.ip(), batch, Some(cx.waker()));
            if !batch.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let Some(arrival) = arrival else { return Poll::Pending };
            ready!(self.poll_arrival(arrival, cx));
        }
    }

    fn try_receive(&self, batch: &mut ReceiveBatch) -> io::Result<()> {
        batch.clear();
        self.queue.take(Instant::now(), self.addr.ip(), batch, None);
        if batch.is_empty() { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
    }

    fn try_send(&self, datagram: Datagram<'_>) -> io::Result<()> {
        if datagram.contents.len() > MAX_DATAGRAM_LEN || datagram.destination.port() == 0 {
            let message = "cannot send a datagram above 65,507 bytes or to port 0";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        self.switch.send(self.addr, &datagram);
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
        self.switch.unbind(self.addr);
    }
}
