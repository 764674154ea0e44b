//! Responses of hostile peers: each ends its own call, and no more.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::time::Duration;

use rpcudp::sim::{Network, Node};
use rpcudp::transport::{Datagram, ReceiveBatch, Transport};
use rpcudp::{CallError, DropReason, Endpoint, Refusal, rpc_service};
use tokio::time::Instant;

#[rpc_service]
trait Target {
    fn echo(&self, bytes: &[u8]) -> Vec<u8>;
    fn large(&self) -> Vec<u8>;
}

struct Service;

impl Target for Service {
    fn echo(&self, bytes: &[u8]) -> Vec<u8> {
        bytes.into()
    }

    fn large(&self) -> Vec<u8> {
        vec![7; 60_000]
    }
}

/// An endpoint that calls a hostile peer.
struct Attack {
    network: Network,
    endpoint: Endpoint,
    peer: Node,
}

impl Attack {
    fn new(any_source: bool) -> Self {
        let network = Network::new(1);
        let endpoint = Endpoint::builder().serve(TargetServer::new(Service)).any_source(any_source);
        let endpoint = endpoint.bind_transport(network.bind("10.0.0.1:7000").unwrap()).unwrap();
        let peer = network.bind("10.6.6.6:666").unwrap();
        Self { network, endpoint, peer }
    }

    /// Calls the peer, which responds from `source` with a datagram of this kind and body.
    async fn respond_from(&self, source: &Node, kind: u8, body: &[u8]) -> Result<Vec<u8>, CallError> {
        let call = tokio::spawn(TargetClient::new(&self.endpoint, self.peer.local_addr()).echo(b"x"));
        let mut batch = ReceiveBatch::new();
        poll_fn(|cx| self.peer.poll_receive(cx, &mut batch)).await.unwrap();
        let request = batch.iter().next().unwrap();
        let response = [&[kind], &request.contents[1..21], body].concat();
        source.try_send(Datagram { destination: request.source, source: None, contents: &response }).unwrap();
        call.await.unwrap()
    }

    async fn respond(&self, kind: u8, body: &[u8]) -> Result<Vec<u8>, CallError> {
        self.respond_from(&self.peer, kind, body).await
    }

    /// Sends 1,000 requests for a large response from `source`. Returns the bytes of the responses.
    async fn reflected(&self, source: &Node) -> usize {
        for number in 0..1_000_u32 {
            let request = [b"\0", &number.to_be_bytes()[..], &[9; 16], b"\x92\xa5large\x90"].concat();
            let datagram = Datagram { destination: self.endpoint.local_addr(), source: None, contents: &request };
            source.try_send(datagram).unwrap();
        }
        let (mut batch, mut len) = (ReceiveBatch::new(), 0);
        let receive = async {
            loop {
                poll_fn(|cx| source.poll_receive(cx, &mut batch)).await.unwrap();
                len += batch.iter().map(|response| response.contents.len()).sum::<usize>();
            }
        };
        let _ = tokio::time::timeout(Duration::from_millis(1), receive).await;
        len
    }
}

#[tokio::test(start_paused = true)]
async fn response_whose_body_is_invalid_ends_its_call_at_once() {
    let deep = [&b"\x91".repeat(33)[..], b"\xc0"].concat();
    for (kind, body, reason) in [
        (1, &*deep, "not a `alloc::vec::Vec<u8>`: it nests deeper than 32 levels"),
        (1, b"\xc4\xff", "its msgpack is incomplete or invalid"),
        (1, b"\xdd\xff\xff\xff\xff", "its msgpack is incomplete or invalid"),
        (1, b"", "its msgpack is incomplete or invalid"),
        (4, &*deep, "it nests deeper than 32 levels"),
        (4, b"\xc0", "its failure frame has another shape"),
    ] {
        let attack = Attack::new(false);
        let start = Instant::now();
        let error = attack.respond(kind, body).await.unwrap_err();
        assert!(matches!(error, CallError::Decode { .. }), "{error}");
        assert!(error.to_string().ends_with(reason), "{error}");
        assert!(start.elapsed() < Duration::from_millis(100), "{error}");
        let stats = attack.endpoint.stats();
        assert_eq!((stats.calls.undecodable, stats.dropped_in_all()), (1, 0), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn invalid_response_that_matches_no_call_ends_none() {
    let attack = Attack::new(false);
    let other = attack.network.bind("10.6.6.7:666").unwrap();
    let error = attack.respond_from(&other, 1, &b"\x91".repeat(40)).await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert_eq!(attack.endpoint.stats().dropped(DropReason::WrongSource), 1);
}

#[tokio::test(start_paused = true)]
async fn text_of_a_failure_is_cut_and_escaped() {
    let attack = Attack::new(false);
    let text = "\u{1b}[2J".repeat(15_000);
    let body = [b"\x92\x09\xda", &(text.len() as u16).to_be_bytes()[..], text.as_bytes()].concat();
    let error = attack.respond(4, &body).await.unwrap_err();
    let printed = error.to_string();
    let CallError::Refused { reason: Refusal::Rejected, message, .. } = error else { panic!("{printed}") };
    assert!(message.chars().count() <= 200 && message.ends_with('…'), "{message}");
    assert!(message.starts_with(r"\u{1b}[2J\u{1b}[2J"), "{message}");
    assert_eq!(
        printed,
        format!("10.6.6.6:666 refused `echo`: Rejected: {message}").replace("Rejected", &Refusal::Rejected.to_string())
    );
}

#[tokio::test(start_paused = true)]
async fn any_source_validates_only_the_peer_that_was_called() {
    let budget = 5 << 20;
    let attack = Attack::new(true);
    let victim = attack.network.bind(SocketAddr::from(([192, 0, 2, 1], 7000))).unwrap();
    assert_eq!(attack.respond_from(&victim, 1, b"\xc4\x01y").await.unwrap(), b"y");
    let len = attack.reflected(&victim).await;
    assert!((1..=budget).contains(&len), "the victim is unvalidated, and was sent {len} bytes");
    assert_eq!(attack.respond(1, b"\xc4\x01y").await.unwrap(), b"y");
    let len = attack.reflected(&attack.peer).await;
    assert!(len > budget, "the peer is validated, and was sent {len} bytes");
}

#[tokio::test(start_paused = true)]
async fn client_that_serves_nothing_is_validated_by_refusing_a_call() {
    let attack = Attack::new(false);
    let addr: SocketAddr = "192.0.2.9:7000".parse().unwrap();
    let client = Endpoint::builder().bind_transport(attack.network.bind(addr).unwrap()).unwrap();
    let refused = TargetClient::new(&attack.endpoint, addr).echo(b"x").await;
    assert!(matches!(refused, Err(CallError::Refused { reason: Refusal::UnknownMethod, .. })), "{refused:?}");
    drop(client);
    let same_host = attack.network.bind("192.0.2.9:7001").unwrap();
    let len = attack.reflected(&same_host).await;
    assert!(len > 5 << 20, "{len} bytes");
}
