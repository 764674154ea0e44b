//! Endpoints on one address and on all of them, and peers of both families.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rpcudp::Endpoint;
use rpcudp_interop::{Ended, PeerClient, PeerServer, RustPeer, Venv};

rpcudp_interop::for_each_package!(
    an_endpoint_on_an_ipv4_address_and_an_ipv4_peer_answer_each_other,
    an_endpoint_on_all_addresses_and_an_ipv4_peer_answer_each_other,
    an_endpoint_on_all_addresses_and_an_ipv6_peer_answer_each_other,
    an_endpoint_on_an_ipv6_address_and_an_ipv6_peer_answer_each_other,
);

async fn an_endpoint_on_an_ipv4_address_and_an_ipv4_peer_answer_each_other(venv: &Venv) {
    assert_both_answer(venv, "127.0.0.1:0", Ipv4Addr::LOCALHOST.into()).await;
}

async fn an_endpoint_on_all_addresses_and_an_ipv4_peer_answer_each_other(venv: &Venv) {
    assert_both_answer(venv, "[::]:0", Ipv4Addr::LOCALHOST.into()).await;
}

async fn an_endpoint_on_all_addresses_and_an_ipv6_peer_answer_each_other(venv: &Venv) {
    assert_both_answer(venv, "[::]:0", Ipv6Addr::LOCALHOST.into()).await;
}

async fn an_endpoint_on_an_ipv6_address_and_an_ipv6_peer_answer_each_other(venv: &Venv) {
    assert_both_answer(venv, "[::1]:0", Ipv6Addr::LOCALHOST.into()).await;
}

/// Asserts that an endpoint that is bound to `bound` and a peer on `host` answer each other, and that each knows the
/// other by that address.
async fn assert_both_answer(venv: &Venv, bound: &str, host: IpAddr) {
    let rust = bind(venv, bound).await;
    let python = venv.launch().host(host).start().await;
    let to_rust = SocketAddr::new(host, rust.local_addr().port());

    let sender = python.call(to_rust, "sender", &[]).await;
    assert_eq!(
        sender,
        Ended::answered(as_list(python.addr())),
        "in its own form, not as an IPv6 address that holds it"
    );
    let (ip, port) = PeerClient::new(&rust, python.addr()).sender().await.unwrap();
    assert_eq!((ip, port), (host.to_string(), to_rust.port()));
    // The address that a handler sees is one that it can call.
    assert_eq!(python.call(to_rust, "call_back", &["41"]).await, Ended::answered("int 42"));
}

async fn bind(venv: &Venv, addr: &str) -> Endpoint {
    let bound = venv.endpoint().serve(PeerServer::new(RustPeer)).bind(addr).await;
    bound.unwrap_or_else(|error| panic!("{error}: these tests need 127.0.0.1 and ::1"))
}

fn as_list(addr: SocketAddr) -> String {
    format!("list [str '{}', int {}]", addr.ip(), addr.port())
}
