//! Every call ends, and says how: a test for each ending.

#![allow(missing_docs, reason = "contracts of a test")]

use std::future::pending;
use std::time::Duration;

use rpcudp::sim::{Conditions, Network};
use rpcudp::transport::{Datagram, ReceiveBatch, Transport};
use rpcudp::{BindError, CallError, Dialect, DropReason, Endpoint, Refusal, rpc_service};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokio::time::{Instant, timeout};

#[rpc_service]
trait Endings {
    fn echo(&self, bytes: &[u8]) -> Vec<u8>;
    fn big(&self, len: usize) -> Vec<u8>;
    fn number_of_things(&self, text: &str) -> u8;
    fn panics(&self);
    async fn panics_later(&self);
    async fn never(&self);
    #[rpc(timeout = "200ms")]
    async fn impatient(&self);
    fn fails_to_encode(&self) -> Stubborn;
    fn panics_while_encoding(&self) -> Explosive;
    fn panics_when_dropped(&self) -> Unlucky;
    async fn panics_when_dropped_later(&self) -> Unlucky;
    fn takes_explosive(&self, explosive: Explosive);
    fn takes_stubborn(&self, first: u8, stubborn: Stubborn);
}

/// The same methods as another program might declare them.
#[rpc_service]
trait Misunderstood {
    #[rpc(name = "echo")]
    fn text(&self, bytes: &[u8]) -> String;
    fn number_of_things(&self, text: u64) -> u8;
    fn takes_explosive(&self, explosive: u8);
    fn unheard_of(&self);
}

#[derive(Debug)]
struct Stubborn;

impl Serialize for Stubborn {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("will not be encoded"))
    }
}

impl<'de> Deserialize<'de> for Stubborn {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Ok(Self)
    }
}

#[derive(Debug)]
struct Explosive;

impl Serialize for Explosive {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("while encoding")
    }
}

impl<'de> Deserialize<'de> for Explosive {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        panic!("while decoding")
    }
}

/// A result of a handler that the handler's side cannot get rid of.
#[derive(Debug, Serialize)]
struct Unlucky;

impl<'de> Deserialize<'de> for Unlucky {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(serde::de::Error::custom("only the server has any"))
    }
}

impl Drop for Unlucky {
    fn drop(&mut self) {
        panic!("while dropping")
    }
}

struct Service;

impl Endings for Service {
    fn echo(&self, bytes: &[u8]) -> Vec<u8> {
        bytes.into()
    }
    fn big(&self, len: usize) -> Vec<u8> {
        vec![7; len]
    }
    fn number_of_things(&self, text: &str) -> u8 {
        text.len() as u8
    }
    fn panics(&self) {
        panic!("in a sync handler")
    }
    async fn panics_later(&self) {
        tokio::task::yield_now().await;
        panic!("in an async handler")
    }
    async fn never(&self) {
        pending::<()>().await;
    }
    async fn impatient(&self) {
        pending::<()>().await;
    }
    fn fails_to_encode(&self) -> Stubborn {
        Stubborn
    }
    fn panics_while_encoding(&self) -> Explosive {
        Explosive
    }
    fn panics_when_dropped(&self) -> Unlucky {
        Unlucky
    }
    async fn panics_when_dropped_later(&self) -> Unlucky {
        Unlucky
    }
    fn takes_explosive(&self, _: Explosive) {}
    fn takes_stubborn(&self, _: u8, _: Stubborn) {}
}

struct Pair {
    network: Network,
    server: Endpoint,
    caller: Endpoint,
}

/// An endpoint that serves and one that calls, on a simulated network.
fn pair_with(configure: impl Fn(rpcudp::Builder) -> rpcudp::Builder) -> Pair {
    let network = Network::new(1);
    let server = configure(Endpoint::builder().serve(EndingsServer::new(Service)));
    let server = server.bind_transport(network.bind("10.0.0.1:7000").unwrap()).unwrap();
    let caller = configure(Endpoint::builder());
    let caller = caller.bind_transport(network.bind("10.0.0.2:7000").unwrap()).unwrap();
    Pair { network, server, caller }
}

fn pair() -> Pair {
    pair_with(|builder| builder)
}

impl Pair {
    fn client(&self) -> EndingsClient {
        EndingsClient::new(&self.caller, self.server.local_addr())
    }

    fn misunderstood(&self) -> MisunderstoodClient {
        MisunderstoodClient::new(&self.caller, self.server.local_addr())
    }

    /// That the server goes on as if nothing had happened.
    async fn is_alive(&self) {
        assert_eq!(self.client().echo(b"alive").await.unwrap(), b"alive");
    }
}

fn refusal(error: CallError) -> (Refusal, String) {
    match error {
        CallError::Refused { reason, message, .. } => (reason, message.into()),
        other => panic!("not refused: {other}"),
    }
}

#[test]
fn a_transport_outside_a_runtime_is_a_panic_that_says_what_to_do() {
    let node = Network::new(1).bind("10.0.0.1:7000").unwrap();
    let bound = std::panic::catch_unwind(|| Endpoint::builder().bind_transport(node));
    let message = *bound.unwrap_err().downcast::<&str>().unwrap();
    assert!(message.starts_with("`bind_transport` needs a tokio runtime: call it in async code"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn silence_ends_with_the_timeout_and_not_before() {
    let pair = pair();
    let start = Instant::now();
    let error = pair.client().never().await.unwrap_err();
    assert_eq!(start.elapsed(), Duration::from_secs(5), "what Python waits");
    assert_eq!(error.to_string(), "no answer to `never` from 10.0.0.1:7000 within 5s");
    assert!(error.is_timeout());

    let start = Instant::now();
    pair.client().impatient().await.unwrap_err();
    assert_eq!(start.elapsed(), Duration::from_millis(200), "what the contract says");

    let start = Instant::now();
    pair.client().impatient().timeout(Duration::from_millis(300)).await.unwrap_err();
    assert_eq!(start.elapsed(), Duration::from_millis(300), "what the call says");
    assert_eq!(pair.caller.stats().calls.timed_out, 3);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_may_be_nothing_or_all_the_time_there_is() {
    let pair = pair();
    assert!(pair.client().never().timeout(Duration::ZERO).await.unwrap_err().is_timeout());
    assert_eq!(pair.client().echo(b"x").timeout(Duration::MAX).await.unwrap(), b"x");
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_has_a_timeout_of_its_own() {
    let pair = pair_with(|builder| builder.timeout(Duration::from_secs(1)));
    let start = Instant::now();
    pair.client().never().await.unwrap_err();
    assert_eq!(start.elapsed(), Duration::from_secs(1));
}

#[tokio::test]
async fn a_closed_port_ends_the_call_and_no_other() {
    // The operating system's own loopback: what the simulated network does is modelled on it.
    let server = Endpoint::builder().serve(EndingsServer::new(Service)).bind("127.0.0.1:0").await.unwrap();
    let caller = Endpoint::bind("127.0.0.1:0").await.unwrap();
    let gone = Endpoint::bind("127.0.0.1:0").await.unwrap();
    let closed = gone.local_addr();
    gone.close(Duration::ZERO).await;
    let client = EndingsClient::new(&caller, server.local_addr());
    for number in 0..100_u8 {
        let (healthy, hopeless) = tokio::join!(client.echo(&[number]), client.to(closed).echo(&[number]));
        assert_eq!(healthy.unwrap(), [number]);
        let error = hopeless.unwrap_err();
        if cfg!(target_os = "linux") {
            assert!(matches!(error, CallError::Unreachable { method: "echo", peer } if peer == closed), "{error}");
        }
    }
    if cfg!(target_os = "linux") {
        let stats = caller.stats();
        assert_eq!((stats.calls.unreachable, stats.datagrams.bounced), (100, 100));
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_is_gone_ends_the_call_within_a_round_trip() {
    let pair = pair();
    pair.network.set_conditions(Conditions::default().latency(Duration::from_millis(20)));
    pair.network.return_undeliverable(true);
    let nobody = pair.client().to("10.0.0.99:7000".parse().unwrap());
    let start = Instant::now();
    let error = nobody.echo(b"x").await.unwrap_err();
    assert_eq!(start.elapsed(), Duration::from_millis(40));
    assert_eq!(error.to_string(), "nobody is there to answer `echo` at 10.0.0.99:7000");
    pair.is_alive().await;
}

#[tokio::test(start_paused = true)]
async fn an_unknown_method_is_named() {
    let pair = pair();
    let (reason, message) = refusal(pair.misunderstood().unheard_of().await.unwrap_err());
    assert_eq!(reason, Refusal::UnknownMethod);
    assert_eq!(message, "unheard_of");
    pair.is_alive().await;
}

#[tokio::test(start_paused = true)]
async fn malformed_arguments_are_named() {
    let pair = pair();
    let error = pair.misunderstood().number_of_things(u64::MAX).await.unwrap_err();
    assert!(error.to_string().starts_with("10.0.0.1:7000 refused `number_of_things`: malformed arguments: `text`"));
    let (reason, message) = refusal(error);
    assert_eq!(reason, Refusal::MalformedArguments);
    // A refusal is never longer than the request: its words are cut to that.
    assert_eq!(message, "`text`: invalid type:…");
    pair.is_alive().await;
}

#[tokio::test(start_paused = true)]
async fn panics_cost_their_own_call_alone() {
    let pair = pair();
    let client = pair.client();
    let waiting = tokio::spawn(client.never().timeout(Duration::from_secs(1)));
    for error in [
        client.panics().await.unwrap_err(),
        client.panics_later().await.unwrap_err(),
        client.panics_while_encoding().await.map(drop).unwrap_err(),
        client.panics_when_dropped().await.map(drop).unwrap_err(),
        client.panics_when_dropped_later().await.map(drop).unwrap_err(),
        pair.misunderstood().takes_explosive(1).await.unwrap_err(),
    ] {
        assert_eq!(refusal(error).0, Refusal::Panicked);
        pair.is_alive().await;
    }
    assert!(waiting.await.unwrap().unwrap_err().is_timeout());
    assert_eq!(pair.server.stats().requests.panicked, 6);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_cannot_be_encoded_is_a_refusal() {
    let pair = pair();
    let (reason, message) = refusal(pair.client().fails_to_encode().await.map(drop).unwrap_err());
    // Why is not for strangers.
    assert_eq!((reason, &*message), (Refusal::ResponseUnencodable, "fails_to_encode"));
    assert_eq!(pair.server.stats().requests.panicked, 0);
    pair.is_alive().await;
}

#[tokio::test(start_paused = true)]
async fn an_argument_that_cannot_be_encoded_is_not_sent() {
    let pair = pair();
    let error = pair.client().takes_stubborn(1, Stubborn).await.unwrap_err();
    assert_eq!(error.to_string(), "argument 2 of `takes_stubborn` cannot be encoded: will not be encoded");
    assert_eq!(pair.network.stats().sent, 0);
}

#[tokio::test(start_paused = true)]
async fn a_request_over_the_limit_is_not_sent() {
    let pair = pair();
    // [echo, [bytes]]: 1 + 5 + 1 + 3 bytes besides the bytes themselves.
    let largest = vec![7; 8_192 - 10];
    assert_eq!(pair.client().echo(&largest).await.unwrap(), largest);
    let sent = pair.network.stats().sent;
    let error = pair.client().echo(&vec![7; 8_192 - 9]).await.unwrap_err();
    assert!(matches!(error, CallError::TooLarge { method: "echo", size: 8_193, limit: 8_192 }), "{error}");
    assert_eq!(error.to_string(), "the request `echo` has 8193 bytes, and 8192 are allowed");
    assert_eq!(pair.network.stats().sent, sent);
}

#[tokio::test(start_paused = true)]
async fn a_network_without_python_may_raise_the_limit() {
    let pair = pair_with(|builder| builder.max_request_len(usize::MAX));
    let bytes = vec![7; 65_486 - 10];
    assert_eq!(pair.client().echo(&bytes).await.unwrap(), bytes);
    let error = pair.client().echo(&vec![7; 65_486 - 9]).await.unwrap_err();
    assert!(matches!(error, CallError::TooLarge { limit: 65_486, .. }), "what a datagram carries: {error}");
}

#[tokio::test(start_paused = true)]
async fn a_response_over_the_limit_is_a_refusal_and_not_cut() {
    let pair = pair();
    let largest = 65_486 - 3;
    assert_eq!(pair.client().big(largest).await.unwrap().len(), largest);
    let error = pair.client().big(largest + 1).await.unwrap_err();
    // Too short a request for the numbers to fit into a refusal that is no longer than it.
    let (reason, _) = refusal(error);
    assert_eq!(reason, Refusal::ResponseTooLarge { size: None, limit: None });

    let limited = pair_with(|builder| builder.max_response_len(1_000));
    let error = limited.client().echo(&[7; 998]).await.unwrap_err();
    assert!(error.to_string().ends_with("the response has 1001 bytes, and 1000 are allowed"), "{error}");
    assert_eq!(refusal(error).0, Refusal::ResponseTooLarge { size: Some(1_001), limit: Some(1_000) });
    assert_eq!(limited.client().echo(&[7; 997]).await.unwrap().len(), 997);
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_another_type_names_the_type() {
    let pair = pair();
    let error = pair.misunderstood().text(b"\xff").await.unwrap_err();
    let CallError::Decode { ref source, .. } = error else { panic!("{error}") };
    assert_eq!(source.type_name(), "alloc::string::String");
    assert!(error.to_string().contains("the answer of 10.0.0.1:7000 to `echo` is not a `alloc::string::String`"));
    assert_eq!(pair.caller.stats().calls.undecodable, 1);
}

#[tokio::test(start_paused = true)]
async fn a_busy_peer_says_so() {
    let pair = pair_with(|builder| builder.max_handlers(2));
    let running: Vec<_> = (0..2).map(|_| tokio::spawn(pair.client().never())).collect();
    tokio::task::yield_now().await;
    let (reason, _) = refusal(pair.client().never().await.unwrap_err());
    assert_eq!(reason, Refusal::Busy);
    // Sync methods take no place.
    pair.is_alive().await;
    assert_eq!((pair.caller.stats().calls.waiting, pair.server.stats().requests.running), (2, 2));
    for call in running {
        assert!(call.await.unwrap().unwrap_err().is_timeout());
    }
    // Nobody waits any more, and the handlers do not know.
    assert_eq!((pair.caller.stats().calls.waiting, pair.server.stats().requests.running), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn more_calls_than_allowed_are_not_sent() {
    let pair = pair_with(|builder| builder.max_calls(2));
    let waiting: Vec<_> = (0..2).map(|_| tokio::spawn(pair.client().never())).collect();
    tokio::task::yield_now().await;
    let error = pair.client().never().await.unwrap_err();
    assert!(matches!(error, CallError::TooManyCalls { limit: 2 }), "{error}");
    for call in waiting {
        call.await.unwrap().unwrap_err();
    }
    pair.is_alive().await;
}

#[tokio::test(start_paused = true)]
async fn closing_ends_calls_with_an_error_of_its_own() {
    let pair = pair();
    let waiting = tokio::spawn(pair.client().never());
    tokio::task::yield_now().await;
    pair.caller.close(Duration::ZERO).await;
    assert!(matches!(waiting.await.unwrap(), Err(CallError::Closed)));
    assert!(matches!(pair.client().echo(b"x").await, Err(CallError::Closed)));
}

#[tokio::test]
async fn what_the_socket_refuses_is_the_calls_own_error() {
    let caller = Endpoint::bind("127.0.0.1:0").await.unwrap();
    for nowhere in ["127.0.0.1:0", "0.0.0.0:7000", "[::1]:7000"] {
        let error = EndingsClient::new(&caller, nowhere.parse().unwrap()).echo(b"x").await.unwrap_err();
        assert!(matches!(error, CallError::Io { .. }), "{nowhere}: {error}");
    }
    assert_eq!(caller.stats().calls.unsendable, 3);
}

#[tokio::test(start_paused = true)]
async fn a_storj_peer_is_told_nothing() {
    let pair = pair_with(|builder| builder.dialect(Dialect::Storj));
    pair.is_alive().await;
    let short = Duration::from_millis(100);
    for call in [pair.client().panics(), pair.misunderstood().unheard_of(), pair.misunderstood().takes_explosive(1)] {
        assert!(call.timeout(short).await.unwrap_err().is_timeout());
    }
    assert_eq!(pair.server.stats().requests.refused, 3);
    assert_eq!(pair.network.stats().sent, 2 + 3);
}

#[tokio::test(start_paused = true)]
async fn a_peer_of_the_other_dialect_is_counted() {
    let network = Network::new(1);
    let server = Endpoint::builder().serve(EndingsServer::new(Service));
    let server = server.bind_transport(network.bind("10.0.0.1:1").unwrap()).unwrap();
    let caller = Endpoint::builder().dialect(Dialect::Storj);
    let caller = caller.bind_transport(network.bind("10.0.0.2:1").unwrap()).unwrap();
    let error = EndingsClient::new(&caller, server.local_addr()).echo(b"x").await.unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(server.stats().dropped(DropReason::OtherDialect), 1);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_leaves_nothing_behind() {
    let pair = pair_with(|builder| builder.max_calls(1));
    for _ in 0..100 {
        let call = pair.client().never();
        assert!(timeout(Duration::from_millis(10), call).await.is_err());
    }
    // The one slot is free again.
    pair.is_alive().await;
    // A call that was never polled has sent nothing.
    let sent = pair.network.stats().sent;
    drop(pair.client().echo(b"x"));
    assert_eq!(pair.network.stats().sent, sent);
    let calls = pair.caller.stats().calls;
    assert_eq!((calls.started, calls.answered, calls.cancelled, calls.waiting), (101, 1, 100, 0));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_late_is_dropped_and_counted() {
    let pair = pair();
    pair.network.set_conditions(Conditions::default().latency(Duration::from_millis(100)));
    let error = pair.client().echo(b"x").timeout(Duration::from_millis(150)).await.unwrap_err();
    assert!(error.is_timeout());
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(pair.caller.stats().dropped(DropReason::UnmatchedResponse), 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_twice_is_taken_once() {
    let pair = pair();
    pair.network.set_conditions(Conditions::default().duplication(1.0));
    assert_eq!(pair.client().echo(b"x").await.unwrap(), b"x");
    tokio::time::sleep(Duration::from_millis(100)).await;
    // The request arrived twice and each was answered twice.
    assert_eq!(pair.caller.stats().dropped(DropReason::UnmatchedResponse), 3);
}

/// Answers a request from an address that was not asked.
async fn answer_from_elsewhere(any_source: bool) -> (Result<Vec<u8>, CallError>, Endpoint) {
    let network = Network::new(1);
    let asked = network.bind("10.0.0.1:7000").unwrap();
    let other = network.bind("10.0.0.9:7000").unwrap();
    let caller = Endpoint::builder().any_source(any_source);
    let caller = caller.bind_transport(network.bind("10.0.0.2:7000").unwrap()).unwrap();
    let call = tokio::spawn(EndingsClient::new(&caller, asked.local_addr()).echo(b"x"));
    let mut batch = ReceiveBatch::new();
    std::future::poll_fn(|cx| asked.poll_receive(cx, &mut batch)).await.unwrap();
    let request = batch.iter().next().unwrap();
    let answer = [b"\x01", &request.contents[1..21], b"\xc4\x01x"].concat();
    other.try_send(Datagram { destination: request.source, source: None, contents: &answer }).unwrap();
    (call.await.unwrap(), caller)
}

#[tokio::test(start_paused = true)]
async fn an_answer_from_elsewhere_is_dropped_and_counted() {
    let (result, caller) = answer_from_elsewhere(false).await;
    assert!(result.unwrap_err().is_timeout());
    assert_eq!(caller.stats().dropped(DropReason::WrongSource), 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_from_elsewhere_counts_where_any_source_does() {
    let (result, caller) = answer_from_elsewhere(true).await;
    assert_eq!(result.unwrap(), b"x");
    assert_eq!(caller.stats().dropped_in_all(), 0);
}

#[tokio::test]
async fn two_services_cannot_have_one_method() {
    #[rpc_service]
    trait Other {
        fn echo(&self);
    }
    struct Mute;
    impl Other for Mute {
        fn echo(&self) {}
    }
    let builder = Endpoint::builder().serve(EndingsServer::new(Service)).serve(OtherServer::new(Mute));
    let error = builder.bind("127.0.0.1:0").await.unwrap_err();
    let BindError::DuplicateMethod { method: "echo", services: ["Endings", "Other"] } = error else {
        panic!("{error}")
    };
    assert!(
        error.to_string().starts_with("both `Endings` and `Other` have a method `echo`: give one of them a namespace")
    );

    let twice = Endpoint::builder().serve(EndingsServer::new(Service)).serve(EndingsServer::new(Service));
    let error = twice.bind("127.0.0.1:0").await.unwrap_err();
    assert!(error.to_string().starts_with("`Endings` is served twice, and a call of `echo` can reach"), "{error}");
}

#[tokio::test]
async fn an_address_that_cannot_be_bound_is_named() {
    let first = Endpoint::bind("127.0.0.1:0").await.unwrap();
    let addr = first.local_addr();
    let error = Endpoint::bind(addr).await.unwrap_err();
    assert!(error.to_string().starts_with(&format!("cannot bind to {addr}: ")), "{error}");
    // An address of a documentation network is nobody's.
    assert!(matches!(Endpoint::bind("192.0.2.1:0").await, Err(BindError::Bind { .. })));
    for no_address in ["not an address", "127.0.0.1", "127.0.0.1:65536"] {
        let error = Endpoint::bind(no_address).await.unwrap_err();
        assert!(matches!(error, BindError::Resolve { .. }), "{error}");
        assert!(error.to_string().ends_with("(it needs an IP or a name, and a port: `127.0.0.1:0`)"), "{error}");
    }
    // Of several, one that can be bound is enough.
    let second = Endpoint::bind(&[addr, "127.0.0.1:0".parse().unwrap()][..]).await.unwrap();
    assert_ne!(second.local_addr(), addr);
    assert!(matches!(Endpoint::bind(&[][..]).await, Err(BindError::Resolve { .. })));
}
