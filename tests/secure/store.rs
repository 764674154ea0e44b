//! A contract for values that do not fit into a packet, and its server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rpcudp::sim::{Conditions, Network};
use rpcudp::{Endpoint, rpc_service};
use tokio::time::sleep;

use crate::fixture::{Runs, bind, builder, peer};
use crate::support::{CALLER, SERVER, ms};

#[rpc_service]
pub(crate) trait Store {
    /// Returns the length after a while.
    #[rpc(timeout = "60s")]
    async fn put(&self, bytes: Vec<u8>, millis: u64) -> usize;
    #[rpc(timeout = "60s")]
    async fn get(&self, len: usize) -> Vec<u8>;
    #[rpc(at_least_once, timeout = "200s")]
    async fn put_again(&self, bytes: Vec<u8>) -> usize;
    #[rpc(at_most_once, timeout = "200s")]
    async fn put_once(&self, bytes: Vec<u8>) -> usize;
    #[rpc(at_least_once, timeout = "200s")]
    fn get_again(&self, len: usize) -> Vec<u8>;
    #[rpc(at_most_once, timeout = "200s")]
    async fn get_once(&self, len: usize) -> Vec<u8>;
}

/// Counts of the methods that have begun and ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    begun: Arc<AtomicU64>,
    ended: Arc<AtomicU64>,
}

impl Counts {
    pub(crate) fn get(&self) -> (u64, u64) {
        (self.begun.load(Ordering::Relaxed), self.ended.load(Ordering::Relaxed))
    }
}

impl Store for Counts {
    async fn put(&self, bytes: Vec<u8>, millis: u64) -> usize {
        self.begun.fetch_add(1, Ordering::Relaxed);
        sleep(ms(millis)).await;
        self.ended.fetch_add(1, Ordering::Relaxed);
        bytes.len()
    }
    async fn get(&self, len: usize) -> Vec<u8> {
        self.begun.fetch_add(1, Ordering::Relaxed);
        vec![7; len]
    }
    async fn put_again(&self, bytes: Vec<u8>) -> usize {
        self.put(bytes, 0).await
    }
    async fn put_once(&self, bytes: Vec<u8>) -> usize {
        self.put(bytes, 0).await
    }
    fn get_again(&self, len: usize) -> Vec<u8> {
        self.begun.fetch_add(1, Ordering::Relaxed);
        vec![7; len]
    }
    async fn get_once(&self, len: usize) -> Vec<u8> {
        Store::get(self, len).await
    }
}

/// A server of the contract and a caller, on a path that loses some packets.
pub(crate) struct World {
    pub(crate) network: Network,
    pub(crate) server: Endpoint,
    pub(crate) caller: Endpoint,
    pub(crate) counts: Counts,
    pub(crate) store: StoreClient,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        println!("seed {seed}");
        let network = Network::new(seed);
        network.set_conditions(Conditions::default().latency(ms(20)).jitter(ms(5)).loss(0.01));
        let counts = Counts::default();
        let server = builder(1, &Runs::default()).serve(StoreServer::new(counts.clone()));
        let server = bind(&network, SERVER, server);
        let caller = bind(&network, CALLER, builder(2, &Runs::default()));
        let store = StoreClient::secure(&caller, server.local_addr(), peer(1));
        Self { network, server, caller, counts, store }
    }

    /// Lets time pass, and asserts that no call and no frame is left at either end.
    pub(crate) async fn assert_empty(&self) {
        sleep(Duration::from_secs(5)).await;
        for endpoint in [&self.server, &self.caller] {
            let (stats, links) = (endpoint.stats(), endpoint.link_stats());
            assert_eq!((stats.calls.in_flight, stats.requests.running), (0, 0), "{stats:?}");
            assert_eq!((links.arriving_bytes, links.unsent_bytes), (0, 0), "{links:?}");
        }
    }

    pub(crate) fn sent_bytes(&self) -> u64 {
        self.network.stats().sent * 1_200
    }
}
