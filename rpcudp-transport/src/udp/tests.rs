use std::future::poll_fn;
use std::time::Duration;

use tokio::time::timeout;

use super::*;

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

async fn receive(at: &Udp) -> ReceiveBatch {
    let mut batch = ReceiveBatch::new();
    timeout(Duration::from_secs(10), poll_fn(|cx| at.poll_receive(cx, &mut batch))).await.unwrap().unwrap();
    batch
}

#[tokio::test]
async fn datagrams_arrive_in_batches_with_both_addresses() {
    let (a, b) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
    let sent: Vec<_> = (0..100_usize).map(|len| vec![len as u8; len * 600]).collect();
    for contents in &sent {
        send(&a, b.local_addr(), contents).await;
    }
    let mut received = Vec::new();
    let mut batch_count = 0;
    while received.len() < sent.len() {
        let batch = receive(&b).await;
        batch_count += 1;
        for datagram in batch.iter() {
            assert_eq!((datagram.source, datagram.local), (a.local_addr(), Some("127.0.0.1".parse().unwrap())));
            received.push(datagram.contents.to_vec());
        }
    }
    assert_eq!(received, sent);
    assert!(batch_count <= 50, "{batch_count} batches for 100 datagrams");
}

#[tokio::test]
async fn a_socket_on_all_addresses_serves_both_families_with_canonical_addresses() {
    let Ok(both) = Udp::bind("[::]:0".parse().unwrap(), &UdpOptions::default()) else {
        eprintln!("skipped: no IPv6 here");
        return;
    };
    let port = both.local_addr().port();
    for host in ["127.0.0.1", "::1"] {
        let peer = Udp::bind((host.parse::<IpAddr>().unwrap(), 0).into(), &UdpOptions::default()).unwrap();
        send(&peer, (host.parse::<IpAddr>().unwrap(), port).into(), b"hello").await;
        let batch = receive(&both).await;
        let received = batch.iter().next().unwrap();
        assert_eq!((received.source, received.local), (peer.local_addr(), Some(host.parse().unwrap())));
        // The answer leaves from the address that was asked.
        let answer = Datagram { destination: received.source, source: received.local, contents: b"hi" };
        both.try_send(answer).unwrap();
        let batch = receive(&peer).await;
        let answer = batch.iter().next().unwrap();
        assert_eq!((answer.source.ip(), answer.source.port()), (host.parse().unwrap(), port));
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_answer_leaves_from_the_address_that_was_asked() {
    // Linux serves all of 127/8.
    let server = bind("0.0.0.0:0");
    let client = bind("127.0.0.1:0");
    for host in ["127.0.0.2", "127.0.0.3"] {
        let asked = format!("{host}:{}", server.local_addr().port()).parse().unwrap();
        send(&client, asked, b"hello").await;
        let batch = receive(&server).await;
        let request = batch.iter().next().unwrap();
        let answer = Datagram { destination: request.source, source: request.local, contents: b"hi" };
        server.try_send(answer).unwrap();
        assert_eq!(receive(&client).await.iter().next().unwrap().source, asked);
    }
}

#[tokio::test]
async fn the_largest_datagram_passes_and_a_larger_one_is_an_error() {
    let (a, b) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
    send(&a, b.local_addr(), &[1; 65_507]).await;
    assert_eq!(receive(&b).await.iter().next().unwrap().contents, [1; 65_507]);
    let datagram = |contents| Datagram { destination: b.local_addr(), source: None, contents };
    assert!(a.try_send(datagram(&[1; 65_508])).is_err());
    // The error is that datagram's own: it stops no other.
    let mut batch = SendBatch::new();
    for contents in [&b"small"[..], &[1; 65_508], b"large"] {
        batch.push(datagram(contents));
    }
    assert_eq!(a.try_send_batch(&batch, 0).unwrap(), 1);
    assert!(a.try_send_batch(&batch, 1).is_err());
    assert_eq!(a.try_send_batch(&batch, 2).unwrap(), 1);
    assert_eq!(receive(&b).await.iter().next().unwrap().contents, b"small");
}

#[tokio::test]
async fn an_empty_datagram_is_a_datagram() {
    let (a, b) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
    send(&a, b.local_addr(), b"").await;
    assert_eq!(receive(&b).await.iter().next().unwrap().contents, b"");
}

#[tokio::test]
async fn impossible_destinations_are_errors() {
    let a = bind("127.0.0.1:0");
    for destination in ["127.0.0.1:0", "[::1]:7000"] {
        let datagram = Datagram { destination: destination.parse().unwrap(), source: None, contents: b"x" };
        assert_eq!(a.try_send(datagram).unwrap_err().kind(), io::ErrorKind::InvalidInput, "{destination}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn fragmentation_is_allowed_in_both_families() {
    use nix::libc;
    use nix::sys::socket::{getsockopt, sockopt::Ipv6DontFrag};
    use nix::{getsockopt_impl, setsockopt_impl, sockopt_impl};

    sockopt_impl!(
        /// As in the code under test.
        IpMtuDiscover,
        Both,
        libc::IPPROTO_IP,
        libc::IP_MTU_DISCOVER,
        i32
    );
    assert_eq!(getsockopt(&**bind("127.0.0.1:0").socket, IpMtuDiscover).unwrap(), libc::IP_PMTUDISC_DONT);
    if let Ok(both) = Udp::bind("[::]:0".parse().unwrap(), &UdpOptions::default()) {
        assert_eq!(getsockopt(&**both.socket, IpMtuDiscover).unwrap(), libc::IP_PMTUDISC_DONT);
        assert!(!getsockopt(&**both.socket, Ipv6DontFrag).unwrap());
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_the_kernel_tells_of_each_datagram_is_what_is_asked_for() {
    use nix::sys::socket::getsockopt;
    use nix::sys::socket::sockopt::{IpRecvTos, Ipv4PacketInfo, Ipv6RecvPacketInfo, ReceiveTimestampns, UdpGroSegment};

    for (addr, has_one_address) in [("127.0.0.1:0", true), ("0.0.0.0:0", false), ("[::1]:0", true), ("[::]:0", false)] {
        let Ok(udp) = Udp::bind(addr.parse().unwrap(), &UdpOptions::default()) else { continue };
        let socket = &**udp.socket;
        // One that may take datagrams one by one begins so, and asks for more when more come.
        assert_eq!(getsockopt(socket, UdpGroSegment).unwrap(), !has_one_address, "{addr}");
        assert!(!getsockopt(socket, ReceiveTimestampns).unwrap(), "{addr}");
        assert!(!getsockopt(socket, IpRecvTos).unwrap(), "{addr}");
        if addr.starts_with('[') {
            assert_eq!(getsockopt(socket, Ipv6RecvPacketInfo).unwrap(), !has_one_address, "{addr}");
        } else {
            assert_eq!(getsockopt(socket, Ipv4PacketInfo).unwrap(), !has_one_address, "{addr}");
        }
    }
}

#[tokio::test]
async fn a_full_send_buffer_is_waited_for() {
    let options = UdpOptions::default().send_buffer(1);
    let a = Udp::bind("127.0.0.1:0".parse().unwrap(), &options).unwrap();
    let b = bind("127.0.0.1:0");
    // On loopback the receiver's buffer takes what the sender's gives up; what overflows there is lost. What counts is
    // that the sender neither fails nor spins.
    for _ in 0..2_000 {
        send(&a, b.local_addr(), &[0; 1_000]).await;
    }
    assert!(!receive(&b).await.is_empty());
}

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

#[tokio::test]
async fn a_batch_arrives_as_it_was_sent_whatever_leaves_together() {
    let (a, b, c) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"), bind("127.0.0.1:0"));
    let lens = [62; 200].into_iter().chain([10, 62, 62, 0, 5, 8_000, 8_000, 8_000, 65_507, 1_000, 1_000, 999, 1_000]);
    let mut batch = SendBatch::new();
    for (number, len) in lens.enumerate() {
        for destination in [b.local_addr(), c.local_addr()].into_iter().take(1 + usize::from(number % 10 == 0)) {
            batch.push(Datagram { destination, source: None, contents: &vec![number as u8; len] });
        }
    }
    let mut sent = 0;
    while sent < batch.len() {
        match a.try_send_batch(&batch, sent) {
            Ok(count) => sent += count,
            Err(_) => poll_fn(|cx| a.poll_writable(cx)).await.unwrap(),
        }
    }
    for receiver in [b, c] {
        let expected: Vec<_> = batch
            .iter()
            .filter(|datagram| datagram.destination == receiver.local_addr())
            .map(|datagram| datagram.contents)
            .collect();
        let mut received = Vec::new();
        while received.len() < expected.len() {
            received.extend(receive(&receiver).await.iter().map(|datagram| datagram.contents.to_vec()));
        }
        assert_eq!(received, expected);
    }
}

#[tokio::test]
async fn what_cannot_leave_from_the_address_that_was_asked_leaves_from_another() {
    let (everywhere, peer) = (bind("0.0.0.0:0"), bind("127.0.0.1:0"));
    // The broadcast address of a network, an address of another host, and one that is none.
    for source in ["127.255.255.255", "192.0.2.1", "255.255.255.255"] {
        let source = Some(source.parse().unwrap());
        everywhere.try_send(Datagram { destination: peer.local_addr(), source, contents: b"answer" }).unwrap();
        let batch = receive(&peer).await;
        let received = batch.iter().next().unwrap();
        assert_eq!((received.source.port(), received.contents), (everywhere.local_addr().port(), &b"answer"[..]));
    }
}
