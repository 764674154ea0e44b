use std::net::{SocketAddr, UdpSocket};

use rpcudp::{Builder, Context, Dialect, Endpoint, rpc_service};
use rpcudp_core::{Frame, Response};
use serde::{Deserialize, Serialize};

/// The contract of the Rust peers in these tests.
#[rpc_service]
pub(crate) trait Peer {
    fn sayhi(&self, cx: &Context, name: &str) -> String;
    /// Returns the bytes in reverse order, and their number.
    fn reverse(&self, data: &[u8]) -> (Vec<u8>, usize);
    fn withdraw(&self, cents: u64) -> Result<u64, Overdrawn>;
    fn stun(&self, cx: &Context) -> (String, u16);
    fn length(&self, data: &[u8]) -> usize;
    /// Never returns.
    async fn hold(&self, data: Vec<u8>);
    /// Returns the caller's key, if the request came over a link.
    #[cfg(feature = "secure")]
    fn whoami(&self, cx: &Context) -> Option<String>;
}

/// An application error with a field.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Overdrawn {
    by: u64,
}

struct RustPeer;

impl Peer for RustPeer {
    fn sayhi(&self, cx: &Context, name: &str) -> String {
        format!("Hello {name} you live at {}", cx.sender().ip())
    }

    fn reverse(&self, data: &[u8]) -> (Vec<u8>, usize) {
        (data.iter().rev().copied().collect(), data.len())
    }

    fn withdraw(&self, cents: u64) -> Result<u64, Overdrawn> {
        Err(Overdrawn { by: cents })
    }

    fn stun(&self, cx: &Context) -> (String, u16) {
        (cx.sender().ip().to_string(), cx.sender().port())
    }

    fn length(&self, data: &[u8]) -> usize {
        data.len()
    }

    async fn hold(&self, _: Vec<u8>) {
        std::future::pending::<()>().await;
    }

    #[cfg(feature = "secure")]
    fn whoami(&self, cx: &Context) -> Option<String> {
        cx.peer_id().map(|peer| peer.to_string())
    }
}

/// Starts a Rust peer, which serves until the endpoint is dropped.
pub(crate) fn serve(dialect: Dialect) -> (Endpoint, String) {
    serve_as(Endpoint::builder().dialect(dialect))
}

/// Starts a Rust peer with these options.
pub(crate) fn serve_as(builder: Builder) -> (Endpoint, String) {
    let endpoint = builder.serve(PeerServer::new(RustPeer));
    let endpoint = endpoint.bind("127.0.0.1:0").wait().expect("a free port of this host");
    let addr = endpoint.local_addr().to_string();
    (endpoint, addr)
}

/// Starts a Rust peer that is a member of a multicast group on the loopback interface. Returns the
/// address of the group.
#[cfg(target_os = "linux")]
pub(crate) fn serve_group() -> (Endpoint, String) {
    use std::net::Ipv4Addr;

    let group = Ipv4Addr::new(239, 77, 1, 3);
    let udp = rpcudp::UdpOptions::default().join_multicast_v4(group, Ipv4Addr::LOCALHOST);
    let endpoint = Endpoint::builder().udp(udp).serve(PeerServer::new(RustPeer));
    let endpoint = endpoint.bind("0.0.0.0:0").wait().expect("a free port of this host");
    let addr = format!("{group}:{}", endpoint.local_addr().port());
    (endpoint, addr)
}

/// The treatment of a request by a [`stub_server`].
pub(crate) enum Rule {
    Respond,
    /// Responds from another port.
    RespondFromElsewhere,
    Drop,
}

/// Starts a peer that treats each request by `rule`, which gets the number of earlier requests and
/// the length of this one. Its responses are null. It runs until the test process ends.
pub(crate) fn stub_server(dialect: Dialect, mut rule: impl FnMut(usize, usize) -> Rule + Send + 'static) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port of this host");
    let elsewhere = UdpSocket::bind("127.0.0.1:0").expect("a free port of this host");
    let addr = socket.local_addr().expect("it is bound").to_string();
    std::thread::spawn(move || {
        let mut datagram = [0; 65_536];
        let mut count = 0;
        while let Ok((len, from)) = socket.recv_from(&mut datagram) {
            let Ok(Frame::Request(request)) = Frame::decode(&datagram[..len], dialect) else { continue };
            let mut response = Vec::new();
            Response::begin(&mut response, dialect, request.id);
            response.push(0xc0);
            let sent = match rule(count, len) {
                Rule::Respond => socket.send_to(&response, from),
                Rule::RespondFromElsewhere => elsewhere.send_to(&response, from),
                Rule::Drop => Ok(0),
            };
            // The caller may have ended.
            drop(sent);
            count += 1;
        }
    });
    addr
}

/// Binds a port that does not respond, until the socket is dropped.
pub(crate) fn silence() -> (UdpSocket, String) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port of this host");
    let addr = socket.local_addr().expect("it is bound").to_string();
    (socket, addr)
}

/// A closed port. Ephemeral ports come from another range, so no test binds it by chance.
pub(crate) const CLOSED: &str = "127.0.0.1:9";

/// Sends a datagram from a new socket.
pub(crate) fn send(datagram: &[u8], to: SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port of this host");
    socket.send_to(datagram, to).expect("loopback takes it");
}
