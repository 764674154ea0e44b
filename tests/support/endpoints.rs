//! Endpoints on the loopback interface and on simulated networks.

use std::net::{SocketAddr, ToSocketAddrs, UdpSocket};

use rpcudp::sim::Network;
use rpcudp::{Builder, Endpoint, Service};

/// The server's address on a simulated network.
pub(crate) const SERVER: &str = "10.0.0.1:7000";

/// The caller's address on a simulated network.
pub(crate) const CALLER: &str = "10.0.0.2:7000";

/// Binds a server and a caller to free ports of the loopback interface.
pub(crate) async fn loopback_pair(service: impl Service) -> (Endpoint, Endpoint) {
    let server = Endpoint::builder().serve(service).bind("127.0.0.1:0").await.unwrap();
    let caller = Endpoint::bind("127.0.0.1:0").await.unwrap();
    (server, caller)
}

/// Binds an endpoint to an address of a simulated network.
pub(crate) fn bind(network: &Network, addr: impl ToSocketAddrs, builder: Builder) -> Endpoint {
    builder.bind_transport(network.bind(addr).expect("the address is free")).unwrap()
}

/// Binds a socket that never responds, and returns it with its address.
pub(crate) fn silent_socket() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let addr = socket.local_addr().unwrap();
    (socket, addr)
}
