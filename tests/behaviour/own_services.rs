//! Services that call through their own endpoint on their own initiative.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use rpcudp::sim::Network;
use rpcudp::{BindError, Builder, Endpoint, WeakEndpoint, rpc_service};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::support::{CALLER, SERVER, TestResult, bind, ms, silent_socket};

#[rpc_service]
trait Heart {
    #[rpc(oneway)]
    fn beat(&self);
    fn heard(&self) -> u32;
}

struct Node {
    endpoint: WeakEndpoint,
    peer: SocketAddr,
    heard: AtomicU32,
}

impl Heart for Node {
    fn beat(&self) {
        self.heard.fetch_add(1, Ordering::Relaxed);
    }

    fn heard(&self) -> u32 {
        self.heard.load(Ordering::Relaxed)
    }
}

impl Node {
    async fn beat_until_closed(self: Arc<Self>) {
        while let Some(endpoint) = self.endpoint.upgrade() {
            let _ = HeartClient::new(&endpoint, self.peer).beat().await;
            drop(endpoint);
            sleep(ms(10)).await;
        }
    }
}

/// Returns a builder of a node that beats.
fn node(peer: SocketAddr) -> Builder {
    Endpoint::builder().serve_with(move |endpoint| {
        // Dropping a handle while the endpoint is bound must not close it.
        drop(endpoint.upgrade().expect("the endpoint is being bound"));
        let node = Arc::new(Node { endpoint, peer, heard: AtomicU32::new(0) });
        tokio::spawn(Arc::clone(&node).beat_until_closed());
        HeartServer::from_arc(node)
    })
}

#[tokio::test(start_paused = true)]
async fn service_calls_its_peer_until_its_endpoint_closes() -> TestResult {
    let network = Network::new(1);
    let (one, other) = (bind(&network, SERVER, node(CALLER.parse()?)), bind(&network, CALLER, node(SERVER.parse()?)));
    sleep(ms(95)).await;
    let heard = async |from: &Endpoint, peer: &str| HeartClient::new(from, peer.parse().unwrap()).heard().await;
    assert_eq!((heard(&other, SERVER).await?, heard(&one, CALLER).await?), (10, 10));

    let closed = other.closed();
    drop(other);
    closed.await;
    sleep(ms(1_000)).await;
    assert_eq!(heard(&one, SERVER).await?, 10, "a call of an endpoint to itself");
    Ok(())
}

#[tokio::test]
async fn service_gets_its_endpoint_on_every_kind_of_binding() -> TestResult {
    let (silent, peer) = silent_socket();
    silent.set_read_timeout(Some(Duration::from_secs(10)))?;
    let awaited = node(peer).bind("127.0.0.1:0").await?;
    let silent = spawn_blocking(move || silent.recv(&mut [0; 100]).map(|_| silent)).await??;
    awaited.close(Duration::ZERO).await;

    let waited = spawn_blocking(move || node(peer).bind("127.0.0.1:0").wait()).await??;
    let addr = waited.local_addr();
    loop {
        let (silent, mut head) = (silent.try_clone()?, [0; 100]);
        if spawn_blocking(move || silent.recv_from(&mut head)).await??.1 == addr {
            break;
        }
    }
    waited.close(Duration::ZERO).await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn services_with_a_method_in_common_are_refused_and_their_tasks_end() {
    let peer = SERVER.parse().unwrap();
    let (send, receive) = mpsc::channel();
    let builder = node(peer).serve_with(move |endpoint| {
        send.send(endpoint.clone()).unwrap();
        HeartServer::new(Node { endpoint, peer, heard: AtomicU32::new(0) })
    });
    let bound = builder.bind_transport(Network::new(1).bind(CALLER).unwrap());
    assert!(matches!(bound, Err(BindError::DuplicateMethod { .. })), "{bound:?}");
    assert!(receive.recv().unwrap().upgrade().is_none());
}
