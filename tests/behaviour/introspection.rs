//! What an endpoint tells of its services, to whom it does, and what becomes of what a liar tells.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rpcudp::contract::{Contract, Method};
use rpcudp::sim::{Conditions, Network};
use rpcudp::{BindError, Builder, CallError, Dialect, Endpoint, Refusal, rpc_service};
use serde::{Deserialize, Serialize};

use crate::support::{Pair, ms};

/// Plain.
#[rpc_service]
trait Clock {
    /// The hour, in 24 of them.
    fn hour(&self) -> u8;
    #[rpc(oneway)]
    fn set(&self, hour: u8);
}

#[rpc_service(namespace = "store.")]
trait Store {
    /// What is stored under a key.
    #[rpc(at_least_once, timeout = "2s")]
    async fn fetch(&self, key: &[u8], version: Option<u64>) -> Result<Vec<u8>, String>;
    fn count(&self) -> u64;
}

#[rpc_service(namespace = "private.")]
trait Private {
    fn secret(&self) -> u64;
}

/// Where another contract has the name.
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

fn described() -> Builder {
    Endpoint::builder()
        .serve_described(ClockServer::new(Noon))
        .serve(PrivateServer::new(Noon))
        .serve_described(StoreServer::new(Noon))
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_is_told_of_what_is_described() {
    let Pair { server, caller, .. } = Pair::new(Network::new(1), described(), Endpoint::builder());
    let contracts = caller.describe(server.local_addr()).await.unwrap();
    assert_eq!(contracts.iter().collect::<Vec<_>>(), [ClockClient::CONTRACT, StoreClient::CONTRACT]);
    assert_eq!(
        PrivateClient::new(&caller, server.local_addr()).secret().await.unwrap(),
        42,
        "it is served all the same"
    );
}

/// A service whose documentation is longer than a request may be.
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
async fn a_long_contract_comes_in_small_datagrams_over_a_bad_network() {
    for seed in 0..20 {
        let network = Network::new(seed);
        // What IPv6 carries everywhere.
        let bad = Conditions::default().loss(0.2).duplication(0.1).reordering(0.1).mtu(1_232);
        network.set_conditions(bad.latency(ms(20)).jitter(ms(20)));
        let Pair { server, caller, .. } =
            Pair::new(network.clone(), described().serve_described(Documented), Endpoint::builder());
        let contracts =
            caller.describe(server.local_addr()).await.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert_eq!(contracts.len(), 3);
        assert_eq!(&contracts[2], <Documented as rpcudp::Service>::CONTRACT, "seed {seed}");
        assert_eq!(network.stats().oversized, 0, "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_told_in_both_dialects_and_within_any_limit_of_answers() {
    for dialect in [Dialect::Rpcudp, Dialect::Storj] {
        for limit in [300, 1_000, 8_171] {
            let server = described().dialect(dialect).max_response_len(limit);
            let caller = Endpoint::builder().dialect(dialect);
            let Pair { server, caller, .. } = Pair::new(Network::new(1), server, caller);
            let contracts = caller.describe(server.local_addr()).await;
            assert_eq!(contracts.unwrap().len(), 2, "{dialect:?}, {limit}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_is_told_unless_it_was_said_so() {
    let server = Endpoint::builder().serve(ClockServer::new(Noon));
    let Pair { server, caller, .. } = Pair::new(Network::new(1), server, Endpoint::builder());
    let peer = server.local_addr();
    let unknown = |error: CallError| matches!(error, CallError::Refused { reason: Refusal::UnknownMethod, .. });
    assert!(unknown(caller.describe(peer).await.unwrap_err()));
    assert!(unknown(caller.compare(peer, ClockClient::CONTRACT).await.unwrap_err()));
    assert!(
        unknown(caller.compare(peer, &Contract::EMPTY).await.unwrap_err()),
        "one without methods agrees with nobody"
    );
}

#[tokio::test(start_paused = true)]
async fn a_contract_is_compared_by_its_methods() {
    #[rpc_service]
    trait Clock {
        fn hour(&self) -> u16;
        #[rpc(oneway)]
        fn set(&self, the_hour: u8);
        fn zone(&self) -> String;
    }

    let Pair { server, caller, .. } = Pair::new(Network::new(1), described(), Endpoint::builder());
    let peer = server.local_addr();
    assert!(caller.compare(peer, CLOCK).await.unwrap().is_empty());
    let differences = caller.compare(peer, ClockClient::CONTRACT).await.unwrap();
    assert!(!differences.is_empty());
    assert_eq!((differences.changed, differences.missing), (vec!["hour".into()], vec!["zone".into()]));
    // What is served but not told of is missing too.
    assert_eq!(caller.compare(peer, PrivateClient::CONTRACT).await.unwrap().missing, ["private.secret"]);
}

#[tokio::test(start_paused = true)]
async fn a_contract_of_many_methods_is_compared_in_small_datagrams() {
    let method = |number: usize| {
        let name = format!("a_method_with_a_long_name_{}", "x".repeat(number));
        Method { wire_name: name.clone().into(), name: name.into(), ..Method::EMPTY }
    };
    let contract = Contract { methods: (0..500).map(method).collect(), ..Contract::EMPTY };
    let network = Network::new(1);
    network.set_conditions(Conditions::default().mtu(1_232));
    let Pair { server, caller, .. } = Pair::new(network.clone(), described(), Endpoint::builder());
    let differences = caller.compare(server.local_addr(), &contract).await.unwrap();
    assert_eq!(differences.missing.len(), 500);
    assert_eq!(network.stats().oversized, 0);
}

#[test]
fn it_may_be_waited_for() {
    let server = described().bind("127.0.0.1:0").wait().unwrap();
    let caller = Endpoint::bind("127.0.0.1:0").wait().unwrap();
    assert_eq!(caller.describe(server.local_addr()).wait().unwrap().len(), 2);
    assert!(caller.compare(server.local_addr(), ClockClient::CONTRACT).wait().unwrap().is_empty());
}

#[tokio::test]
async fn a_service_that_has_the_name_is_an_error() {
    let served = described()
        .serve(LiarServer::new(Tells { page: |_| (0, vec![], 0), asked: AtomicU64::new(0) }))
        .bind("127.0.0.1:0")
        .await;
    let Err(BindError::DuplicateMethod { method: "rpc.describe", .. }) = served else { panic!("{served:?}") };
}

/// Tells what it likes.
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

/// What it tells, and how often it was asked.
struct Tells<F> {
    page: F,
    asked: AtomicU64,
}

impl<F: Fn(u32) -> (u32, Vec<Part>, u64) + Send + Sync + 'static> Liar for Tells<F> {
    fn describe(&self, from: Option<u32>) -> (u32, Vec<Part>, u64) {
        self.asked.fetch_add(1, Ordering::Relaxed);
        (self.page)(from.unwrap_or(0))
    }
    fn fingerprints(&self, _: Vec<String>) -> Vec<u64> {
        vec![0; 3]
    }
}

/// How an inquiry ends at a liar, and how many calls that took.
async fn ends(page: impl Fn(u32) -> (u32, Vec<Part>, u64) + Send + Sync + 'static) -> (String, u64) {
    let tells = Arc::new(Tells { page, asked: AtomicU64::new(0) });
    let network = Network::new(1);
    network.set_conditions(Conditions::default().latency(ms(5)));
    let server = Endpoint::builder().serve(LiarServer::from_arc(Arc::clone(&tells)));
    let Pair { server, caller, .. } = Pair::new(network.clone(), server, Endpoint::builder());
    let error = caller.describe(server.local_addr()).await.unwrap_err();
    (error.to_string(), tells.asked.load(Ordering::Relaxed))
}

fn doc(text: impl Into<String>) -> Part {
    Part::Doc("doc".into(), text.into())
}

fn contract() -> Part {
    Part::Contract("contract".into(), Contract { name: "Liar".into(), ..Contract::EMPTY })
}

#[tokio::test(start_paused = true)]
async fn no_liar_is_listened_to_for_ever() {
    let (error, asked) = ends(|_| (2, vec![], 0)).await;
    assert!(error.ends_with("a page is empty"), "{error}");
    assert_eq!(asked, 1);

    let (error, asked) = ends(|_| (u32::MAX, vec![contract()], 0)).await;
    assert!(error.contains("at most 16384 are read"), "{error}");
    assert_eq!(asked, 1);

    // Another description each time.
    let versions = AtomicU64::new(0);
    let (error, asked) = ends(move |_| (2, vec![contract()], versions.fetch_add(1, Ordering::Relaxed))).await;
    assert!(error.ends_with("it changed while it was read"), "{error}");
    assert!(asked < 10, "{asked}");

    // As much as a datagram carries, each time.
    let large = |from| if from == 0 { contract() } else { doc("x".repeat(60_000)) };
    let (error, asked) = ends(move |from| (16_384, vec![large(from)], 0)).await;
    assert!(error.contains("more than the 1048576 bytes"), "{error}");
    assert!(asked < 30, "{asked}");

    // As little as possible, each time: twelve timeouts of five seconds are the end of it.
    let small = |from| if from == 0 { contract() } else { doc("") };
    let (error, asked) = ends(move |from| (16_384, vec![small(from)], 0)).await;
    assert!(error.ends_with("within 60s"), "{error}");
    assert!(asked <= 6_001, "{asked}");
}

#[tokio::test(start_paused = true)]
async fn as_many_fingerprints_are_wanted_as_were_asked_for() {
    let liar = Tells { page: |_| (0, vec![], 0), asked: AtomicU64::new(0) };
    let Pair { server, caller, .. } =
        Pair::new(Network::new(1), Endpoint::builder().serve(LiarServer::new(liar)), Endpoint::builder());
    let error = caller.compare(server.local_addr(), ClockClient::CONTRACT).await.unwrap_err().to_string();
    assert!(error.ends_with("not a `list of fingerprints`: it has 3 elements, and 2 names were sent"), "{error}");
}
