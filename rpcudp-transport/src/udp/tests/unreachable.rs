use std::net::SocketAddr;

use super::{bind, receive, send};
use crate::{Transport, Udp, UdpOptions};

/// A port that was free a moment ago.
fn closed_port() -> SocketAddr {
    std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_is_sent_to_a_closed_port_comes_back() {
    let a = bind("127.0.0.1:0");
    let both = bind("[::]:0");
    for socket in [a, both] {
        let destination = closed_port();
        send(&socket, destination, b"is anybody there?").await;
        let batch = receive(&socket).await;
        let bounced: Vec<_> = batch.unreachable().map(|bounced| (bounced.destination, bounced.contents)).collect();
        assert_eq!(bounced, [(destination, &b"is anybody there?"[..])]);
        assert_eq!(batch.len(), 0);
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_came_back_disturbs_nobody_else() {
    let (a, b) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
    let closed = closed_port();
    let (mut received, mut bounced) = (0, 0);
    for number in 0..100_u8 {
        // The error about the first is told to whoever comes next: the second must be sent all the same.
        send(&a, closed, &[number]).await;
        send(&a, b.local_addr(), &[number]).await;
        send(&b, a.local_addr(), &[number]).await;
        let batch = receive(&b).await;
        assert_eq!(batch.iter().next().unwrap().contents, [number]);
    }
    while received < 100 || bounced < 100 {
        let batch = receive(&a).await;
        received += batch.len();
        bounced += batch.unreachable().count();
    }
    assert_eq!((received, bounced), (100, 100));
}

#[tokio::test]
async fn what_comes_back_need_not_be_shown() {
    let options = UdpOptions::default().report_unreachable(false);
    let a = Udp::bind("127.0.0.1:0".parse().unwrap(), &options).unwrap();
    send(&a, closed_port(), b"is anybody there?").await;
    send(&a, a.local_addr(), b"I am").await;
    let batch = receive(&a).await;
    assert_eq!((batch.len(), batch.unreachable().count()), (1, 0));
}
