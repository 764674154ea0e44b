//! Packets that an attacker forges: ICMP messages and IP fragments.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, SockaddrIn6, recv, sendto, socket,
};
use rpcudp::{CallError, DropReason, Endpoint};

use crate::host::Host;
use crate::support::ms;
use crate::{PeerClient, addr, hosts, serving};

/// A raw socket inside a host. Its user writes the packets after, or with, the IP header.
struct Raw(OwnedFd);

impl Raw {
    fn new(host: &Host, family: AddressFamily, protocol: SockProtocol) -> Self {
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        Self(host.inside(|| socket(family, SockType::Raw, flags, protocol)).expect("root may open raw sockets"))
    }

    fn send(&self, to: SocketAddr, packet: &[u8]) {
        let fd = self.0.as_raw_fd();
        let sent = match to {
            SocketAddr::V4(to) => sendto(fd, packet, &SockaddrIn::from(to), MsgFlags::empty()),
            SocketAddr::V6(to) => sendto(fd, packet, &SockaddrIn6::from(to), MsgFlags::empty()),
        };
        // A full device drops packets.
        assert!(matches!(sent, Ok(_) | Err(Errno::ENOBUFS | Errno::EAGAIN)), "{sent:?}");
    }

    /// Returns the last of the packets that have arrived.
    fn last_packet(&self) -> Option<Vec<u8>> {
        let mut buffer = [0; 1 << 16];
        let received = std::iter::from_fn(|| {
            let len = recv(self.0.as_raw_fd(), &mut buffer, MsgFlags::empty()).ok()?;
            Some(buffer[..len].to_vec())
        });
        received.last()
    }
}

/// Returns the Internet checksum of some bytes.
fn internet_checksum(bytes: &[u8]) -> [u8; 2] {
    let words = bytes.chunks(2).map(|word| u32::from(word[0]) << 8 | u32::from(*word.get(1).unwrap_or(&0)));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!(sum as u16)).to_be_bytes()
}

/// Makes the header of an IPv4 packet. The kernel fills in the length and the checksum.
fn ipv4_header(protocol: u8, id: u16, fragment: u16, source: Ipv4Addr, destination: Ipv4Addr) -> Vec<u8> {
    let ([a, b], [c, d]) = (id.to_be_bytes(), fragment.to_be_bytes());
    let head = [0x45, 0, 0, 0, a, b, c, d, 64, protocol, 0, 0];
    [&head[..], &source.octets(), &destination.octets()].concat()
}

fn udp_header(source: SocketAddr, destination: SocketAddr, len: u16) -> Vec<u8> {
    [source.port().to_be_bytes(), destination.port().to_be_bytes(), len.to_be_bytes(), [0, 0]].concat()
}

/// Makes the ICMP or ICMPv6 message of a router that could not pass on a packet from `source` to
/// `destination` because it is larger than `mtu`.
fn fragmentation_needed(source: SocketAddr, destination: SocketAddr, mtu: u16) -> Vec<u8> {
    let udp = udp_header(source, destination, 1_208);
    match (source, destination) {
        (SocketAddr::V4(source), SocketAddr::V4(destination)) => {
            let mut quoted = ipv4_header(17, 7, 0x4000, *source.ip(), *destination.ip());
            quoted[2..4].copy_from_slice(&1_228_u16.to_be_bytes());
            let [high, low] = mtu.to_be_bytes();
            let mut message = [&[3, 4, 0, 0, 0, 0, high, low][..], &quoted, &udp].concat();
            let checksum = internet_checksum(&message);
            message[2..4].copy_from_slice(&checksum);
            message
        }
        (SocketAddr::V6(source), SocketAddr::V6(destination)) => {
            // The kernel adds the checksum of ICMPv6.
            let mut quoted = vec![0x60, 0, 0, 0];
            quoted.extend_from_slice(&1_208_u16.to_be_bytes());
            quoted.extend_from_slice(&[17, 64]);
            let addresses = [source.ip().octets(), destination.ip().octets()].concat();
            let head = [&[2, 0, 0, 0][..], &u32::from(mtu).to_be_bytes()].concat();
            // A message of this kind quotes as much as fits, and the kernel asks for some.
            [head, quoted, addresses, udp, vec![7; 1_000]].concat()
        }
        _ => panic!("two families"),
    }
}

/// Makes the ICMP message "port unreachable" about a packet from `source` to `destination`.
fn port_unreachable(source: SocketAddrV4, destination: SocketAddrV4) -> Vec<u8> {
    let mut message = fragmentation_needed(source.into(), destination.into(), 0);
    message[..4].copy_from_slice(&[3, 3, 0, 0]);
    let checksum = internet_checksum(&message);
    message[2..4].copy_from_slice(&checksum);
    message
}

#[tokio::test]
async fn flood_of_forged_unreachable_messages_does_not_hold_up_calls() {
    let Some([caller, server]) = hosts() else { return };
    let _serving = server.bind(serving(), "10.0.0.2:7000");
    let endpoint = caller.bind(Endpoint::builder(), "10.0.0.1:7001");
    let client = PeerClient::new(&endpoint, addr("10.0.0.2:7000"));
    let calls = async |count: u32| {
        let mut times = Vec::new();
        for _ in 0..count {
            let start = Instant::now();
            assert_eq!(client.echo(b"call").await.unwrap(), b"call");
            times.push(start.elapsed());
        }
        times.sort_unstable();
        (times[times.len() / 2], times[times.len() * 99 / 100])
    };
    let quiet = calls(2_000).await;
    // The messages quote a datagram to the server that was never sent, so they end no call.
    let raw = Raw::new(&server, AddressFamily::Inet, SockProtocol::Icmp);
    let message = port_unreachable("10.0.0.1:7001".parse().unwrap(), "10.0.0.2:7000".parse().unwrap());
    let (is_over, sent_count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let flood = std::thread::spawn({
        let (is_over, sent_count) = (Arc::clone(&is_over), Arc::clone(&sent_count));
        move || {
            while !is_over.load(Ordering::Relaxed) {
                raw.send("10.0.0.1:0".parse().unwrap(), &message);
                sent_count.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let start = Instant::now();
    let flooded = calls(2_000).await;
    let rate = sent_count.load(Ordering::Relaxed) as f64 / start.elapsed().as_secs_f64();
    is_over.store(true, Ordering::Relaxed);
    flood.join().unwrap();
    let unreachable_count = endpoint.stats().datagrams.unreachable;
    println!(
        "p50 and p99: {quiet:?} without, {flooded:?} with {rate:.0} messages a second; {unreachable_count} were read"
    );
    assert!(unreachable_count > 0, "the messages arrive");
    // A burst, and the messages of the seconds that the calls took.
    let bound = 2 * 4_096 + (8_192.0 * start.elapsed().as_secs_f64()) as u64;
    assert!(unreachable_count < bound, "{unreachable_count} messages were read, and {bound} may be");
}

/// The families: the address of the caller and of the server, and the smallest MTU that a forged
/// message can claim.
const FAMILIES: [(&str, &str, u16); 2] = [("10.0.0.1", "10.0.0.2", 552), ("[fd00::1]", "[fd00::2]", 1_280)];

#[tokio::test]
async fn forged_fragmentation_needed_changes_nothing() {
    let Some([caller, server]) = hosts() else { return };
    for (caller_ip, server_ip, mtu) in FAMILIES {
        let (server_addr, caller_addr) = (addr(&format!("{server_ip}:7000")), addr(&format!("{caller_ip}:7001")));
        let serving = server.bind(serving(), &server_addr.to_string());
        let endpoint = caller.bind(Endpoint::builder(), &caller_addr.to_string());
        let client = PeerClient::new(&endpoint, server_addr);
        assert_eq!(client.big(1_024).await.unwrap().len(), 1_024);
        let before = server.fragment_counts();
        let (family, protocol) = match server_addr {
            SocketAddr::V4(_) => (AddressFamily::Inet, SockProtocol::Icmp),
            SocketAddr::V6(_) => (AddressFamily::Inet6, SockProtocol::IcmpV6),
        };
        let raw = Raw::new(&caller, family, protocol);
        let without_port = SocketAddr::new(server_addr.ip(), 0);
        for _ in 0..20 {
            raw.send(without_port, &fragmentation_needed(server_addr, caller_addr, mtu));
            assert_eq!(client.big(1_024).await.unwrap().len(), 1_024);
        }
        assert_eq!(server.fragment_counts(), before, "{server_ip}: no response of 1,024 bytes has fragments");
        // A larger response has as many fragments as before.
        assert_eq!(client.big(8_000).await.unwrap().len(), 8_000);
        drop(serving);
    }
}

/// The payload of the fragments of an Ethernet.
const FRAGMENT_LEN: usize = 1_480;

#[tokio::test]
async fn forged_fragments_are_never_taken_for_a_response() {
    let Some([caller, server]) = hosts() else { return };
    let _serving = server.bind(serving(), "10.0.0.2:7000");
    let endpoint = caller.bind(Endpoint::builder(), "10.0.0.1:7001");
    let client = PeerClient::new(&endpoint, addr("10.0.0.2:7000"));
    // An attacker would have to try all identifiers of packets. This one sees them.
    let ids = Raw::new(&caller, AddressFamily::Inet, SockProtocol::Udp);
    let forger = Raw::new(&server, AddressFamily::Inet, SockProtocol::Raw);
    let (here, there) = (Ipv4Addr::new(10, 0, 0, 2), Ipv4Addr::new(10, 0, 0, 1));
    // The second fragment, with the Internet checksum of the genuine one.
    let words = [[8, 7], [6, 7]].concat();
    let content: Vec<u8> = words.into_iter().cycle().take(FRAGMENT_LEN).collect();
    assert_eq!(internet_checksum(&content), internet_checksum(&[7; FRAGMENT_LEN]));
    let (mut forged_count, mut genuine_count) = (0, 0);
    for _ in 0..30 {
        assert_eq!(client.echo(b"before").await.unwrap(), b"before");
        let packet = ids.last_packet().expect("a response has arrived");
        let last_id = u16::from_be_bytes([packet[4], packet[5]]);
        for ahead in 1..=16 {
            let id = last_id.wrapping_add(ahead);
            let more_fragments = 0x2000;
            let header = ipv4_header(17, id, more_fragments | (FRAGMENT_LEN / 8) as u16, here, there);
            forger.send(SocketAddrV4::new(there, 0).into(), &[&header[..], &content].concat());
        }
        match client.big(8_000).timeout(ms(100)).await {
            Ok(bytes) => {
                assert!(bytes == [7; 8_000], "a forged response was accepted");
                genuine_count += 1;
            }
            Err(CallError::Timeout { .. }) => forged_count += 1,
            Err(other) => panic!("{other}"),
        }
    }
    let dropped = endpoint.stats().dropped(DropReason::BadChecksum);
    println!("{genuine_count} responses were genuine, {dropped} forged; {forged_count} calls timed out");
    assert!(dropped > 0, "the attack works: {genuine_count} genuine responses");
}

#[tokio::test]
async fn large_datagrams_cross_a_path_that_is_narrower_than_the_first_link() {
    let Some([caller, router, server]) = routed(1_300) else { return };
    let _router = router;
    for (caller_ip, server_ip) in [("10.0.1.1", "10.0.2.2"), ("[fd01::1]", "[fd02::2]")] {
        let _serving = server.bind(serving(), &format!("{server_ip}:7000"));
        let endpoint = caller.bind(Endpoint::builder(), &format!("{caller_ip}:0"));
        let client = PeerClient::new(&endpoint, addr(&format!("{server_ip}:7000")));
        let bytes = vec![7; 8_000];
        for _ in 0..3 {
            assert!(client.echo(&bytes).await.unwrap() == bytes, "{server_ip}");
        }
    }
}

/// Makes a caller, a router and a server. The link between the router and the server has another
/// MTU.
fn routed(mtu: u16) -> Option<[Host; 3]> {
    let make = || -> io::Result<[Host; 3]> {
        let [caller, router] = Host::linked()?;
        let server = Host::new()?;
        router.link(&server, "narrow", mtu)?;
        router.enable_forwarding()?;
        for (host, card, addrs) in [
            (&caller, Host::CARD, ["10.0.1.1/24", "fd01::1/64"]),
            (&router, Host::CARD, ["10.0.1.9/24", "fd01::9/64"]),
            (&router, "narrow", ["10.0.2.9/24", "fd02::9/64"]),
            (&server, "narrow", ["10.0.2.2/24", "fd02::2/64"]),
        ] {
            addrs.iter().for_each(|addr| host.add_addr_to(addr, card));
        }
        for (host, net) in [(&caller, 1), (&server, 2)] {
            host.run_ip(&format!("route add default via 10.0.{net}.9"));
            host.run_ip(&format!("route add default via fd0{net}::9"));
        }
        Ok([caller, router, server])
    };
    make().inspect_err(crate::print_skipped).ok()
}
