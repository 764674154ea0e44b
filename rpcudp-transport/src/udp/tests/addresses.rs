use std::io;
use std::net::IpAddr;

use super::{bind, receive, send};
use crate::{Datagram, Transport, Udp, UdpOptions};

#[tokio::test]
async fn socket_on_all_addresses_serves_both_families_with_canonical_addresses() {
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
        // The response leaves from the address that the request was sent to.
        let response = Datagram { destination: received.source, source: received.local, contents: b"hi" };
        both.try_send(response).unwrap();
        let batch = receive(&peer).await;
        let response = batch.iter().next().unwrap();
        assert_eq!((response.source.ip(), response.source.port()), (host.parse().unwrap(), port));
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn response_leaves_from_the_address_of_the_request() {
    // On Linux, all addresses of 127/8 are local.
    let server = bind("0.0.0.0:0");
    let client = bind("127.0.0.1:0");
    for host in ["127.0.0.2", "127.0.0.3"] {
        let destination = format!("{host}:{}", server.local_addr().port()).parse().unwrap();
        send(&client, destination, b"hello").await;
        let batch = receive(&server).await;
        let request = batch.iter().next().unwrap();
        let response = Datagram { destination: request.source, source: request.local, contents: b"hi" };
        server.try_send(response).unwrap();
        assert_eq!(receive(&client).await.iter().next().unwrap().source, destination);
    }
}

#[tokio::test]
async fn datagram_with_an_impossible_source_leaves_from_another_address() {
    let (everywhere, peer) = (bind("0.0.0.0:0"), bind("127.0.0.1:0"));
    // The broadcast address of a network, an address of another host, and the limited broadcast
    // address.
    for source in ["127.255.255.255", "192.0.2.1", "255.255.255.255"] {
        let source = Some(source.parse().unwrap());
        everywhere.try_send(Datagram { destination: peer.local_addr(), source, contents: b"response" }).unwrap();
        let batch = receive(&peer).await;
        let received = batch.iter().next().unwrap();
        assert_eq!((received.source.port(), received.contents), (everywhere.local_addr().port(), &b"response"[..]));
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
