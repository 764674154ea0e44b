use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::Ordering;

use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::UdpGroSegment;

use super::{bind, receive};
use crate::udp::multi_send::TAKES_CONTROL_PER_MESSAGE;
use crate::{Datagram, SendBatch, Transport, Udp, UdpOptions};

/// Sends the whole batch, and returns the numbers of datagrams of the system calls, or the errors
/// of single datagrams.
fn send_all(from: &Udp, batch: &SendBatch) -> Vec<Result<usize, io::ErrorKind>> {
    let mut results = Vec::new();
    let mut sent = 0;
    while sent < batch.len() {
        let result = from.try_send_batch(batch, sent);
        sent += *result.as_ref().unwrap_or(&1);
        results.push(result.map_err(|error| error.kind()));
    }
    results
}

async fn receive_count(at: &Udp, count: usize) -> Vec<(SocketAddr, Vec<u8>)> {
    let mut received = Vec::new();
    while received.len() < count {
        received.extend(receive(at).await.iter().map(|datagram| (datagram.source, datagram.contents.to_vec())));
    }
    received
}

/// Binds sockets on each family and on both, with peers of the family.
fn sockets() -> impl Iterator<Item = (Udp, Vec<Udp>)> {
    let hosts = [("127.0.0.1:0", "127.0.0.1:0"), ("0.0.0.0:0", "127.0.0.1:0"), ("[::1]:0", "[::1]:0")];
    hosts.into_iter().chain([("[::]:0", "[::1]:0"), ("[::]:0", "127.0.0.1:0")]).filter_map(|(addr, peers)| {
        let socket = Udp::bind(addr.parse().unwrap(), &UdpOptions::default()).ok()?;
        Some((socket, (0..5).map(|_| bind(peers)).collect()))
    })
}

#[tokio::test]
async fn every_peer_gets_its_datagrams_in_order_with_and_without_sendmmsg() {
    for (a, peers) in sockets() {
        let mut batch = SendBatch::new();
        // Segmented sends, single datagrams, shorter and empty ones, and those above a segment.
        for number in 0..200_usize {
            let peer = &peers[if number < 60 { number / 4 } else { number * 7 } % peers.len()];
            let len = [60, 60, 60, 60, 60, 60, 1_200, 9, 0, 3_000, 8_000][number % 11];
            batch.push(Datagram { destination: peer.local_addr(), source: None, contents: &vec![number as u8; len] });
        }
        for is_missing in [false, true] {
            if is_missing {
                a.socket.lacks_multi_send.store(true, Ordering::Relaxed);
            }
            assert_eq!(send_all(&a, &batch), [Ok(200)]);
            for peer in &peers {
                let expected = batch.iter().filter(|datagram| datagram.destination == peer.local_addr());
                let expected: Vec<_> = expected.map(|datagram| datagram.contents.to_vec()).collect();
                let received = receive_count(peer, expected.len()).await;
                assert!(received.iter().map(|(_, contents)| contents).eq(&expected), "{a:?} {is_missing}");
            }
        }
    }
}

#[tokio::test]
async fn error_of_one_datagram_does_not_affect_the_others() {
    for (a, peers) in sockets() {
        let mut batch = SendBatch::new();
        for number in 0..90_u8 {
            let peer = peers[usize::from(number) % peers.len()].local_addr();
            let (destination, len) = match number {
                // Port 0 is no destination, and 65,508 bytes are no datagram.
                40 => (SocketAddr::new(peer.ip(), 0), 60),
                0 | 70 | 89 => (peer, 66_000),
                _ => (peer, 60),
            };
            batch.push(Datagram { destination, source: None, contents: &vec![number; len] });
        }
        let results = send_all(&a, &batch);
        let is_error = [true, false, true, false, true, false, true];
        assert!(results.iter().map(Result::is_err).eq(is_error), "{a:?} {results:?}");
        assert_eq!([&results[1], &results[3], &results[5]], [&Ok(39), &Ok(29), &Ok(18)]);
        for (index, peer) in peers.iter().enumerate() {
            let is_sent = |number: &usize| number % peers.len() == index && ![0, 40, 70, 89].contains(number);
            let expected: Vec<_> = (0..90).filter(is_sent).map(|number| vec![number as u8; 60]).collect();
            let received = receive_count(peer, expected.len()).await;
            assert!(received.into_iter().map(|(_, contents)| contents).eq(expected), "{a:?}");
        }
    }
}

#[tokio::test]
async fn unreachable_peers_do_not_affect_the_others() {
    let closed: Vec<_> = (0..3).map(|_| bind("127.0.0.1:0").local_addr()).collect();
    let (a, peer) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
    let mut batch = SendBatch::new();
    for number in 0..100_u8 {
        let destination = if number % 2 == 0 { peer.local_addr() } else { closed[usize::from(number) % 3] };
        batch.push(Datagram { destination, source: None, contents: &[number] });
    }
    // The errors of the closed ports become pending between the messages of a system call.
    assert!(send_all(&a, &batch).iter().all(Result::is_ok));
    let received = receive_count(&peer, 50).await;
    assert!(received.into_iter().map(|(_, contents)| contents).eq((0..100).step_by(2).map(|number| vec![number])));
}

#[tokio::test]
async fn responses_leave_from_the_addresses_of_their_requests() {
    for (bound, hosts, client) in [
        ("0.0.0.0:0", ["127.0.0.2", "127.0.0.3"], "127.0.0.1:0"),
        ("[::]:0", ["127.0.0.2", "127.0.0.3"], "127.0.0.1:0"),
        ("[::]:0", ["::1", "::1"], "[::1]:0"),
    ] {
        let Ok(server) = Udp::bind(bound.parse().unwrap(), &UdpOptions::default()) else { continue };
        let clients = [bind(client), bind(client)];
        let mut batch = SendBatch::new();
        let mut expected = [Vec::new(), Vec::new()];
        for number in 0..120_usize {
            // Long runs of one source, with segmented sends in them, and sources in turn.
            let host: IpAddr = hosts[if number < 64 { number / 32 } else { number } % 2].parse().unwrap();
            let vanished = if host.is_ipv4() { "192.0.2.1" } else { "2001:db8::1" };
            let source = match number {
                // An address that the host does not have is replaced, without an error.
                100 => Some(vanished.parse().unwrap()),
                // Requests between the responses.
                90 | 105..110 => None,
                _ => Some(host),
            };
            let client = number / 3 % 2;
            let destination = clients[client].local_addr();
            batch.push(Datagram { destination, source, contents: &[number as u8; 50] });
            expected[client].push((source.filter(|source| *source == host), vec![number as u8; 50]));
        }
        assert_eq!(send_all(&server, &batch).into_iter().map(Result::unwrap).sum::<usize>(), 120);
        for (client, expected) in clients.iter().zip(expected) {
            let received = receive_count(client, expected.len()).await;
            for ((source, contents), (host, expected)) in received.into_iter().zip(expected) {
                assert_eq!(contents, expected);
                assert!(host.is_none_or(|host| source == (host, server.local_addr().port()).into()), "{source}");
            }
        }
    }
}

#[test]
fn nix_takes_other_control_messages_for_each_message() {
    assert!(*TAKES_CONTROL_PER_MESSAGE, "responses from several addresses leave one by one with this version of nix");
}

#[tokio::test]
async fn runs_to_several_peers_stay_segmented() {
    let a = bind("127.0.0.1:0");
    let peers: Vec<_> = (0..4).map(|_| std::net::UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
    // A segmented send arrives at these sockets as one datagram.
    peers.iter().for_each(|peer| setsockopt(peer, UdpGroSegment, &true).unwrap());
    let mut batch = SendBatch::new();
    for number in 0..40_usize {
        let destination = peers[number / 10].local_addr().unwrap();
        batch.push(Datagram { destination, source: None, contents: &[number as u8; 100] });
    }
    assert_eq!(a.try_send_batch(&batch, 0).unwrap(), 40);
    for peer in &peers {
        assert_eq!(peer.recv(&mut [0; 2_000]).unwrap(), 1_000);
    }
}
