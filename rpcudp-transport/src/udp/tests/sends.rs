use std::io;

use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::UdpGroSegment;

use super::bind;
use crate::{Datagram, SendBatch, Transport, Udp, UdpOptions};

#[tokio::test]
async fn vanished_source_address_does_not_end_segmentation() {
    // A response from an address that the host has no longer: the kernel reports EINVAL.
    for (bound, peer, source) in [("0.0.0.0:0", "127.0.0.1:0", "192.0.2.1"), ("[::]:0", "[::1]:0", "2001:db8::1")] {
        let Ok(everywhere) = Udp::bind(bound.parse().unwrap(), &UdpOptions::default()) else { continue };
        // A segmented send arrives at this socket as one datagram.
        let peer = std::net::UdpSocket::bind(peer).unwrap();
        setsockopt(&peer, UdpGroSegment, &true).unwrap();
        let mut batch = SendBatch::new();
        for source in [Some(source.parse().unwrap()), None] {
            for _ in 0..16 {
                batch.push(Datagram { destination: peer.local_addr().unwrap(), source, contents: &[7; 100] });
            }
        }
        everywhere.try_send(batch.datagram(0)).unwrap();
        let mut sent = 0;
        while sent < batch.len() {
            sent += everywhere.try_send_batch(&batch, sent).unwrap();
        }
        let mut buffer = [0; 2_000];
        let lens = [(); 3].map(|()| peer.recv(&mut buffer).unwrap());
        assert_eq!(lens, [100, 1_600, 1_600], "{bound}");
    }
}

#[tokio::test]
async fn large_datagrams_to_the_ipv6_loopback_do_not_end_segmentation() {
    let Ok(everywhere) = Udp::bind("[::]:0".parse().unwrap(), &UdpOptions::default()) else { return };
    for bound in ["[::1]:0", "127.0.0.1:0"] {
        let peer = bind(bound);
        let mut batch = SendBatch::new();
        (0..20)
            .for_each(|_| batch.push(Datagram { destination: peer.local_addr(), source: None, contents: &[7; 3_000] }));
        let max_count = everywhere.socket.segmentation.begin_batch();
        assert_eq!(everywhere.try_send_batch(&batch, 0).unwrap(), 20);
        assert_eq!(everywhere.socket.segmentation.begin_batch(), max_count, "{bound}");
    }
}

#[tokio::test]
async fn errors_of_sends_say_what_to_do() {
    let everywhere = bind("0.0.0.0:0");
    for (socket, destination, kind, remedy) in [
        (&bind("127.0.0.1:0"), "192.0.2.1:7000", io::ErrorKind::InvalidInput, "bind 0.0.0.0:0"),
        (&everywhere, "255.255.255.255:7000", io::ErrorKind::PermissionDenied, "`UdpOptions::broadcast` turns them on"),
        (&everywhere, "127.255.255.255:7000", io::ErrorKind::PermissionDenied, "`UdpOptions::broadcast` permits it"),
    ] {
        let destination = destination.parse().unwrap();
        let mut batch = SendBatch::new();
        (0..2).for_each(|_| batch.push(Datagram { destination, source: None, contents: b"request" }));
        for error in [socket.try_send(batch.datagram(0)), socket.try_send_batch(&batch, 0).map(drop)] {
            let error = error.unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.to_string().contains(remedy), "{error}");
        }
    }
    // Without a route, as on a host without a network; with one, the datagram leaves.
    if let Err(error) =
        everywhere.try_send(Datagram { destination: "239.1.2.3:7000".parse().unwrap(), source: None, contents: b"" })
    {
        assert!(error.to_string().contains("`UdpOptions::multicast_interface_v4`"), "{error}");
    }
    let options = UdpOptions::default().broadcast(true);
    let broadcasting = Udp::bind("0.0.0.0:0".parse().unwrap(), &options).unwrap();
    let destination = "127.255.255.255:7000".parse().unwrap();
    broadcasting.try_send(Datagram { destination, source: None, contents: b"request" }).unwrap();
}
