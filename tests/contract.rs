//! What a contract may say, each thing once, and that it arrives.

#![allow(missing_docs, reason = "contracts of a test")]
#![allow(unused_qualifications, unreachable_pub, reason = "paths of every length are part of what is tested")]
#![allow(clippy::ptr_arg, clippy::too_many_arguments, clippy::new_ret_no_self, clippy::wrong_self_convention)]
#![allow(clippy::allow_attributes_without_reason, reason = "odd signatures are what is tested")]

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::future::IntoFuture;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rpcudp::{CallError, Client, Context, Endpoint, Refusal, rpc_service};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

type Done = Result<(), Box<dyn std::error::Error>>;

/// An endpoint that serves, and one that calls.
async fn pair(service: impl rpcudp::Service) -> (Endpoint, Endpoint) {
    let server = Endpoint::builder().serve(service).bind("127.0.0.1:0").await.unwrap();
    let caller = Endpoint::bind("127.0.0.1:0").await.unwrap();
    (server, caller)
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Point {
    x: i32,
    y: i32,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Rumour<'a> {
    topic: &'a str,
    #[serde(borrow)]
    details: Cow<'a, str>,
}

#[rpc_service]
trait Arguments {
    fn nothing(&self);
    fn text(&self, text: &str) -> String;
    fn bytes(&self, bytes: &[u8]) -> Vec<u8>;
    fn points(&self, points: &[Point]) -> i32;
    fn lent(&self, point: &Point) -> i32;
    fn owned(&self, text: String, bytes: Vec<u8>, map: BTreeMap<String, u8>)
    -> (String, Vec<u8>, BTreeMap<String, u8>);
    fn borrowing(&self, rumour: Rumour<'_>, cow: Cow<'_, str>, maybe: Option<&str>) -> String;
    fn named_lifetime<'a>(&self, one: &'a str, other: &'a str) -> bool;
    fn nested(&self, texts: Vec<&str>, pair: (&str, &[u8])) -> usize;
    fn reference_to_reference(&self, text: &&str, list: &Vec<u8>, maybe: &Option<u8>) -> usize;
    fn many(&self, a: u8, b: i8, c: u16, d: i64, e: f32, f: f64, g: bool, h: char, i: [u8; 3], j: ()) -> String;

    async fn later_text(&self, text: &str) -> String;
    async fn later_bytes(&self, bytes: &[u8]) -> Vec<u8>;
    async fn later_points(&self, points: &[Point]) -> i32;
    async fn later_lent(&self, point: &Point) -> i32;
    async fn later_borrowing(&self, rumour: Rumour<'_>, cow: Cow<'_, str>, maybe: Option<&str>) -> String;
    async fn later_nothing(&self);
}

struct Echo;

impl Arguments for Echo {
    fn nothing(&self) {}
    fn text(&self, text: &str) -> String {
        text.into()
    }
    fn bytes(&self, bytes: &[u8]) -> Vec<u8> {
        bytes.into()
    }
    fn points(&self, points: &[Point]) -> i32 {
        points.iter().map(|point| point.x * point.y).sum()
    }
    fn lent(&self, point: &Point) -> i32 {
        point.x + point.y
    }
    fn owned(
        &self,
        text: String,
        bytes: Vec<u8>,
        map: BTreeMap<String, u8>,
    ) -> (String, Vec<u8>, BTreeMap<String, u8>) {
        (text, bytes, map)
    }
    fn borrowing(&self, rumour: Rumour<'_>, cow: Cow<'_, str>, maybe: Option<&str>) -> String {
        assert!(matches!(rumour.details, Cow::Borrowed(_)), "decoded without a copy");
        format!("{} {} {cow} {maybe:?}", rumour.topic, rumour.details)
    }
    fn named_lifetime<'a>(&self, one: &'a str, other: &'a str) -> bool {
        one == other
    }
    fn nested(&self, texts: Vec<&str>, pair: (&str, &[u8])) -> usize {
        texts.concat().len() + pair.0.len() + pair.1.len()
    }
    fn reference_to_reference(&self, text: &&str, list: &Vec<u8>, maybe: &Option<u8>) -> usize {
        text.len() + list.len() + maybe.iter().count()
    }
    fn many(&self, a: u8, b: i8, c: u16, d: i64, e: f32, f: f64, g: bool, h: char, i: [u8; 3], j: ()) -> String {
        format!("{a} {b} {c} {d} {e} {f} {g} {h} {i:?} {j:?}")
    }
    async fn later_text(&self, text: &str) -> String {
        tokio::task::yield_now().await;
        text.into()
    }
    async fn later_bytes(&self, bytes: &[u8]) -> Vec<u8> {
        tokio::task::yield_now().await;
        bytes.into()
    }
    async fn later_points(&self, points: &[Point]) -> i32 {
        tokio::task::yield_now().await;
        self.points(points)
    }
    async fn later_lent(&self, point: &Point) -> i32 {
        tokio::task::yield_now().await;
        self.lent(point)
    }
    async fn later_borrowing(&self, rumour: Rumour<'_>, cow: Cow<'_, str>, maybe: Option<&str>) -> String {
        tokio::task::yield_now().await;
        self.borrowing(rumour, cow, maybe)
    }
    async fn later_nothing(&self) {}
}

#[tokio::test]
async fn every_kind_of_argument_arrives() -> Done {
    let (server, caller) = pair(ArgumentsServer::new(Echo)).await;
    let client = ArgumentsClient::new(&caller, server.local_addr());
    let rumour = || Rumour { topic: "weather", details: Cow::Borrowed("rain") };

    client.nothing().await?;
    assert_eq!(client.text("h\u{e9}llo").await?, "h\u{e9}llo");
    assert_eq!(client.text("").await?, "");
    assert_eq!(client.bytes(b"\x00\xff").await?, b"\x00\xff");
    assert_eq!(client.bytes(b"").await?, b"");
    assert_eq!(client.points(&[Point { x: 2, y: 3 }, Point { x: 4, y: 5 }]).await?, 26);
    assert_eq!(client.lent(&Point { x: 2, y: 3 }).await?, 5);
    let map = BTreeMap::from([("a".to_owned(), 1)]);
    assert_eq!(client.owned("t".into(), vec![7], map.clone()).await?, ("t".into(), vec![7], map));
    assert_eq!(client.borrowing(rumour(), "cow".into(), Some("yes")).await?, "weather rain cow Some(\"yes\")");
    assert!(client.named_lifetime("same", "same").await?);
    assert_eq!(client.nested(vec!["ab", "c"], ("de", b"f")).await?, 6);
    assert_eq!(client.reference_to_reference(&"four", &vec![1, 2], &Some(1)).await?, 7);
    assert_eq!(
        client.many(1, -2, 3, -4, 0.5, -1.25, true, 'x', [7, 8, 9], ()).await?,
        "1 -2 3 -4 0.5 -1.25 true x [7, 8, 9] ()"
    );

    client.later_nothing().await?;
    assert_eq!(client.later_text("later").await?, "later");
    assert_eq!(client.later_bytes(b"\x00\xff").await?, b"\x00\xff");
    assert_eq!(client.later_points(&[Point { x: 2, y: 3 }]).await?, 6);
    assert_eq!(client.later_lent(&Point { x: 2, y: 3 }).await?, 5);
    assert_eq!(client.later_borrowing(rumour(), "cow".into(), None).await?, "weather rain cow None");
    Ok(())
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Overdrawn {
    By(u64),
    Closed { since: String },
}

/// An alias by the name of `Result`, with its parameters the other way round.
mod turned {
    pub type Result<E, T> = std::result::Result<T, E>;
}

type BankResult<T> = Result<T, Overdrawn>;

#[rpc_service]
trait Bank {
    fn withdraw(&self, cents: u64) -> Result<u64, Overdrawn>;
    async fn withdraw_later(&self, cents: u64) -> std::result::Result<u64, Overdrawn>;
    fn turned(&self, cents: u64) -> turned::Result<Overdrawn, u64>;
    #[rpc(fallible)]
    fn aliased(&self, cents: u64) -> BankResult<u64>;
    fn close(&self) -> Result<(), Overdrawn>;
}

struct Account(u64);

impl Bank for Account {
    fn withdraw(&self, cents: u64) -> Result<u64, Overdrawn> {
        self.0.checked_sub(cents).ok_or_else(|| Overdrawn::By(cents - self.0))
    }
    async fn withdraw_later(&self, cents: u64) -> Result<u64, Overdrawn> {
        self.withdraw(cents)
    }
    fn turned(&self, cents: u64) -> Result<u64, Overdrawn> {
        self.withdraw(cents)
    }
    fn aliased(&self, cents: u64) -> BankResult<u64> {
        self.withdraw(cents)
    }
    fn close(&self) -> Result<(), Overdrawn> {
        Err(Overdrawn::Closed { since: "yesterday".repeat(100) })
    }
}

#[tokio::test]
async fn results_arrive_as_results_under_whatever_name() -> Done {
    let (server, caller) = pair(BankServer::new(Account(100))).await;
    let bank = BankClient::new(&caller, server.local_addr());

    assert_eq!(bank.withdraw(30).await?, 70);
    assert_eq!(bank.withdraw_later(30).await?, 70);
    assert_eq!(bank.turned(30).await?, 70);
    assert_eq!(bank.aliased(30).await?, 70);
    for error in [
        bank.withdraw(130).await.unwrap_err(),
        bank.withdraw_later(130).await.unwrap_err(),
        bank.turned(130).await.unwrap_err(),
        bank.aliased(130).await.unwrap_err(),
    ] {
        assert!(matches!(error, CallError::Application(Overdrawn::By(30))), "{error}");
    }
    // The application's error may be longer than the request that provoked it.
    let closed = Overdrawn::Closed { since: "yesterday".repeat(100) };
    assert_eq!(bank.close().await.unwrap_err().into_application().unwrap(), closed);
    Ok(())
}

#[tokio::test]
async fn an_error_that_the_caller_does_not_know_of_is_a_refusal() {
    #[rpc_service]
    trait OldBank {
        fn withdraw(&self, cents: u64) -> u64;
    }
    let (server, caller) = pair(BankServer::new(Account(100))).await;
    let bank = OldBankClient::new(&caller, server.local_addr());
    assert_eq!(bank.withdraw(30).await.unwrap(), 70);
    let error = bank.withdraw(130).await.unwrap_err();
    assert!(matches!(error, CallError::Refused { reason: Refusal::UndeclaredError, .. }), "{error}");
}

mod custom {
    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    pub struct Context(pub u8);
}

type Cx = Context;

#[rpc_service]
trait Contexts {
    fn first(&self, cx: &Context, text: &str) -> (String, String);
    fn last(&self, text: &str, cx: &rpcudp::Context) -> (String, String);
    fn owned(&self, cx: Context) -> SocketAddr;
    fn marked(&self, #[rpc(context)] cx: &Cx) -> SocketAddr;
    fn not_ours(&self, #[rpc(argument)] cx: custom::Context, other: &Context) -> (u8, SocketAddr);
    async fn later(&self, cx: &Context, text: &str) -> (SocketAddr, SocketAddr);
    async fn later_owned(&self, text: &str, cx: Context) -> Vec<u8>;
}

struct Who;

impl Contexts for Who {
    fn first(&self, cx: &Context, text: &str) -> (String, String) {
        (text.into(), cx.sender().to_string())
    }
    fn last(&self, text: &str, cx: &Context) -> (String, String) {
        (text.into(), cx.local_addr().to_string())
    }
    fn owned(&self, cx: Context) -> SocketAddr {
        cx.sender()
    }
    fn marked(&self, cx: &Cx) -> SocketAddr {
        cx.endpoint().local_addr()
    }
    fn not_ours(&self, cx: custom::Context, other: &Context) -> (u8, SocketAddr) {
        (cx.0, other.sender())
    }
    async fn later(&self, cx: &Context, text: &str) -> (SocketAddr, SocketAddr) {
        tokio::task::yield_now().await;
        assert_eq!(text, "text");
        (cx.sender(), cx.local_addr())
    }
    async fn later_owned(&self, text: &str, cx: Context) -> Vec<u8> {
        assert_eq!(text, "text");
        cx.message_id().as_bytes().to_vec()
    }
}

#[tokio::test]
async fn the_context_says_who_called() -> Done {
    let (server, caller) = pair(ContextsServer::new(Who)).await;
    let client = ContextsClient::new(&caller, server.local_addr());
    let (here, there) = (caller.local_addr(), server.local_addr());

    assert_eq!(client.first("text").await?, ("text".into(), here.to_string()));
    assert_eq!(client.last("text").await?, ("text".into(), there.to_string()));
    assert_eq!(client.owned().await?, here);
    assert_eq!(client.marked().await?, there);
    assert_eq!(client.not_ours(custom::Context(3)).await?, (3, here));
    assert_eq!(client.later("text").await?, (here, there));
    assert_eq!(client.later_owned("text").await?.len(), 20);
    Ok(())
}

/// Generic in what it stores, with types of the implementation's own.
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
async fn contracts_may_be_generic() -> Done {
    let shelf = Arc::new(Shelf::default());
    let (server, caller) = pair(StoreServer::from_arc(Arc::clone(&shelf))).await;
    let store = StoreClient::<String, 3, Vec<u8>, String>::new(&caller, server.local_addr());

    assert_eq!(store.put("key".into(), vec![1]).await?, None);
    assert_eq!(store.put("key".into(), vec![2]).await?, Some(vec![1]));
    assert_eq!(store.fetch(&"key".into()).await?, [2]);
    assert_eq!(store.fetch_later(&"key".into()).await?, Some(vec![2]));
    let error = store.fetch(&"other".into()).await.unwrap_err();
    assert_eq!(error.into_application().unwrap(), "no other");
    assert_eq!(shelf.0.lock().unwrap().len(), 1);
    Ok(())
}

#[rpc_service(namespace = "v2.")]
trait Named {
    #[rpc(name = "wire")]
    fn rust(&self) -> u8;
    fn plain(&self) -> u8;
    #[rpc(name = "h\u{e9}llo w\u{f6}rld")]
    fn odd(&self) -> u8;
}

#[rpc_service]
trait Spelled {
    #[rpc(name = "v2.wire")]
    fn wire(&self) -> u8;
    #[rpc(name = "v2.plain")]
    fn plain(&self) -> u8;
    #[rpc(name = "v2.h\u{e9}llo w\u{f6}rld")]
    fn odd(&self) -> u8;
    fn rust(&self) -> u8;
}

struct Numbers;

impl Named for Numbers {
    fn rust(&self) -> u8 {
        1
    }
    fn plain(&self) -> u8 {
        2
    }
    fn odd(&self) -> u8 {
        3
    }
}

#[tokio::test]
async fn methods_are_found_by_their_wire_names() -> Done {
    let (server, caller) = pair(NamedServer::new(Numbers)).await;
    let spelled = SpelledClient::new(&caller, server.local_addr());
    assert_eq!((spelled.wire().await?, spelled.plain().await?, spelled.odd().await?), (1, 2, 3));
    let error = spelled.rust().await.unwrap_err();
    assert!(matches!(error, CallError::Refused { reason: Refusal::UnknownMethod, .. }), "{error}");
    Ok(())
}

#[tokio::test]
async fn contracts_grow_at_the_end() -> Done {
    #[rpc_service]
    trait Old {
        fn search(&self, text: &str) -> usize;
    }
    #[rpc_service]
    trait New {
        fn search(&self, text: &str, limit: Option<usize>) -> usize;
    }
    #[rpc_service]
    trait Newer {
        fn search(&self, text: &str, limit: usize) -> usize;
    }
    struct Engine;
    impl Old for Engine {
        fn search(&self, text: &str) -> usize {
            text.len()
        }
    }
    impl New for Engine {
        fn search(&self, text: &str, limit: Option<usize>) -> usize {
            text.len().min(limit.unwrap_or(usize::MAX))
        }
    }
    impl Newer for Engine {
        fn search(&self, text: &str, limit: usize) -> usize {
            text.len().min(limit)
        }
    }

    let (old, caller) = pair(OldServer::new(Engine)).await;
    let (new, newer) = (pair(NewServer::new(Engine)).await.0, pair(NewerServer::new(Engine)).await.0);
    assert_eq!(NewClient::new(&caller, old.local_addr()).search("12345", Some(3)).await?, 5, "more than it knows");
    assert_eq!(OldClient::new(&caller, new.local_addr()).search("12345").await?, 5, "fewer, and it can do without");
    let error = OldClient::new(&caller, newer.local_addr()).search("1234567890123456789012345").await.unwrap_err();
    let CallError::Refused { reason: Refusal::MalformedArguments, message, .. } = error else { panic!("{error}") };
    // A refusal is never longer than the request: its words are cut to that.
    assert!(message.starts_with("`limit` is missing (argument 2"), "{message}");
    Ok(())
}

#[tokio::test]
async fn one_endpoint_has_many_services_and_calls_itself() -> Done {
    let endpoint = Endpoint::builder()
        .serve(BankServer::new(Account(100)))
        .serve(NamedServer::new(Numbers))
        .serve(ArgumentsServer::new(Echo))
        .bind("127.0.0.1:0")
        .await?;
    assert_eq!(BankClient::new(&endpoint, endpoint.local_addr()).withdraw(1).await?, 99);
    assert_eq!(NamedClient::new(&endpoint, endpoint.local_addr()).rust().await?, 1);
    assert_eq!(ArgumentsClient::new(&endpoint, endpoint.local_addr()).text("x").await?, "x");
    Ok(())
}

#[tokio::test]
async fn clients_are_cheap_handles() -> Done {
    let (server, caller) = pair(NamedServer::new(Numbers)).await;
    let nowhere = "127.0.0.1:9".parse()?;
    let client = NamedClient::new(&caller, nowhere);
    drop(caller);
    assert_eq!(client.peer(), nowhere);
    let elsewhere = client.clone().to(server.local_addr());
    assert_eq!(elsewhere.rust().await?, 1);
    assert_eq!(elsewhere.endpoint().local_addr(), client.endpoint().local_addr());
    Ok(())
}

/// A contract that uses the names of everything that is generated.
#[rpc_service]
trait Greedy {
    fn new(&self) -> u8;
    fn to(&self, peer: u8) -> u8;
    fn peer(&self) -> u8;
    fn endpoint(&self) -> u8;
    fn stub(&self) -> u8;
    fn from_stub(&self) -> u8;
    fn clone(&self) -> u8;
    fn fmt(&self, f: u8) -> u8;
}

struct Sevens;

impl Greedy for Sevens {
    fn new(&self) -> u8 {
        1
    }
    fn to(&self, peer: u8) -> u8 {
        peer
    }
    fn peer(&self) -> u8 {
        3
    }
    fn endpoint(&self) -> u8 {
        4
    }
    fn stub(&self) -> u8 {
        5
    }
    fn from_stub(&self) -> u8 {
        6
    }
    fn clone(&self) -> u8 {
        7
    }
    fn fmt(&self, f: u8) -> u8 {
        f
    }
}

#[tokio::test]
async fn the_contracts_names_go_before_the_clients_own() -> Done {
    let (server, caller) = pair(GreedyServer::new(Sevens)).await;
    let client: GreedyClient = Client::new(&caller, server.local_addr());
    assert_eq!((client.new().await?, client.to(2).await?, client.peer().await?), (1, 2, 3));
    assert_eq!((client.endpoint().await?, client.stub().await?, client.from_stub().await?), (4, 5, 6));
    assert_eq!((client.clone().await?, client.fmt(8).await?), (7, 8));
    assert_eq!(Client::peer(&client), server.local_addr());
    Ok(())
}

#[rpc_service]
trait OneWays {
    #[rpc(oneway)]
    fn note(&self, number: u64);
    #[rpc(oneway)]
    async fn note_later(&self, number: u64);
    fn sum(&self) -> u64;
}

#[derive(Default)]
struct Sum(AtomicU64);

impl OneWays for Sum {
    fn note(&self, number: u64) {
        self.0.fetch_add(number, Ordering::Relaxed);
    }
    async fn note_later(&self, number: u64) {
        self.note(number);
    }
    fn sum(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[tokio::test]
async fn oneway_methods_run_and_are_not_answered() -> Done {
    let (server, caller) = pair(OneWaysServer::new(Sum::default())).await;
    let client = OneWaysClient::new(&caller, server.local_addr());
    for number in 1..=10 {
        client.note(number).await?;
        client.note_later(number).await?;
    }
    while client.sum().await? < 110 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let (stats, server) = (caller.stats(), server.stats());
    assert_eq!(stats.calls.started, 20 + stats.calls.answered);
    assert_eq!(stats.datagrams.received, stats.calls.answered);
    assert_eq!(server.datagrams.sent, stats.calls.answered);
    Ok(())
}

#[tokio::test]
async fn calls_are_futures_of_their_own() -> Done {
    fn check<T: Send + Unpin + 'static>(call: T) -> T {
        call
    }
    let (server, caller) = pair(ArgumentsServer::new(Echo)).await;
    let call = {
        let text = String::from("short-lived");
        let client = ArgumentsClient::new(&caller, server.local_addr());
        check(client.text(&text))
    };
    drop(caller);
    assert_eq!(tokio::spawn(call.into_future()).await??, "short-lived");
    Ok(())
}
