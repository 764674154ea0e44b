use std::net::{SocketAddr, UdpSocket};

use rpcudp::{Context, Dialect, Endpoint, rpc_service};
use rpcudp_core::{Frame, Response};
use serde::{Deserialize, Serialize};

/// What the Rust peers of these tests serve.
#[rpc_service]
pub(crate) trait Peer {
    fn sayhi(&self, cx: &Context, name: &str) -> String;
    /// The bytes the other way round, and how many there are.
    fn reverse(&self, data: &[u8]) -> (Vec<u8>, usize);
    fn withdraw(&self, cents: u64) -> Result<u64, Overdrawn>;
    fn stun(&self, cx: &Context) -> (String, u16);
}

/// An error with a field.
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
}

/// A peer of this crate, as long as the endpoint is kept.
pub(crate) fn serve(dialect: Dialect) -> (Endpoint, String) {
    let endpoint = Endpoint::builder().dialect(dialect).serve(PeerServer::new(RustPeer));
    let endpoint = endpoint.bind("127.0.0.1:0").wait().expect("a free port of this host");
    let addr = endpoint.local_addr().to_string();
    (endpoint, addr)
}

/// What becomes of a request to a [`stub_server`].
pub(crate) enum Rule {
    Respond,
    /// From another port.
    RespondFromElsewhere,
    Drop,
}

/// A peer that answers null to every method of a dialect, for the rest of the test; or does to a request what a rule
/// says, which is given how many came before and how many bytes it has.
pub(crate) fn stub_server(dialect: Dialect, mut rule: impl FnMut(usize, usize) -> Rule + Send + 'static) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port of this host");
    let elsewhere = UdpSocket::bind("127.0.0.1:0").expect("a free port of this host");
    let addr = socket.local_addr().expect("it is bound").to_string();
    std::thread::spawn(move || {
        let mut datagram = [0; 65_536];
        let mut count = 0;
        while let Ok((len, from)) = socket.recv_from(&mut datagram) {
            let Ok(Frame::Request(request)) = Frame::decode(&datagram[..len], dialect) else { continue };
            let mut answer = Vec::new();
            Response::begin(&mut answer, dialect, request.id);
            answer.push(0xc0);
            let sent = match rule(count, len) {
                Rule::Respond => socket.send_to(&answer, from),
                Rule::RespondFromElsewhere => elsewhere.send_to(&answer, from),
                Rule::Drop => Ok(0),
            };
            // Whoever has asked may be gone.
            drop(sent);
            count += 1;
        }
    });
    addr
}

/// A port where nobody answers, as long as the socket is kept.
pub(crate) fn silence() -> (UdpSocket, String) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port of this host");
    let addr = socket.local_addr().expect("it is bound").to_string();
    (socket, addr)
}

/// A port where nobody is: the system keeps it from others, who are given theirs from another range.
pub(crate) const CLOSED: &str = "127.0.0.1:9";

/// Sends a datagram from nowhere in particular.
pub(crate) fn send(datagram: &[u8], to: SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port of this host");
    socket.send_to(datagram, to).expect("loopback takes it");
}
