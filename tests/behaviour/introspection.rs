//! Published contracts: described, compared, and read from servers that lie.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rpcudp::contract::{Contract, Method};
use rpcudp::sim::{Conditions, Network};
use rpcudp::{BindError, Builder, CallError, Dialect, Endpoint, Refusal, rpc_service};
use serde::{Deserialize, Serialize};

use crate::support::{Pair, ms};

/// A contract without a namespace.
#[rpc_service]
trait Clock {
    /// The hour, from 0 to 23.
    fn hour(&self) -> u8;
    #[rpc(oneway)]
    fn set(&self, hour: u8);
}

#[rpc_service(namespace = "store.")]
trait Store {
    /// Returns the value of a key.
    #[rpc(at_least_once, timeout = "2s")]
    async fn fetch(&self, key: &[u8], version: Option<u64>) -> Result<Vec<u8>, String>;
    fn count(&self) -> u64;
}

#[rpc_service(namespace = "private.")]
trait Private {
    fn secret(&self) -> u64;
}

/// The contract `Clock` for functions that shadow its name.
const CLOCK: &Contract = ClockClient::CONTRACT;

struct Noon;

impl Clock for Noon {
    fn hour(&self) -> u8 {
        12
    }
    fn set(&self, _: u8) {}
}

impl Store for Noon {
    async fn fetch(&self, key: &[u8], _: Option<u64>) -> Result<Vec<u8>, String> {
        Ok(key.into())
    }
    fn count(&self) -> u64 {
        1
    }
}

impl Private for Noon {
    fn secret(&self) -> u64 {
        42
    }
}

/// Returns a builder that publishes two of its three contracts.
fn publishing() -> Builder {
    Endpoint::builder()
        .serve_described(ClockServer::new(Noon))
        .serve(PrivateServer::new(Noon))
        .serve_described(StoreServer::new(Noon))
}

#[tokio::test(start_paused = true)]
async fn published_contracts_can_be_described() {
    let Pair { server, caller, .. } = Pair::new(Network::new(1), publishing(), Endpoint::builder());
    let contracts = caller.describe(server.local_addr()).await.unwrap();
    assert_eq!(contracts.iter().collect::<Vec<_>>(), [ClockClient::CONTRACT, StoreClient::CONTRACT]);
    assert_eq!(
        PrivateClient::new(&caller, server.local_addr()).secret().await.unwrap(),
        42,
        "an unpublished contract is served too"
    );
}

/// A service with documentation that is longer than the largest request.
struct Documented;

impl rpcudp::Service for Documented {
    const NAME: &'static str = "Documented";
    const CONTRACT: &'static Contract = &Contract {
        name: Cow::Borrowed("Documented"),
        doc: Cow::Borrowed(include_str!("../../README.md")),
        methods: Cow::Borrowed(const { &[Self::METHOD] }),
        ..Contract::EMPTY
    };
    const METHODS: &'static [rpcudp::__private::Method<Self>] = &[];
}

impl Documented {
    const METHOD: Method = Method {
        name: Cow::Borrowed("method"),
        wire_name: Cow::Borrowed("method"),
        doc: Cow::Borrowed(include_str!("../../CHANGELOG.md")),
        ..Method::EMPTY
    };
}

#[tokio::test(start_paused = true)]
async fn long_contract_is_read_in_small_datagrams_over_a_bad_network() {
    for seed in 0..20 {
        let network = Network::new(seed);
        // The smallest MTU of IPv6 leaves this much for a datagram.
        let bad = Conditions::default().loss(0.2).duplication(0.1).reordering(0.1).mtu(1_232);
        network.set_conditions(bad.latency(ms(20)).jitter(ms(20)));
        let Pair { server, caller, .. } =
            Pair::new(network.clone(), publishing().serve_described(Documented), Endpoint::builder());
        let contracts =
            caller.describe(server.local_addr()).await.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert_eq!(contracts.len(), 3);
        assert_eq!(&contracts[2], <Documented as rpcudp::Service>::CONTRACT, "seed {seed}");
        assert_eq!(network.stats().oversized, 0, "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn contracts_are_published_in_both_dialects_and_under_any_response_limit() {
    for dialect in [Dialect::Rpcudp, Dialect::Storj] {
        for limit in [300, 1_000, 8_171] {
            let server = publishing().dialect(dialect).max_response_len(limit);
            let caller = Endpoint::builder().dialect(dialect);
            let Pair { server, caller, .. } = Pair::new(Network::new(1), server, caller);
            let contracts = caller.describe(server.local_addr()).await;
            assert_eq!(contracts.unwrap().len(), 2, "{dialect:?}, {limit}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_published_by_default() {
    let server = Endpoint::builder().serve(ClockServer::new(Noon));
    let Pair { server, caller, .. } = Pair::new(Network::new(1), server, Endpoint::builder());
    let peer = server.local_addr();
    let unknown = |error: CallError| matches!(error, CallError::Refused { reason: Refusal::UnknownMethod, .. });
    assert!(unknown(caller.describe(peer).await.unwrap_err()));
    assert!(unknown(caller.compare(peer, ClockClient::CONTRACT).await.unwrap_err()));
    assert!(
        unknown(caller.compare(peer, &Contract::EMPTY).await.unwrap_err()),
        "an empty contract gets no agreement either"
    );
}

#[tokio::test(start_paused = true)]
async fn contracts_are_compared_by_their_methods() {
    #[rpc_service]
    trait Clock {
        fn hour(&self) -> u16;
        #[rpc(oneway)]
        fn set(&self, the_hour: u8);
        fn zone(&self) -> String;
    }

    let Pair { server, caller, .. } = Pair::new(Network::new(1), publishing(), Endpoint::builder());
    let peer = server.local_addr();
    assert!(caller.compare(peer, CLOCK).await.unwrap().is_empty());
    let differences = caller.compare(peer, ClockClient::CONTRACT).await.unwrap();
    assert!(!differences.is_empty());
    assert_eq!((differences.changed, differences.missing), (vec!["hour".into()], vec!["zone".into()]));
    // A method that is served and not published is missing too.
    assert_eq!(caller.compare(peer, PrivateClient::CONTRACT).await.unwrap().missing, ["private.secret"]);
}

#[tokio::test(start_paused = true)]
async fn contract_of_many_methods_is_compared_in_small_datagrams() {
    let method = |number: usize| {
        let name = format!("a_method_with_a_long_name_{}", "x".repeat(number));
        Method { wire_name: name.clone().into(), name: name.into(), ..Method::EMPTY }
    };
    let contract = Contract { methods: (0..500).map(method).collect(), ..Contract::EMPTY };
    let network = Network::new(1);
    network.set_conditions(Conditions::default().mtu(1_232));
    let Pair { server, caller, .. } = Pair::new(network.clone(), publishing(), Endpoint::builder());
    let differences = caller.compare(server.local_addr(), &contract).await.unwrap();
    assert_eq!(differences.missing.len(), 500);
    assert_eq!(network.stats().oversized, 0);
}

#[test]
fn describe_and_compare_work_in_blocking_code() {
    let server = publishing().bind("127.0.0.1:0").wait().unwrap();
    let caller = Endpoint::bind("127.0.0.1:0").wait().unwrap();
    assert_eq!(caller.describe(server.local_addr()).wait().unwrap().len(), 2);
    assert!(caller.compare(server.local_addr(), ClockClient::CONTRACT).wait().unwrap().is_empty());
}

#[tokio::test]
async fn service_with_a_reserved_method_name_is_an_error() {
    let bound = publishing()
        .serve(LiarServer::new(FalsePages { page: |_| (0, vec![], 0), request_count: AtomicU64::new(0) }))
        .bind("127.0.0.1:0")
        .await;
    let Err(BindError::DuplicateMethod { method: "rpc.describe", .. }) = bound else { panic!("{bound:?}") };
}

/// A contract with the reserved names, for services that lie.
#[rpc_service(namespace = "rpc.")]
trait Liar {
    fn describe(&self, from: Option<u32>) -> (u32, Vec<Part>, u64);
    fn fingerprints(&self, names: Vec<String>) -> Vec<u64>;
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum Part {
    Contract(String, Contract),
    Doc(String, String),
}

/// A service that makes up pages, and the number of requests for one.
struct FalsePages<F> {
    page: F,
    request_count: AtomicU64,
}

impl<F: Fn(u32) -> (u32, Vec<Part>, u64) + Send + Sync + 'static> Liar for FalsePages<F> {
    fn describe(&self, from: Option<u32>) -> (u32, Vec<Part>, u64) {
        self.request_count.fetch_add(1, Ordering::Relaxed);
        (self.page)(from.unwrap_or(0))
    }
    fn fingerprints(&self, _: Vec<String>) -> Vec<u64> {
        vec![0; 3]
    }
}

/// Describes a server that lies, and returns the error and the number of requests.
async fn describe_liar(page: impl Fn(u32) -> (u32, Vec<Part>, u64) + Send + Sync + 'static) -> (String, u64) {
    let service = Arc::new(FalsePages { page, request_count: AtomicU64::new(0) });
    let network = Network::new(1);
    network.set_conditions(Conditions::default().latency(ms(5)));
    let server = Endpoint::builder().serve(LiarServer::from_arc(Arc::clone(&service)));
    let Pair { server, caller, .. } = Pair::new(network.clone(), server, Endpoint::builder());
    let error = caller.describe(server.local_addr()).await.unwrap_err();
    (error.to_string(), service.request_count.load(Ordering::Relaxed))
}

fn doc(text: impl Into<String>) -> Part {
    Part::Doc("doc".into(), text.into())
}

fn contract() -> Part {
    Part::Contract("contract".into(), Contract { name: "Liar".into(), ..Contract::EMPTY })
}

#[tokio::test(start_paused = true)]
async fn describing_a_liar_ends_with_an_error() {
    let (error, request_count) = describe_liar(|_| (2, vec![], 0)).await;
    assert!(error.ends_with("a page is empty"), "{error}");
    assert_eq!(request_count, 1);

    let (error, request_count) = describe_liar(|_| (u32::MAX, vec![contract()], 0)).await;
    assert!(error.contains("at most 16384 are read"), "{error}");
    assert_eq!(request_count, 1);

    // Each page is of another version.
    let versions = AtomicU64::new(0);
    let (error, request_count) =
        describe_liar(move |_| (2, vec![contract()], versions.fetch_add(1, Ordering::Relaxed))).await;
    assert!(error.ends_with("it changed while it was read"), "{error}");
    assert!(request_count < 10, "{request_count}");

    // Each page has as much as a datagram carries.
    let large = |from| if from == 0 { contract() } else { doc("x".repeat(60_000)) };
    let (error, request_count) = describe_liar(move |from| (16_384, vec![large(from)], 0)).await;
    assert!(error.contains("more than the 1048576 bytes"), "{error}");
    assert!(request_count < 30, "{request_count}");

    // Each page has as little as possible: the query ends after twelve timeouts of five seconds.
    let small = |from| if from == 0 { contract() } else { doc("") };
    let (error, request_count) = describe_liar(move |from| (16_384, vec![small(from)], 0)).await;
    assert!(error.ends_with("within 60s"), "{error}");
    assert!(request_count <= 6_001, "{request_count}");
}

#[tokio::test(start_paused = true)]
async fn wrong_number_of_fingerprints_is_an_error() {
    let liar = FalsePages { page: |_| (0, vec![], 0), request_count: AtomicU64::new(0) };
    let Pair { server, caller, .. } =
        Pair::new(Network::new(1), Endpoint::builder().serve(LiarServer::new(liar)), Endpoint::builder());
    let error = caller.compare(server.local_addr(), ClockClient::CONTRACT).await.unwrap_err().to_string();
    assert!(error.ends_with("not a `list of fingerprints`: it has 3 elements, and 2 names were sent"), "{error}");
}
