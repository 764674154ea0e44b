//! Datagrams of other protocols are not taken for rpcudp, on any port.

use std::net::SocketAddr;
use std::ops::RangeInclusive;

use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use rpcudp_wireshark::{Capture, Frame, Tshark};

const FIELDS: &[&str] = &["rpcudp.type", "_ws.col.Protocol", "_ws.expert.message"];

fn tshark(test: &str) -> Option<Tshark> {
    Tshark::find(env!("CARGO_TARGET_TMPDIR"), test)
}

fn addr(host: u8, port: u16) -> SocketAddr {
    ([10, 0, 0, host], port).into()
}

#[track_caller]
fn assert_not_rpcudp(frames: &[Frame], describe: impl Fn(usize) -> String) {
    for (index, frame) in frames.iter().enumerate() {
        let protocol = frame.one("_ws.col.Protocol").unwrap_or_default();
        assert_eq!(frame.one("rpcudp.type"), None, "{}", describe(index));
        assert!(!protocol.contains("rpcudp"), "{}: {protocol}", describe(index));
        assert!(!frame.all("_ws.expert.message").iter().any(|message| message.contains("Lua")), "{}", describe(index));
    }
}

#[test]
fn dns_is_not_rpcudp() {
    let Some(tshark) = tshark("dns") else { return };
    let capture = Capture::new();
    let mut ports = Vec::new();
    // The ports of DNS and its relatives, and other ports. Each id begins with a type of rpcudp.
    for port in [53, 5353, 5355, 7000, 15_353] {
        for id in (0..0x0500).step_by(7) {
            for datagram in [dns_query(id), dns_response(id)] {
                let (from, to) =
                    if datagram[2] & 0x80 == 0 { ((2, 50_000), (1, port)) } else { ((1, port), (2, 50_000)) };
                capture.add(addr(from.0, from.1), addr(to.0, to.1), &datagram);
                ports.push((port, id));
            }
        }
    }
    let frames = tshark.frames(&capture, FIELDS, &[]);
    assert_not_rpcudp(&frames, |index| format!("{:?}", ports[index]));
    assert_eq!(frames[0].one("_ws.col.Protocol"), Some("DNS"), "the DNS dissector still reads it");
}

fn dns_query(id: u16) -> Vec<u8> {
    let name = b"\x07example\x03org\x00";
    [&id.to_be_bytes()[..], b"\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00", name, b"\x00\x01\x00\x01"].concat()
}

fn dns_response(id: u16) -> Vec<u8> {
    let name = b"\x07example\x03org\x00";
    let question = [&name[..], b"\x00\x10\x00\x01"].concat();
    let text = b"\xc0\x0c\x00\x10\x00\x01\x00\x00\x0e\x10\x00\x0b\x0av=spf1 -all";
    [&id.to_be_bytes()[..], b"\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00", &question, text].concat()
}

/// The beginnings of datagrams of other protocols, with the range of their lengths. The rest of
/// each datagram is random, as much of it is in these protocols.
const OTHERS: &[(&str, &[u8], RangeInclusive<usize>)] = &[
    ("QUIC initial", b"\xc3\x00\x00\x00\x01\x08", 1_200..=1_200),
    ("QUIC short header", b"\x43", 30..=1_400),
    ("NTP request", b"\x23\x02\x0a\xec\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 48..=48),
    ("NTP response", b"\x24\x02\x0a\xec\x00\x00\x00\x10\x00\x00\x00\x10\xc0\xa8\x01\x01", 48..=48),
    ("STUN request", b"\x00\x01\x00\x00\x21\x12\xa4\x42", 20..=20),
    ("STUN request with attributes", b"\x00\x01\x00\x0c\x21\x12\xa4\x42", 32..=32),
    ("STUN response", b"\x01\x01\x00\x0c\x21\x12\xa4\x42", 32..=32),
    ("STUN indication", b"\x00\x11\x00\x08\x21\x12\xa4\x42", 28..=28),
    ("TFTP", b"\x00\x01boot/pxelinux.0\x00octet\x00", 24..=24),
    ("TFTP data", b"\x00\x03\x00\x01", 30..=516),
    ("RADIUS", b"\x01\x2a\x00\x40", 64..=64),
    ("RIP", b"\x02\x02\x00\x00\x00\x02\x00\x00\x0a\x00\x00\x00\xff\x00\x00\x00", 24..=504),
    ("NetFlow 5", b"\x00\x05\x00\x01", 72..=1_464),
    ("NetFlow 9", b"\x00\x09\x00\x02", 60..=1_400),
    ("sFlow", b"\x00\x00\x00\x05\x00\x00\x00\x01", 60..=1_400),
    ("WireGuard initiation", b"\x01\x00\x00\x00", 148..=148),
    ("WireGuard response", b"\x02\x00\x00\x00", 92..=92),
    ("WireGuard cookie", b"\x03\x00\x00\x00", 64..=64),
    ("WireGuard data", b"\x04\x00\x00\x00", 32..=1_452),
    ("uTP data", b"\x01\x00", 22..=1_400),
    (
        "RakNet ping",
        b"\x01\x00\x00\x00\x00\x00\x00\x00\x2a\x00\xff\xff\x00\xfe\xfe\xfe\xfe\xfd\xfd\xfd\xfd\x12\x34\x56\x78",
        33..=33,
    ),
    ("BitTorrent's DHT", b"d1:ad2:id20:", 60..=300),
    ("memcached", b"\x00\x01\x00\x00\x00\x01\x00\x00get key\r\n", 17..=17),
    ("DHCP", b"\x01\x01\x06\x00", 300..=300),
    ("SNMP", b"\x30\x26\x02\x01\x01\x04\x06public", 40..=40),
    ("RTP", b"\x80\x60", 40..=200),
    ("DTLS", b"\x16\xfe\xfd\x00\x00", 60..=300),
    ("CoAP", b"\x40\x01\x12\x34", 22..=60),
    ("SSDP", b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n", 90..=90),
    ("syslog", b"<34>1 2026-11-20T17:00:00Z host app - - - ", 60..=200),
    ("Source engine", b"\xff\xff\xff\xffTSource Engine Query\x00", 25..=25),
    ("Geneve", b"\x00\x00\x65\x58\x00\x00\x01\x00", 60..=200),
];

#[test]
fn other_protocols_are_not_rpcudp() {
    let Some(tshark) = tshark("other_protocols") else { return };
    let (capture, mut names) = (Capture::new(), Vec::new());
    let seed = 20_261_120;
    let mut rng = StdRng::seed_from_u64(seed);
    for (number, (name, start, lens)) in (0..).zip(OTHERS) {
        for _ in 0..100 {
            let mut datagram = vec![0; rng.random_range(lens.clone())];
            rng.fill_bytes(&mut datagram);
            datagram[..start.len()].copy_from_slice(start);
            // Unassigned ports, so that Wireshark looks at the contents.
            capture.add(addr(number + 1, 40_001), addr(number + 101, 40_002), &datagram);
            names.push(*name);
        }
    }
    let frames = tshark.frames(&capture, FIELDS, &[]);
    assert_not_rpcudp(&frames, |index| format!("{}, seed {seed}", names[index]));
}

#[test]
fn random_bytes_are_not_rpcudp() {
    let Some(tshark) = tshark("random") else { return };
    let capture = Capture::new();
    let seed = 7;
    let mut rng = StdRng::seed_from_u64(seed);
    for _ in 0..5_000 {
        let mut datagram = vec![0; rng.random_range(22..64)];
        rng.fill_bytes(&mut datagram);
        datagram[0] = rng.random_range(0..5);
        capture.add(addr(1, 40_001), addr(2, 40_002), &datagram);
    }
    assert_not_rpcudp(&tshark.frames(&capture, FIELDS, &[]), |index| format!("frame {}, seed {seed}", index + 1));
}

#[test]
fn other_msgpack_is_not_rpcudp() {
    let Some(tshark) = tshark("msgpack") else { return };
    let capture = Capture::new();
    let id = [b'i'; 20];
    let bodies: [&[u8]; 8] = [
        // Values that might be responses, but without a request.
        b"\xa2hi",
        b"\xc0",
        b"\x92\x01\xa7unknown",
        // Arrays of two elements, but not of a method name and arguments.
        b"\x92\x90\xa2hi",
        b"\x92\xa2hi\x01",
        b"\x92\xa0\x90",
        b"\x92\xa2\x00\x01\x90",
        // A request with other bytes after the body.
        b"\x92\xa2hi\x90more",
    ];
    for body in bodies {
        for kind in 0..5 {
            capture.add(addr(1, 40_001), addr(2, 40_002), &[&[kind][..], &id, body].concat());
        }
    }
    let describe = |index: usize| format!("{:?} as {}", bodies[index / 5], index % 5);
    assert_not_rpcudp(&tshark.frames(&capture, FIELDS, &[]), describe);
}
