//! Networks as they are: hosts with several addresses, both families, an Ethernet's MTU, addresses that change, and
//! messages that say that nobody is there.
//!
//! Each test has hosts of its own: network namespaces with a pair of virtual Ethernet cards between them. That takes
//! Linux, its `ip` (Debian: iproute2) and root; without them the tests are skipped, and say so.
#![cfg(target_os = "linux")]

mod host;
#[path = "../support/mod.rs"]
mod support;

use std::future::poll_fn;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;

use rpcudp::transport::{Datagram, Transport};
use rpcudp::{CallError, Context, Endpoint, UdpOptions, rpc_service};
use tokio::time::{sleep, timeout};

use crate::host::Host;
use crate::support::ms;

#[rpc_service]
trait Peer {
    /// Who asked, and which address was asked.
    fn addresses(&self, cx: &Context) -> (String, String);
    fn echo(&self, bytes: &[u8]) -> Vec<u8>;
    fn big(&self, len: usize) -> Vec<u8>;
    async fn slowly(&self);
    #[rpc(at_least_once)]
    fn again(&self, number: u8) -> u8;
}

struct Service;

impl Peer for Service {
    fn addresses(&self, cx: &Context) -> (String, String) {
        (cx.sender().to_string(), cx.local_addr().to_string())
    }
    fn echo(&self, bytes: &[u8]) -> Vec<u8> {
        bytes.into()
    }
    fn big(&self, len: usize) -> Vec<u8> {
        vec![7; len]
    }
    async fn slowly(&self) {
        sleep(ms(300)).await;
    }
    fn again(&self, number: u8) -> u8 {
        number
    }
}

/// A host that calls and one that serves, at `10.0.0.1` and `fd00::1`, and at `10.0.0.2` and `fd00::2`. `None`, and a
/// line that says so, where this machine cannot have them.
fn hosts() -> Option<[Host; 2]> {
    let hosts = match Host::linked() {
        Ok(hosts) => hosts,
        Err(error) => {
            skipped(&error);
            return None;
        }
    };
    for (host, number) in hosts.iter().zip(1..) {
        host.has(&format!("10.0.0.{number}/24"));
        host.has(&format!("fd00::{number}/64"));
    }
    Some(hosts)
}

fn skipped(error: &io::Error) {
    // The test runner keeps what `eprintln` says of a test that passes to itself.
    let line = format!("\nSKIPPED: hosts of their own need Linux with network namespaces, `ip` and root: {error}\n");
    io::stderr().write_all(line.as_bytes()).expect("stderr can be written to");
}

fn serving() -> rpcudp::Builder {
    Endpoint::builder().serve(PeerServer::new(Service))
}

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// Both families, and the unspecified address of each.
const FAMILIES: [(&str, &str); 2] = [("0.0.0.0:0", "10.0.0.2:7000"), ("[::]:0", "[fd00::2]:7000")];

#[tokio::test]
async fn an_answer_leaves_from_the_address_that_was_asked() {
    let Some([caller, server]) = hosts() else { return };
    server.has("10.0.0.12/24");
    server.has("fd00::12/64");
    // By itself, the system would answer from one of the two of a family, whichever was asked.
    let v4 = ["10.0.0.2", "10.0.0.12"];
    let both = ["10.0.0.2", "10.0.0.12", "[fd00::2]", "[fd00::12]"];
    let caller = caller.bind(Endpoint::builder(), "[::]:0");
    for (bound, asked) in [("0.0.0.0:7000", &v4[..]), ("[::]:7001", &both)] {
        let serving = server.bind(serving(), bound);
        for ip in asked {
            let asked = format!("{ip}:{}", serving.local_addr().port());
            let (_, local) = PeerClient::new(&caller, addr(&asked)).addresses().await.unwrap();
            assert_eq!(local, asked);
        }
    }
    assert_eq!(caller.stats().dropped_in_all(), 0);
}

#[tokio::test]
async fn a_socket_on_all_addresses_serves_and_calls_both_families() {
    let Some([caller, server]) = hosts() else { return };
    let both = server.bind(serving(), "[::]:7000");
    let callers = [caller.bind(serving(), "10.0.0.1:7001"), caller.bind(serving(), "[fd00::1]:7001")];
    for (caller, asked) in callers.iter().zip(["10.0.0.2:7000", "[fd00::2]:7000"]) {
        let answer = PeerClient::new(caller, addr(asked)).addresses().await.unwrap();
        // An IPv4 peer has an IPv4 address here too.
        assert_eq!(answer, (caller.local_addr().to_string(), asked.into()));
        let (sender, _) = PeerClient::new(&both, caller.local_addr()).addresses().await.unwrap();
        assert_eq!(sender, asked);
    }
}

#[tokio::test]
async fn the_largest_request_and_the_largest_response_cross_an_ethernet() {
    let Some([caller, server]) = hosts() else { return };
    let _serving = server.bind(serving(), "[::]:7000");
    for (local, peer) in FAMILIES {
        let endpoint = caller.bind(Endpoint::builder(), local);
        let client = PeerClient::new(&endpoint, addr(peer));
        let before = [caller.fragmented(), server.fragmented()];
        // [echo, [bytes]]: 1 + 5 + 1 + 3 bytes besides the bytes themselves.
        let largest = vec![7; 8_192 - 10];
        assert_eq!(client.echo(&largest).await.unwrap(), largest);
        let after = [caller.fragmented(), server.fragmented()];
        // Each has cut one into fragments and put one together.
        let counts = [0, 1].map(|host| [0, 1].map(|count| after[host][count] - before[host][count]));
        assert_eq!(counts, [[1, 1], [1, 1]], "{peer}");
        let largest = 65_486 - 3;
        assert_eq!(client.big(largest).await.unwrap().len(), largest, "{peer}");
    }
}

#[tokio::test]
async fn a_caller_whose_address_changes_meanwhile_times_out_and_can_call_again() {
    let Some([caller, server]) = hosts() else { return };
    let serving = server.bind(serving(), "0.0.0.0:7000");
    let endpoint = caller.bind(Endpoint::builder(), "0.0.0.0:7001");
    let client = PeerClient::new(&endpoint, addr("10.0.0.2:7000"));
    let call = tokio::spawn(client.slowly().timeout(Duration::from_secs(1)));
    while serving.stats().requests.received == 0 {
        sleep(ms(1)).await;
    }
    caller.must(&format!("addr del 10.0.0.1/24 dev {}", Host::CARD));
    caller.has("10.0.0.3/24");
    assert!(call.await.unwrap().unwrap_err().is_timeout());
    assert_eq!(serving.stats().requests.completed, 1);
    assert_eq!(client.addresses().await.unwrap().0, "10.0.0.3:7001");
}

#[tokio::test]
async fn a_closed_port_and_a_host_out_of_reach_end_their_calls_and_no_others() {
    let Some([caller, server]) = hosts() else { return };
    if let Err(error) = server.forwards() {
        return skipped(&error);
    }
    let _serving = server.bind(serving(), "[::]:7000");
    // Beyond the server there are networks that it knows no way to.
    for (network, via) in [("10.9.0.0/24", "10.0.0.2"), ("fd09::/64", "fd00::2")] {
        server.must(&format!("route add unreachable {network}"));
        caller.must(&format!("route add {network} via {via}"));
    }
    for (local, peer) in [FAMILIES[0], FAMILIES[1], ("[::]:0", "10.0.0.2:7000")] {
        let endpoint = caller.bind(Endpoint::builder(), local);
        let healthy = PeerClient::new(&endpoint, addr(peer));
        let hopeless = if peer.starts_with('[') {
            ["[fd00::2]:7999", "[fd09::9]:7000"]
        } else {
            ["10.0.0.2:7999", "10.9.0.9:7000"]
        };
        for nobody in hopeless.map(addr) {
            let calls: Vec<_> = (0..20).map(|number| tokio::spawn(healthy.echo(&[number]))).collect();
            let error = healthy.with_peer(nobody).echo(b"?").await.unwrap_err();
            assert!(matches!(error, CallError::Unreachable { peer, .. } if peer == nobody), "{error}");
            for (number, call) in calls.into_iter().enumerate() {
                assert_eq!(call.await.unwrap().unwrap(), [number as u8]);
            }
        }
        assert_eq!(endpoint.stats().calls.unreachable, 2);
    }
}

#[tokio::test]
async fn a_link_that_goes_down_and_comes_back_is_survived() {
    let Some([caller, server]) = hosts() else { return };
    let _serving = server.bind(serving(), "10.0.0.2:7000");
    let endpoint = caller.bind(Endpoint::builder(), "0.0.0.0:0");
    let client = PeerClient::new(&endpoint, addr("10.0.0.2:7000"));
    assert_eq!(client.again(1).await.unwrap(), 1);
    // The server's end: the caller's own card loses its carrier, and keeps its address and its route.
    server.must(&format!("link set {} down", Host::CARD));
    let call = tokio::spawn(client.again(2).timeout(Duration::from_secs(10)));
    sleep(ms(500)).await;
    assert!(!call.is_finished());
    server.must(&format!("link set {} up", Host::CARD));
    assert_eq!(call.await.unwrap().unwrap(), 2);
}

#[tokio::test]
async fn a_full_socket_is_waited_for_until_there_is_room() {
    let Some([caller, _server]) = hosts() else { return };
    let socket = caller.socket("10.0.0.1:0", &UdpOptions::default().send_buffer(1).report_unreachable(false));
    // Nobody has this address: what goes there stays in the kernel, which asks for three seconds who has it.
    let datagram = Datagram { destination: addr("10.0.0.99:7000"), source: None, contents: &[7; 1_000] };
    for _ in 0..2 {
        let full = loop {
            if let Err(error) = socket.try_send(datagram) {
                break error;
            }
        };
        assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
        let mut has_waited = false;
        let room = poll_fn(|cx| {
            let polled = socket.poll_writable(cx);
            has_waited |= polled.is_pending();
            polled
        });
        timeout(Duration::from_secs(20), room).await.unwrap().unwrap();
        assert!(has_waited);
        socket.try_send(datagram).unwrap();
    }
}

#[tokio::test]
async fn calls_wait_for_a_full_socket() {
    let Some([caller, server]) = hosts() else { return };
    let _serving = server.bind(serving(), "10.0.0.2:7000");
    let udp = UdpOptions::default().send_buffer(1).report_unreachable(false);
    let endpoint = caller.bind(Endpoint::builder().udp(udp), "10.0.0.1:0");
    let client = PeerClient::new(&endpoint, addr("10.0.0.2:7000"));
    let patience = Duration::from_secs(60);
    for round in 1..3 {
        let before = endpoint.stats();
        // Nobody has this address, as above.
        let nobody = client.with_peer(addr("10.0.0.99:7000"));
        let silent: Vec<_> = (0..4).map(|_| tokio::spawn(nobody.echo(&[7; 1_000]).timeout(patience))).collect();
        while endpoint.stats().calls.started < before.calls.started + 4 {
            sleep(ms(1)).await;
        }
        let sent_count = endpoint.stats().datagrams.sent - before.datagrams.sent;
        assert!(sent_count < 4, "round {round}: {sent_count} went into a socket that has no room for them");
        // It comes after them in the queue before the socket.
        assert_eq!(client.echo(b"behind").timeout(patience).await.unwrap(), b"behind", "round {round}");
        silent.iter().for_each(tokio::task::JoinHandle::abort);
    }
}
