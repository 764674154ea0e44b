//! Endpoints with several sockets on one address.

use std::net::SocketAddr;
use std::time::Duration;

use rpcudp::{Context, Endpoint, rpc_service};
use tokio::task::JoinSet;

use crate::support::{ms, silent_socket};

#[rpc_service]
trait Peer {
    fn sender(&self, cx: &Context) -> SocketAddr;
    async fn sender_later(&self, cx: &Context) -> SocketAddr;
    #[rpc(at_most_once)]
    async fn call_back(&self, cx: &Context) -> SocketAddr;
}

struct Service;

impl Peer for Service {
    fn sender(&self, cx: &Context) -> SocketAddr {
        cx.sender()
    }
    async fn sender_later(&self, cx: &Context) -> SocketAddr {
        tokio::time::sleep(ms(1)).await;
        cx.sender()
    }
    async fn call_back(&self, cx: &Context) -> SocketAddr {
        PeerClient::new(cx, cx.sender()).sender().await.unwrap()
    }
}

const PEER_COUNT: usize = 40;
const CALL_COUNT: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn responses_match_calls_on_any_socket() {
    let bind = |count| Endpoint::builder().serve(PeerServer::new(Service)).sockets(count).bind("127.0.0.1:0");
    let many = bind(4).await.unwrap();
    let mut calls = JoinSet::new();
    for _ in 0..PEER_COUNT {
        let peer = bind(1).await.unwrap();
        let (to_server, to_peer) =
            (PeerClient::new(&peer, many.local_addr()), PeerClient::new(&many, peer.local_addr()));
        calls.spawn(async move {
            for _ in 0..CALL_COUNT {
                assert_eq!(to_server.sender().await.unwrap(), to_peer.peer());
                assert_eq!(to_server.sender_later().await.unwrap(), to_peer.peer());
                assert_eq!(to_peer.sender().await.unwrap(), to_server.peer());
                assert_eq!(to_peer.sender_later().await.unwrap(), to_server.peer());
                // On a slow machine a retransmission would be a duplicate, which is dropped and
                // counted.
                assert_eq!(to_server.call_back().retransmit(false).await.unwrap(), to_server.peer());
            }
        });
    }
    while let Some(ended) = calls.join_next().await {
        ended.unwrap();
    }
    let stats = many.stats();
    let count = (PEER_COUNT * CALL_COUNT) as u64;
    assert_eq!((stats.requests.completed, stats.calls.completed, stats.dropped_in_all()), (3 * count, 3 * count, 0));
    assert_eq!(stats.calls.in_flight, 0);
}

#[tokio::test]
async fn calls_time_out_and_closing_frees_the_address() {
    let many = Endpoint::builder().sockets(3).bind("127.0.0.1:0").await.unwrap();
    let addr = many.local_addr();
    let (_silent, peer) = silent_socket();
    let client = PeerClient::new(&many, peer);
    assert!(client.sender().timeout(ms(50)).await.unwrap_err().is_timeout());
    many.close(Duration::ZERO).await;
    assert_eq!(Endpoint::bind(addr).await.unwrap().local_addr(), addr);
}

#[test]
fn blocking_endpoint_drives_several_sockets() {
    let many = Endpoint::builder().serve(PeerServer::new(Service)).sockets(2).bind("127.0.0.1:0");
    let many = many.wait().unwrap();
    for _ in 0..8 {
        let caller = Endpoint::bind("127.0.0.1:0").wait().unwrap();
        let client = PeerClient::new(&caller, many.local_addr());
        assert_eq!(client.sender().wait().unwrap(), caller.local_addr());
    }
    many.close(Duration::from_secs(1)).wait();
}
