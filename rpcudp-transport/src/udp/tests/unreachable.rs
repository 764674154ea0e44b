use std::net::SocketAddr;

#[cfg(target_os = "linux")]
use super::bind;
use super::{receive, send};
use crate::{Transport, Udp, UdpOptions};

/// Returns an address whose port was free a moment ago.
fn closed_port() -> SocketAddr {
    std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn datagram_to_a_closed_port_is_reported_as_unreachable() {
    let a = bind("127.0.0.1:0");
    let both = bind("[::]:0");
    for socket in [a, both] {
        let destination = closed_port();
        send(&socket, destination, b"is anybody there?").await;
        let batch = receive(&socket).await;
        let unreachable: Vec<_> = batch.unreachable().map(|report| (report.destination, report.contents)).collect();
        assert_eq!(unreachable, [(destination, &b"is anybody there?"[..])]);
        assert_eq!(batch.len(), 0);
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn unreachable_datagram_does_not_affect_others() {
    let (a, b) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
    let closed = closed_port();
    let (mut received, mut unreachable) = (0, 0);
    for number in 0..100_u8 {
        // The kernel reports the error of the first send to the next operation. The second datagram
        // must be sent nevertheless.
        send(&a, closed, &[number]).await;
        send(&a, b.local_addr(), &[number]).await;
        send(&b, a.local_addr(), &[number]).await;
        let batch = receive(&b).await;
        assert_eq!(batch.iter().next().unwrap().contents, [number]);
    }
    while received < 100 || unreachable < 100 {
        let batch = receive(&a).await;
        received += batch.len();
        unreachable += batch.unreachable().count();
    }
    assert_eq!((received, unreachable), (100, 100));
}

#[tokio::test]
async fn unreachable_datagrams_are_not_reported_if_disabled() {
    let options = UdpOptions::default().report_unreachable(false);
    let a = Udp::bind("127.0.0.1:0".parse().unwrap(), &options).unwrap();
    send(&a, closed_port(), b"is anybody there?").await;
    send(&a, a.local_addr(), b"I am").await;
    let batch = receive(&a).await;
    assert_eq!((batch.len(), batch.unreachable().count()), (1, 0));
}
