//! Endpoints bound to one address or to all addresses, with IPv4 and IPv6 peers, and broadcasts.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use rpcudp::{Endpoint, UdpOptions};
use rpcudp_interop::{CallOutcome, PeerClient, PeerServer, RustPeer, Venv};

rpcudp_interop::for_each_peer!(
    an_endpoint_on_an_ipv4_address_and_an_ipv4_peer_call_each_other,
    an_endpoint_on_all_addresses_and_an_ipv4_peer_call_each_other,
    an_endpoint_on_all_addresses_and_an_ipv6_peer_call_each_other,
    an_endpoint_on_an_ipv6_address_and_an_ipv6_peer_call_each_other,
    a_peer_that_a_broadcast_reaches_responds,
);

async fn an_endpoint_on_an_ipv4_address_and_an_ipv4_peer_call_each_other(venv: &Venv) {
    assert_calls_both_ways(venv, "127.0.0.1:0", Ipv4Addr::LOCALHOST.into()).await;
}

async fn an_endpoint_on_all_addresses_and_an_ipv4_peer_call_each_other(venv: &Venv) {
    assert_calls_both_ways(venv, "[::]:0", Ipv4Addr::LOCALHOST.into()).await;
}

async fn an_endpoint_on_all_addresses_and_an_ipv6_peer_call_each_other(venv: &Venv) {
    assert_calls_both_ways(venv, "[::]:0", Ipv6Addr::LOCALHOST.into()).await;
}

async fn an_endpoint_on_an_ipv6_address_and_an_ipv6_peer_call_each_other(venv: &Venv) {
    assert_calls_both_ways(venv, "[::1]:0", Ipv6Addr::LOCALHOST.into()).await;
}

async fn a_peer_that_a_broadcast_reaches_responds(venv: &Venv) {
    // The broadcast address of the loopback network, which Linux has.
    if !cfg!(target_os = "linux") {
        return;
    }
    let python = venv.launch().host(Ipv4Addr::UNSPECIFIED.into()).start().await;
    let udp = UdpOptions::default().broadcast(true);
    let rust = venv.endpoint().udp(udp).bind("0.0.0.0:0").await.unwrap();
    let network = SocketAddr::from(([127, 255, 255, 255], python.addr().port()));
    let mut all = PeerClient::new(&rust, network).add(1, 2).all().broadcast().within(Duration::from_secs(20));
    let (peer, sum) = all.next().await.expect("a response");
    assert_eq!((peer.to_string(), sum.unwrap()), (format!("127.0.0.1:{}", python.addr().port()), 3));
}

/// Asserts that an endpoint bound to `bound` and a peer on `host` call each other, and that each
/// sees the other's address.
async fn assert_calls_both_ways(venv: &Venv, bound: &str, host: IpAddr) {
    let rust = bind(venv, bound).await;
    let python = venv.launch().host(host).start().await;
    let to_rust = SocketAddr::new(host, rust.local_addr().port());

    let sender = python.call(to_rust, "sender", &[]).await;
    assert_eq!(sender, CallOutcome::returned(as_list(python.addr())), "an IPv4 address is not mapped to IPv6");
    let (ip, port) = PeerClient::new(&rust, python.addr()).sender().await.unwrap();
    assert_eq!((ip, port), (host.to_string(), to_rust.port()));
    // A handler can call the address that it sees.
    assert_eq!(python.call(to_rust, "call_back", &["41"]).await, CallOutcome::returned("int 42"));
}

async fn bind(venv: &Venv, addr: &str) -> Endpoint {
    let bound = venv.endpoint().serve(PeerServer::new(RustPeer)).bind(addr).await;
    bound.unwrap_or_else(|error| panic!("{error}: these tests need 127.0.0.1 and ::1"))
}

fn as_list(addr: SocketAddr) -> String {
    format!("list [str '{}', int {}]", addr.ip(), addr.port())
}
