//! A service that forwards every method that it does not have to another peer, as `ForwardHandler`
//! of simplerpc does.

use rpcudp::sim::{Conditions, Network};
use rpcudp::{CallError, Refusal, rpc_service};

use super::*;
use crate::support::{CALLER, Runs, SERVER, TestResult, bind, refusal};

#[rpc_service]
trait Store {
    #[rpc(at_least_once)]
    fn get(&self, key: &[u8]) -> Option<Vec<u8>>;
    #[rpc(at_most_once)]
    async fn put(&self, cx: &Context, key: Vec<u8>, value: Vec<u8>) -> Result<u64, String>;
    async fn stall(&self);
}

struct Backend(Runs);

impl Store for Backend {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        (key == b"known").then(|| b"value\0".to_vec())
    }

    async fn put(&self, cx: &Context, key: Vec<u8>, value: Vec<u8>) -> Result<u64, String> {
        self.0.record(cx);
        if key.is_empty() { Err("the key is empty".into()) } else { Ok(value.len() as u64) }
    }

    async fn stall(&self) {
        sleep(ms(60_000)).await;
    }
}

/// The forward handler: it has one method of its own, and a peer for the rest.
struct Forward(SocketAddr);

impl DynamicService for Forward {
    fn name(&self) -> &str {
        "Forward"
    }

    fn methods(&self) -> Vec<Method> {
        vec![Method::named("whoami")]
    }

    fn other_methods(&self) -> Option<Delivery> {
        Some(Delivery::AtMostOnce)
    }

    async fn call(&self, cx: &Context, method: &str, arguments: RawArguments<'_>) -> DynamicResponse {
        if method == "whoami" {
            return DynamicResponse::value("the forward handler");
        }
        DynamicResponse::forwarded(DynamicMethod::forward(cx, self.0, method, arguments).retransmit(true).await)
    }
}

const MIDDLE: &str = "10.0.0.3:7000";

/// A backend, a forward handler before it, and a caller that knows the forward handler only.
struct Network3 {
    network: Network,
    backend: Endpoint,
    _middle: Endpoint,
    caller: Endpoint,
    runs: Runs,
}

impl Network3 {
    fn new(seed: u64) -> Self {
        let (network, runs) = (Network::new(seed), Runs::default());
        let backend = Endpoint::builder().serve_described(StoreServer::new(Backend(runs.clone())));
        let backend = bind(&network, SERVER, backend);
        let middle = Endpoint::builder().serve_dynamic(Forward(backend.local_addr()));
        let middle = bind(&network, MIDDLE, middle);
        let caller = bind(&network, CALLER, Endpoint::builder());
        Self { network, backend, _middle: middle, caller, runs }
    }

    fn store(&self) -> StoreClient {
        StoreClient::new(&self.caller, self.middle())
    }

    fn middle(&self) -> SocketAddr {
        MIDDLE.parse().unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn values_errors_and_contracts_pass_unchanged() -> TestResult {
    let network = Network3::new(1);
    let store = network.store();
    assert_eq!(store.get(b"known").await?, Some(b"value\0".to_vec()));
    assert_eq!(store.get(b"unknown").await?, None);
    assert_eq!(store.put(b"k".into(), vec![7; 3_000]).await.unwrap(), 3_000);
    assert_eq!(store.put(Vec::new(), Vec::new()).await.unwrap_err().into_application().unwrap(), "the key is empty");
    let own = call(&network.caller, network.middle(), "whoami", NO_ARGUMENTS).await.unwrap();
    assert_eq!(own.as_str(), Some("the forward handler"));
    let contracts = network.caller.describe(network.middle()).await?;
    assert_eq!(contracts, std::slice::from_ref(StoreClient::CONTRACT), "of the backend, through the forward handler");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn failures_of_the_second_call_become_refusals() -> TestResult {
    let network = Network3::new(1);
    let unknown = call(&network.caller, network.middle(), "nothing", NO_ARGUMENTS).await;
    assert_eq!(refusal(unknown).0, Refusal::UnknownMethod, "of the backend");
    let malformed = call(&network.caller, network.middle(), "get", &[true]).await;
    assert_eq!(refusal(malformed).0, Refusal::MalformedArguments);
    // The forward handler waits no longer than its caller, whose own timeout is a little earlier.
    let error = network.store().stall().timeout(ms(500)).await.unwrap_err();
    assert!(matches!(error, CallError::Timeout { .. }), "{error:?}");
    // A caller that waits longer than the handler learns of the handler's timeout.
    let refused = refusal(network.store().stall().timeout(ms(30_000)).await);
    assert_eq!(refused.0, Refusal::Stopped);
    network.network.return_undeliverable(true);
    network.backend.close(ms(0)).await;
    assert_eq!(refusal(network.store().get(b"known").await).0, Refusal::Busy, "it did not run");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn dropped_call_cancels_the_second_call() {
    let network = Network3::new(1);
    let call = tokio::spawn(network.store().get(b"known"));
    call.await.unwrap().unwrap();
    let middle = bind(
        &network.network,
        "10.0.0.4:7000",
        Endpoint::builder().serve_dynamic(Maybe(Forward(network.backend.local_addr()))),
    );
    let stall = tokio::spawn(StoreClient::new(&network.caller, middle.local_addr()).stall());
    sleep(ms(100)).await;
    assert_eq!(network.backend.stats().requests.running, 1);
    stall.abort();
    sleep(ms(100)).await;
    assert_eq!(network.backend.stats().requests.running, 0);
}

/// A forward handler that forwards each copy of a request.
struct Maybe(Forward);

impl DynamicService for Maybe {
    fn name(&self) -> &str {
        "Maybe"
    }

    fn other_methods(&self) -> Option<Delivery> {
        Some(Delivery::Maybe)
    }

    async fn call(&self, cx: &Context, method: &str, arguments: RawArguments<'_>) -> DynamicResponse {
        self.0.call(cx, method, arguments).await
    }
}

#[tokio::test(start_paused = true)]
async fn at_most_once_holds_through_a_forward_handler_under_loss() {
    for seed in crate::support::seeds(20) {
        let network = Network3::new(seed);
        let lossy = Conditions::default().loss(0.3).duplication(0.3).latency(ms(30)).jitter(ms(25));
        let addrs = [SERVER, MIDDLE, CALLER].map(|addr| addr.parse::<SocketAddr>().unwrap().ip());
        for from in addrs {
            for to in addrs {
                network.network.set_link(from, to, lossy.clone());
            }
        }
        for _ in 0..10 {
            let _ = network.store().put(b"key".into(), b"value".into()).await;
        }
        sleep(ms(5_000)).await;
        let counts = network.runs.counts();
        assert!(!counts.is_empty() && counts.iter().all(|count| *count == 1), "seed {seed}: {counts:?}");
    }
}

/// Peers choose the names, so a flood of them must not be kept.
#[tokio::test(start_paused = true)]
async fn forwarded_names_of_any_length_are_sent_unchanged() -> TestResult {
    let network = Network3::new(1);
    for name in ["", "a b", "\u{202e}", &"n".repeat(3_000)] {
        let refused = refusal(call(&network.caller, network.middle(), name, NO_ARGUMENTS).await);
        assert_eq!(refused.0, Refusal::UnknownMethod);
    }
    Ok(())
}

#[tokio::test]
async fn arguments_that_are_not_encoded_are_not_sent() {
    let endpoint = Endpoint::bind("127.0.0.1:0").await.unwrap();
    for (count, bytes) in [(1, &b""[..]), (2, b"\x01"), (0, b"\x01"), (1, b"\xc1"), (u32::MAX, b"")] {
        let arguments = RawArguments::new(count, bytes);
        match DynamicMethod::forward(&endpoint, endpoint.local_addr(), "any", arguments).await {
            Err(CallError::Encode { method: "(forwarded)", argument: 1, .. }) => {}
            other => panic!("{other:?}"),
        }
    }
}
