//! Contracts with type parameters, associated types, bounds and lifetimes.

#![deny(unused_lifetimes, single_use_lifetimes, reason = "generated code has no superfluous lifetimes")]

use std::collections::BTreeMap;
use std::sync::Arc;

use rpcudp::{Context, rpc_service};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::support::{TestResult, loopback_pair};

/// A contract with type and const parameters and associated types.
#[rpc_service(namespace = "store.")]
trait Store<K, const N: usize>
where
    K: Serialize + DeserializeOwned + Ord + Send + Sync,
    Self::Value: Clone,
{
    type Value: Serialize + DeserializeOwned + Send;
    type Error: Serialize + DeserializeOwned;

    fn put(&self, key: K, value: Self::Value) -> Option<Self::Value>;
    fn fetch(&self, key: &K) -> Result<Self::Value, Self::Error>;
    async fn fetch_later(&self, key: &K) -> Option<Self::Value>;
}

#[derive(Default)]
struct Shelf(std::sync::Mutex<BTreeMap<String, Vec<u8>>>);

impl Store<String, 3> for Shelf {
    type Value = Vec<u8>;
    type Error = String;

    fn put(&self, key: String, value: Vec<u8>) -> Option<Vec<u8>> {
        self.0.lock().unwrap().insert(key, value)
    }
    fn fetch(&self, key: &String) -> Result<Vec<u8>, String> {
        self.0.lock().unwrap().get(key).cloned().ok_or_else(|| format!("no {key}"))
    }
    async fn fetch_later(&self, key: &String) -> Option<Vec<u8>> {
        tokio::task::yield_now().await;
        self.fetch(key).ok()
    }
}

#[tokio::test]
async fn contract_can_be_generic() -> TestResult {
    let shelf = Arc::new(Shelf::default());
    let (server, caller) = loopback_pair(StoreServer::from_arc(Arc::clone(&shelf))).await;
    let store = StoreClient::<String, 3, Vec<u8>, String>::new(&caller, server.local_addr());

    assert_eq!(store.put("key".into(), vec![1]).await?, None);
    assert_eq!(store.put("key".into(), vec![2]).await?, Some(vec![1]));
    assert_eq!(store.fetch(&"key".into()).await.unwrap(), [2]);
    assert_eq!(store.fetch_later(&"key".into()).await?, Some(vec![2]));
    let error = store.fetch(&"other".into()).await.unwrap_err();
    assert_eq!(error.into_application().unwrap(), "no other");
    assert_eq!(shelf.0.lock().unwrap().len(), 1);
    Ok(())
}

/// A contract with defaults for a type and a const parameter, and an associated type without one.
#[rpc_service]
trait Table<C, K = u32, const N: usize = 2>
where
    C: Serialize + DeserializeOwned,
    K: Serialize + DeserializeOwned,
{
    type Value: Serialize + DeserializeOwned;

    fn row(&self, column: C, key: K) -> Vec<Self::Value>;
}

struct Twice;

impl<K: Serialize + DeserializeOwned + ToString, const N: usize> Table<char, K, N> for Twice {
    type Value = String;

    fn row(&self, column: char, key: K) -> Vec<String> {
        vec![format!("{column}{}", key.to_string()); N]
    }
}

#[tokio::test]
async fn parameters_can_have_defaults() -> TestResult {
    let server: TableServer<Twice, char> = TableServer::new(Twice);
    let (server, caller) = loopback_pair(server).await;
    let defaults: TableClient<char, String> = TableClient::new(&caller, server.local_addr());
    assert_eq!(defaults.row('a', 7_u32).await?, ["a7", "a7"]);

    let (server, caller) = loopback_pair(TableServer::<Twice, char, String, 1>::new(Twice)).await;
    let given = TableClient::<char, String, String, 1>::new(&caller, server.local_addr());
    assert_eq!(given.row('b', "x".into()).await?, ["bx"]);
    Ok(())
}

/// A contract with sync methods only, which is dyn-compatible.
#[rpc_service]
trait Tone {
    fn hertz(&self) -> u32;
}

impl Tone for u32 {
    fn hertz(&self) -> u32 {
        *self
    }
}

#[tokio::test]
async fn service_can_be_a_trait_object() -> TestResult {
    for tone in [440, 442] {
        let service: Arc<dyn Tone + Send + Sync> = Arc::new(tone);
        let (server, caller) = loopback_pair(ToneServer::from_arc(Arc::clone(&service))).await;
        assert_eq!(ToneClient::new(&caller, server.local_addr()).hertz().await?, service.hertz());
    }
    Ok(())
}

mod bounds {
    pub(crate) trait Named {
        const NAME: &'static str;
    }
}

/// A contract with bounds on `Self` and its items, by paths of every kind.
#[rpc_service]
trait Bounded
where
    Self: ::core::marker::Sync,
    Self: bounds::Named + 'static,
    Self::Item: ::core::fmt::Display,
{
    type Item: ::serde::Serialize + ::serde::de::DeserializeOwned;

    fn item(&self) -> Self::Item;
}

impl bounds::Named for u8 {
    const NAME: &'static str = "u8";
}

impl Bounded for u8 {
    type Item = String;

    fn item(&self) -> String {
        format!("{}: {self}", <Self as bounds::Named>::NAME)
    }
}

#[tokio::test]
async fn bounds_on_self_apply_to_the_service_only() -> TestResult {
    let (server, caller) = loopback_pair(BoundedServer::new(7_u8)).await;
    assert_eq!(BoundedClient::<String>::new(&caller, server.local_addr()).item().await?, "u8: 7");
    Ok(())
}

/// A contract with lifetimes on the receiver, the context and arguments.
#[rpc_service]
trait Lifetimes {
    fn receiver<'a>(&'a self, cx: &'a Context, text: &str) -> usize;
    fn both<'a>(&'a self, text: &'a str) -> usize;
    fn outlives<'a, 'b: 'a>(&'b self, one: &'a str, other: &'b str) -> usize;
    fn outlives_self<'a: 'b, 'b>(&'b self, cx: &'b Context, one: &'a str, other: &'a str) -> usize;
    async fn later<'a>(&'a self, cx: &'a Context, text: &'a str) -> usize;
}

struct Len;

impl Lifetimes for Len {
    fn receiver<'a>(&'a self, _: &'a Context, text: &str) -> usize {
        text.len()
    }
    fn both<'a>(&'a self, text: &'a str) -> usize {
        text.len()
    }
    fn outlives<'a, 'b: 'a>(&'b self, one: &'a str, other: &'b str) -> usize {
        one.len() + other.len()
    }
    fn outlives_self<'a: 'b, 'b>(&'b self, _: &'b Context, one: &'a str, other: &'a str) -> usize {
        one.len() * other.len()
    }
    async fn later<'a>(&'a self, _: &'a Context, text: &'a str) -> usize {
        text.len()
    }
}

#[tokio::test]
async fn methods_can_have_lifetimes() -> TestResult {
    let (server, caller) = loopback_pair(LifetimesServer::new(Len)).await;
    let client = LifetimesClient::new(&caller, server.local_addr());
    let text = String::from("text");
    assert_eq!((client.receiver(&text).await?, client.both(&text).await?), (4, 4));
    assert_eq!(client.outlives_self(&text, &text).await?, 16);
    assert_eq!((client.outlives(&text, "four").await?, client.later(&text).await?), (8, 4));
    Ok(())
}
