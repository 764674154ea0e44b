//! Links share a port with the plain wire: Wireshark dissects their packets as QUIC, and this
//! dissector dissects the rest.

#![allow(missing_docs, reason = "contracts of a test")]

use std::time::Duration;

use rpcudp::sim::{Conditions, Network};
use rpcudp::{AnyPeer, Endpoint, Identity, rpc_service};
use rpcudp_wireshark::{Capture, Frame, Tap, Tshark};

#[rpc_service]
trait Greeter {
    fn sayhi(&self, name: &str) -> String;
}

struct Hello;

impl Greeter for Hello {
    fn sayhi(&self, name: &str) -> String {
        format!("Hello {name}")
    }
}

/// A call of [`capture`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wire {
    Plain,
    Link,
}

/// Captures one call after the other.
async fn capture(calls: &[Wire]) -> Capture {
    let (capture, network) = (Capture::new(), Network::new(7));
    network.set_conditions(Conditions::default().latency(Duration::from_millis(20)));
    let bind = |addr| network.bind(addr).expect("the address is free");
    let identity = |number| Identity::from_seed([number; 32]);
    let server = Endpoint::builder().identity(identity(1)).serve(GreeterServer::new(Hello));
    let server = server.bind_transport(bind("10.0.0.1:7000")).unwrap();
    let caller = Endpoint::builder().identity(identity(2));
    let caller = caller.bind_transport(Tap::new(bind("10.0.0.2:7001"), &capture)).unwrap();
    for wire in calls {
        let greeter = match wire {
            Wire::Plain => GreeterClient::new(&caller, server.local_addr()),
            Wire::Link => GreeterClient::secure(&caller, server.local_addr(), AnyPeer),
        };
        assert_eq!(greeter.sayhi("S").await.unwrap(), "Hello S");
    }
    capture
}

const FIELDS: &[&str] = &["rpcudp.type", "rpcudp.method", "rpcudp.link_port", "_ws.col.Protocol", "_ws.expert.message"];

/// Checks that each packet of a link is shown as QUIC with the shared port, and each plain datagram
/// as rpcudp. Returns the wire of each frame.
#[track_caller]
fn assert_told_apart(frames: &[Frame], describe: &str) -> Vec<Wire> {
    let wires = frames.iter().enumerate().map(|(index, frame)| {
        let describe = format!("frame {}, {describe}: {frame:?}", index + 1);
        let is_plain = frame.one("rpcudp.type").is_some();
        let protocol = if is_plain { "rpcudp" } else { "QUIC" };
        assert_eq!(frame.one("_ws.col.Protocol"), Some(protocol), "{describe}");
        assert_eq!(frame.one("rpcudp.method"), is_plain.then_some("sayhi"), "{describe}");
        assert_eq!(frame.one("rpcudp.link_port"), (!is_plain).then_some("7000"), "{describe}");
        let experts = frame.all("_ws.expert.message");
        assert!(!experts.iter().any(|message| message.contains("not a message")), "{describe}");
        if is_plain { Wire::Plain } else { Wire::Link }
    });
    wires.collect()
}

/// Wireshark assigns a conversation to the dissector that recognizes it first.
#[tokio::test(start_paused = true)]
async fn both_wires_of_a_port_are_told_apart_in_any_order() {
    use Wire::{Link, Plain};

    let Some(tshark) = Tshark::find(env!("CARGO_TARGET_TMPDIR"), "links") else { return };
    for calls in [[Plain, Link, Plain, Link], [Link, Plain, Link, Plain]] {
        let capture = capture(&calls).await;
        for options in [&[][..], &["-o", "rpcudp.ports:7000"], &["-d", "udp.port==7000,rpcudp"]] {
            let frames = tshark.frames(&capture, FIELDS, options);
            let wires = assert_told_apart(&frames, &format!("{calls:?} {options:?}"));
            assert_eq!(wires.iter().filter(|wire| **wire == Plain).count(), 4, "two requests and two responses");
            assert_eq!(wires[0], calls[0]);
        }
    }
    let links = capture(&[Link]).await;
    assert!(tshark.details(&links, &[]).contains("a link, which shares port 7000 with the plain wire"));
}

#[test]
fn packets_of_other_quic_connections_are_not_claimed() {
    let Some(tshark) = Tshark::find(env!("CARGO_TARGET_TMPDIR"), "other_quic") else { return };
    let capture = Capture::new();
    let (client, server) = (([10, 0, 0, 3], 50_000).into(), ([10, 0, 0, 4], 443).into());
    // Connection ids of 20 bytes, of which byte 15 is any but msgpack's nil.
    for byte in (0..=0xff).filter(|byte| *byte != 0xc0) {
        let id = [[byte; 16].as_slice(), &[7; 4]].concat();
        capture.add(client, server, &[&b"\xc3\0\0\0\x01\x14"[..], &id, &[byte; 1_174]].concat());
    }
    for frame in tshark.frames(&capture, FIELDS, &[]) {
        assert_eq!((frame.one("rpcudp.type"), frame.one("rpcudp.link_port")), (None, None), "{frame:?}");
    }
}
