use std::io;
use std::net::IpAddr;

use super::{bind, receive, send};
use crate::{Datagram, Transport, Udp, UdpOptions};

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

#[tokio::test]
async fn impossible_destinations_are_errors() {
    let a = bind("127.0.0.1:0");
    for destination in ["127.0.0.1:0", "[::1]:7000"] {
        let datagram = Datagram { destination: destination.parse().unwrap(), source: None, contents: b"x" };
        assert_eq!(a.try_send(datagram).unwrap_err().kind(), io::ErrorKind::InvalidInput, "{destination}");
    }
}
