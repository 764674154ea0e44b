//! The recipe "Mocks of clients".

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rpcudp::testing::MockPeer;
use rpcudp::{CallError, Refusal, rpc_service};

#[rpc_service]
trait Store {
    #[rpc(at_most_once)]
    async fn put(&self, key: &str, value: u32) -> Result<(), Full>;
}

#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Full;

/// Puts a value into the first store that takes it. Returns the index of that store.
async fn put_somewhere(stores: &[StoreClient], key: &str, value: u32) -> Option<usize> {
    for (index, store) in stores.iter().enumerate() {
        match store.put(key, value).wait_for_ready().await {
            Ok(()) => return Some(index),
            // It may have run: another store would have the value as well.
            Err(CallError::Timeout { .. }) => return None,
            Err(_) => {}
        }
    }
    None
}

/// A store with room for a number of values.
struct Shelf {
    room: u32,
    count: AtomicU32,
}

impl Shelf {
    fn new(room: u32) -> Arc<Self> {
        Arc::new(Self { room, count: AtomicU32::new(0) })
    }
}

impl Store for Shelf {
    async fn put(&self, _key: &str, _value: u32) -> Result<(), Full> {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        if count < self.room { Ok(()) } else { Err(Full) }
    }
}

#[tokio::test]
async fn full_store_is_passed_over() {
    let shelves = [Shelf::new(1), Shelf::new(5)];
    let stores = shelves.clone().map(|shelf| MockPeer::new(StoreServer::from_arc(shelf)).client());
    assert_eq!(put_somewhere(&stores, "a", 1).await, Some(0));
    assert_eq!(put_somewhere(&stores, "b", 2).await, Some(1));
    assert_eq!(shelves[1].count.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn silent_store_may_have_the_value() {
    let silent = MockPeer::new(StoreServer::from_arc(Shelf::new(1)));
    silent.drop_requests();
    let other = MockPeer::new(StoreServer::from_arc(Shelf::new(1)));
    assert_eq!(put_somewhere(&[silent.client(), other.client()], "a", 1).await, None);
}

#[tokio::test(start_paused = true)]
async fn busy_store_is_waited_for() {
    let store = MockPeer::new(StoreServer::from_arc(Shelf::new(1)));
    store.refuse_requests(Refusal::Busy);
    let stores = [store.client()];
    let put = tokio::spawn(async move { put_somewhere(&stores, "a", 1).await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    store.serve_requests();
    assert_eq!(put.await.unwrap(), Some(0));
}
