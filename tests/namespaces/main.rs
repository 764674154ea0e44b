//! Real networks: hosts with several addresses, both families, the MTU of an Ethernet, addresses
//! that change, ICMP errors, multicast and broadcast.
//!
//! Each test has hosts of its own: network namespaces with a pair of virtual Ethernet cards between
//! them, or with a bridge. This needs Linux, the program `ip` (Debian: iproute2) and root. Without
//! them the tests are skipped and print `SKIPPED`.
#![cfg(target_os = "linux")]

#[cfg(feature = "secure")]
#[path = "../support/bulk.rs"]
mod bulk;
mod forged;
mod host;
#[cfg(feature = "secure")]
mod links;
mod multicast;
mod sessions;
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
    /// Returns the address of the caller, and the address that it called.
    fn addresses(&self, cx: &Context) -> (String, String);
    fn echo(&self, bytes: &[u8]) -> Vec<u8>;
    fn big(&self, len: usize) -> Vec<u8>;
    async fn slowly(&self);
    #[rpc(at_least_once)]
    fn at_least_once(&self, number: u8) -> u8;
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
    fn at_least_once(&self, number: u8) -> u8 {
        number
    }
}

/// Makes a host for the caller at `10.0.0.1` and `fd00::1`, and a host for the server at `10.0.0.2`
/// and `fd00::2`. If this machine cannot have them, prints `SKIPPED` and returns `None`.
fn hosts() -> Option<[Host; 2]> {
    addressed(Host::linked())
}

/// Gives each host an address of both families that ends with its number, from 1. If this machine
/// cannot have hosts, prints `SKIPPED` and returns `None`.
fn addressed<const N: usize>(hosts: io::Result<[Host; N]>) -> Option<[Host; N]> {
    let hosts = hosts.inspect_err(print_skipped).ok()?;
    for (host, number) in hosts.iter().zip(1..) {
        host.add_addr(&format!("10.0.0.{number}/24"));
        host.add_addr(&format!("fd00::{number}/64"));
    }
    Some(hosts)
}

fn print_skipped(error: &io::Error) {
    // The test runner hides the output of `eprintln` if the test passes.
    let line = format!("\nSKIPPED: virtual hosts need Linux with network namespaces, `ip` and root: {error}\n");
    io::stderr().write_all(line.as_bytes()).expect("stderr can be written to");
}

fn serving() -> rpcudp::Builder {
    Endpoint::builder().serve(PeerServer::new(Service))
}

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// For each family the unspecified address and the address of the server.
const FAMILIES: [(&str, &str); 2] = [("0.0.0.0:0", "10.0.0.2:7000"), ("[::]:0", "[fd00::2]:7000")];

#[tokio::test]
async fn response_leaves_from_the_address_that_was_called() {
    let Some([caller, server]) = hosts() else { return };
    server.add_addr("10.0.0.12/24");
    server.add_addr("fd00::12/64");
    // By default the kernel would send from one of the two addresses of a family, for both.
    let v4 = ["10.0.0.2", "10.0.0.12"];
    let both = ["10.0.0.2", "10.0.0.12", "[fd00::2]", "[fd00::12]"];
    let caller = caller.bind(Endpoint::builder(), "[::]:0");
    for (bound, ips) in [("0.0.0.0:7000", &v4[..]), ("[::]:7001", &both)] {
        let serving = server.bind(serving(), bound);
        for ip in ips {
            let called = format!("{ip}:{}", serving.local_addr().port());
            let (_, local) = PeerClient::new(&caller, addr(&called)).addresses().await.unwrap();
            assert_eq!(local, called);
        }
    }
    assert_eq!(caller.stats().dropped_in_all(), 0);
}

#[tokio::test]
async fn socket_on_all_addresses_serves_and_calls_both_families() {
    let Some([caller, server]) = hosts() else { return };
    let both = server.bind(serving(), "[::]:7000");
    let callers = [caller.bind(serving(), "10.0.0.1:7001"), caller.bind(serving(), "[fd00::1]:7001")];
    for (caller, called) in callers.iter().zip(["10.0.0.2:7000", "[fd00::2]:7000"]) {
        let response = PeerClient::new(caller, addr(called)).addresses().await.unwrap();
        // An IPv4 peer has an IPv4 address on a dual-stack socket too.
        assert_eq!(response, (caller.local_addr().to_string(), called.into()));
        let (sender, _) = PeerClient::new(&both, caller.local_addr()).addresses().await.unwrap();
        assert_eq!(sender, called);
    }
}

#[tokio::test]
async fn largest_request_and_response_cross_an_ethernet() {
    let Some([caller, server]) = hosts() else { return };
    let _serving = server.bind(serving(), "[::]:7000");
    for (local, peer) in FAMILIES {
        let endpoint = caller.bind(Endpoint::builder(), local);
        let client = PeerClient::new(&endpoint, addr(peer));
        let before = [caller.fragment_counts(), server.fragment_counts()];
        // `[echo, [bytes]]` adds 1 + 5 + 1 + 3 bytes to the bytes themselves.
        let largest = vec![7; 8_192 - 10];
        assert_eq!(client.echo(&largest).await.unwrap(), largest);
        let after = [caller.fragment_counts(), server.fragment_counts()];
        // Each host has fragmented one datagram and reassembled one.
        let counts = [0, 1].map(|host| [0, 1].map(|count| after[host][count] - before[host][count]));
        assert_eq!(counts, [[1, 1], [1, 1]], "{peer}");
        let largest = 65_486 - 3;
        assert_eq!(client.big(largest).await.unwrap().len(), largest, "{peer}");
    }
}

#[tokio::test]
async fn call_times_out_when_the_callers_address_changes_and_the_next_succeeds() {
    let Some([caller, server]) = hosts() else { return };
    let serving = server.bind(serving(), "0.0.0.0:7000");
    let endpoint = caller.bind(Endpoint::builder(), "0.0.0.0:7001");
    let client = PeerClient::new(&endpoint, addr("10.0.0.2:7000"));
    let call = tokio::spawn(client.slowly().timeout(Duration::from_secs(1)));
    while serving.stats().requests.received == 0 {
        sleep(ms(1)).await;
    }
    caller.run_ip(&format!("addr del 10.0.0.1/24 dev {}", Host::CARD));
    caller.add_addr("10.0.0.3/24");
    assert!(call.await.unwrap().unwrap_err().is_timeout());
    assert_eq!(serving.stats().requests.completed, 1);
    assert_eq!(client.addresses().await.unwrap().0, "10.0.0.3:7001");
}

#[tokio::test]
async fn closed_port_and_unreachable_host_fail_only_their_own_calls() {
    let Some([caller, server]) = hosts() else { return };
    if let Err(error) = server.enable_forwarding() {
        return print_skipped(&error);
    }
    let _serving = server.bind(serving(), "[::]:7000");
    // The server has no route to these networks.
    for (network, via) in [("10.9.0.0/24", "10.0.0.2"), ("fd09::/64", "fd00::2")] {
        server.run_ip(&format!("route add unreachable {network}"));
        caller.run_ip(&format!("route add {network} via {via}"));
    }
    for (local, peer) in [FAMILIES[0], FAMILIES[1], ("[::]:0", "10.0.0.2:7000")] {
        let endpoint = caller.bind(Endpoint::builder(), local);
        let reachable = PeerClient::new(&endpoint, addr(peer));
        let unreachable = if peer.starts_with('[') {
            ["[fd00::2]:7999", "[fd09::9]:7000"]
        } else {
            ["10.0.0.2:7999", "10.9.0.9:7000"]
        };
        for other in unreachable.map(addr) {
            let calls: Vec<_> = (0..20).map(|number| tokio::spawn(reachable.echo(&[number]))).collect();
            let error = reachable.with_peer(other).echo(b"?").await.unwrap_err();
            assert!(matches!(error, CallError::Unreachable { peer, .. } if peer == other), "{error}");
            for (number, call) in calls.into_iter().enumerate() {
                assert_eq!(call.await.unwrap().unwrap(), [number as u8]);
            }
        }
        assert_eq!(endpoint.stats().calls.unreachable, 2);
    }
}

#[tokio::test]
async fn call_survives_a_link_that_goes_down_for_a_while() {
    let Some([caller, server]) = hosts() else { return };
    let _serving = server.bind(serving(), "10.0.0.2:7000");
    let endpoint = caller.bind(Endpoint::builder(), "0.0.0.0:0");
    let client = PeerClient::new(&endpoint, addr("10.0.0.2:7000"));
    assert_eq!(client.at_least_once(1).await.unwrap(), 1);
    // The server's end goes down: the caller's card loses its carrier, and keeps its address and
    // its route.
    server.run_ip(&format!("link set {} down", Host::CARD));
    let call = tokio::spawn(client.at_least_once(2).timeout(Duration::from_secs(10)));
    sleep(ms(500)).await;
    assert!(!call.is_finished());
    server.run_ip(&format!("link set {} up", Host::CARD));
    assert_eq!(call.await.unwrap().unwrap(), 2);
}

#[tokio::test]
async fn poll_writable_waits_until_a_full_socket_has_room() {
    let Some([caller, _server]) = hosts() else { return };
    let socket = caller.socket("10.0.0.1:0", &UdpOptions::default().send_buffer(1).report_unreachable(false));
    // No host has this address: the kernel keeps the packets for three seconds, until ARP fails.
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
async fn calls_are_queued_while_the_socket_is_full() {
    let Some([caller, server]) = hosts() else { return };
    let _serving = server.bind(serving(), "10.0.0.2:7000");
    let udp = UdpOptions::default().send_buffer(1).report_unreachable(false);
    let endpoint = caller.bind(Endpoint::builder().udp(udp), "10.0.0.1:0");
    let client = PeerClient::new(&endpoint, addr("10.0.0.2:7000"));
    let long_timeout = Duration::from_secs(60);
    for round in 1..3 {
        let before = endpoint.stats();
        // No host has this address, as above.
        let absent = client.with_peer(addr("10.0.0.99:7000"));
        let silent: Vec<_> = (0..4).map(|_| tokio::spawn(absent.echo(&[7; 1_000]).timeout(long_timeout))).collect();
        while endpoint.stats().calls.started < before.calls.started + 4 {
            sleep(ms(1)).await;
        }
        let sent_count = endpoint.stats().datagrams.sent - before.datagrams.sent;
        assert!(sent_count < 4, "round {round}: a full socket took {sent_count} datagrams");
        // This request is behind the others in the send queue.
        assert_eq!(client.echo(b"behind").timeout(long_timeout).await.unwrap(), b"behind", "round {round}");
        silent.iter().for_each(tokio::task::JoinHandle::abort);
    }
}
