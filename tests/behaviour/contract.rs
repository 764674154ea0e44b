//! The options of a contract: contexts, wire names, namespaces, oneway methods, several services.

#![allow(unused_qualifications, unreachable_pub, reason = "the tests cover paths of every length")]
#![allow(clippy::ptr_arg, clippy::too_many_arguments, clippy::new_ret_no_self, clippy::wrong_self_convention)]
#![allow(clippy::allow_attributes_without_reason, reason = "the tests cover unusual signatures")]

use std::future::IntoFuture;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rpcudp::{CallError, Client, Context, Endpoint, Refusal, rpc_service};

use crate::support::{TestResult, loopback_pair};

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
    fn context_as_argument(&self, #[rpc(argument)] cx: custom::Context, other: &Context) -> (u8, SocketAddr);
    async fn later(&self, cx: &Context, text: &str) -> (SocketAddr, SocketAddr);
    async fn later_owned(&self, text: &str, cx: Context) -> Vec<u8>;
}

struct Addresses;

impl Contexts for Addresses {
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
    fn context_as_argument(&self, cx: custom::Context, other: &Context) -> (u8, SocketAddr) {
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
async fn context_holds_the_addresses_of_caller_and_server() -> TestResult {
    let (server, caller) = loopback_pair(ContextsServer::new(Addresses)).await;
    let client = ContextsClient::new(&caller, server.local_addr());
    let (here, there) = (caller.local_addr(), server.local_addr());

    assert_eq!(client.first("text").await?, ("text".into(), here.to_string()));
    assert_eq!(client.last("text").await?, ("text".into(), there.to_string()));
    assert_eq!(client.owned().await?, here);
    assert_eq!(client.marked().await?, there);
    assert_eq!(client.context_as_argument(custom::Context(3)).await?, (3, here));
    assert_eq!(client.later("text").await?, (here, there));
    assert_eq!(client.later_owned("text").await?.len(), 20);
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
async fn methods_are_called_by_their_wire_names() -> TestResult {
    let (server, caller) = loopback_pair(NamedServer::new(Numbers)).await;
    let spelled = SpelledClient::new(&caller, server.local_addr());
    assert_eq!((spelled.wire().await?, spelled.plain().await?, spelled.odd().await?), (1, 2, 3));
    let error = spelled.rust().await.unwrap_err();
    assert!(matches!(error, CallError::Refused { reason: Refusal::UnknownMethod, .. }), "{error}");
    Ok(())
}

#[tokio::test]
async fn option_at_the_end_is_a_compatible_new_argument() -> TestResult {
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

    let (old, caller) = loopback_pair(OldServer::new(Engine)).await;
    let (new, newer) = (loopback_pair(NewServer::new(Engine)).await.0, loopback_pair(NewerServer::new(Engine)).await.0);
    assert_eq!(
        NewClient::new(&caller, old.local_addr()).search("12345", Some(3)).await?,
        5,
        "the server ignores arguments that it does not know"
    );
    assert_eq!(OldClient::new(&caller, new.local_addr()).search("12345").await?, 5, "a missing `Option` is `None`");
    let error = OldClient::new(&caller, newer.local_addr()).search("1234567890123456789012345").await.unwrap_err();
    let CallError::Refused { reason: Refusal::MalformedArguments, message, .. } = error else { panic!("{error}") };
    // A refusal is never longer than the request, so its message is cut.
    assert!(message.starts_with("`limit` is missing"), "{message}");
    Ok(())
}

#[tokio::test]
async fn endpoint_serves_several_services_and_calls_itself() -> TestResult {
    let endpoint = Endpoint::builder()
        .serve(NamedServer::new(Numbers))
        .serve(ContextsServer::new(Addresses))
        .serve(OneWaysServer::new(Sum::default()))
        .bind("127.0.0.1:0")
        .await?;
    assert_eq!(NamedClient::new(&endpoint, endpoint.local_addr()).rust().await?, 1);
    assert_eq!(ContextsClient::new(&endpoint, endpoint.local_addr()).owned().await?, endpoint.local_addr());
    assert_eq!(OneWaysClient::new(&endpoint, endpoint.local_addr()).sum().await?, 0);
    Ok(())
}

/// A contract with methods that have the names of generated items.
#[rpc_service]
trait Greedy {
    fn new(&self) -> u8;
    fn with_peer(&self, peer: u8) -> u8;
    fn with_timeout(&self) -> u8;
    #[allow(non_snake_case)]
    fn CONTRACT(&self) -> u8;
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
    fn with_peer(&self, peer: u8) -> u8 {
        peer
    }
    fn with_timeout(&self) -> u8 {
        9
    }
    fn CONTRACT(&self) -> u8 {
        10
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
async fn contract_methods_take_precedence_over_methods_of_client() -> TestResult {
    let (server, caller) = loopback_pair(GreedyServer::new(Sevens)).await;
    let client: GreedyClient = Client::new(&caller, server.local_addr());
    assert_eq!((client.new().await?, client.with_peer(2).await?, client.peer().await?), (1, 2, 3));
    assert_eq!((client.endpoint().await?, client.stub().await?, client.from_stub().await?), (4, 5, 6));
    assert_eq!((client.clone().await?, client.fmt(8).await?, client.with_timeout().await?), (7, 8, 9));
    assert_eq!(client.CONTRACT().await?, 10);
    assert_eq!(<GreedyClient as Client>::CONTRACT.name, "Greedy");
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
async fn oneway_methods_run_and_get_no_response() -> TestResult {
    let (server, caller) = loopback_pair(OneWaysServer::new(Sum::default())).await;
    let client = OneWaysClient::new(&caller, server.local_addr());
    for number in 1..=10 {
        client.note(number).await?;
        client.note_later(number).await?;
    }
    while client.sum().await? < 110 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let (stats, server) = (caller.stats(), server.stats());
    assert_eq!(stats.calls.started, 20 + stats.calls.completed);
    assert_eq!(stats.datagrams.received, stats.calls.completed);
    assert_eq!(server.datagrams.sent, stats.calls.completed);
    Ok(())
}

#[tokio::test]
async fn calls_are_static_futures_that_keep_their_endpoint_open() -> TestResult {
    fn check<T: Send + Unpin + 'static>(call: T) -> T {
        call
    }
    let (server, caller) = loopback_pair(ContextsServer::new(Addresses)).await;
    let call = {
        let text = String::from("short-lived");
        let client = ContextsClient::new(&caller, server.local_addr());
        check(client.first(&text))
    };
    drop(caller);
    assert_eq!(tokio::spawn(call.into_future()).await??.0, "short-lived");
    Ok(())
}
