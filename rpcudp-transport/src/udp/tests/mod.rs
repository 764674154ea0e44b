//! Tests over real sockets on loopback.

mod addresses;
mod batches;
#[cfg(target_os = "linux")]
mod multi_send;
#[cfg(target_os = "linux")]
mod multicast;
#[cfg(target_os = "linux")]
mod recv_mode;
#[cfg(target_os = "linux")]
mod sends;
#[cfg(unix)]
mod several_sockets;
#[cfg(target_os = "linux")]
mod socket_options;
mod unreachable;
#[cfg(target_os = "linux")]
mod unwatched;

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::timeout;

use crate::{Datagram, ReceiveBatch, Transport, Udp, UdpOptions};

fn bind(addr: &str) -> Udp {
    Udp::bind(addr.parse().unwrap(), &UdpOptions::default()).unwrap()
}

async fn send(from: &Udp, destination: SocketAddr, contents: &[u8]) {
    let datagram = Datagram { destination, source: None, contents };
    while let Err(error) = from.try_send(datagram) {
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        poll_fn(|cx| from.poll_writable(cx)).await.unwrap();
    }
}

async fn poll_receive(at: &Udp) -> ReceiveBatch {
    let mut batch = ReceiveBatch::new();
    poll_fn(|cx| at.poll_receive(cx, &mut batch)).await.unwrap();
    batch
}

async fn receive(at: &Udp) -> ReceiveBatch {
    timeout(Duration::from_secs(10), poll_receive(at)).await.unwrap()
}
