//! Duplicates of requests that have run, and whose responses are not stored.

use std::time::Duration;

use rpcudp::sim::{Conditions, Network};
use rpcudp::{Builder, CallError, Context, DidRun, Endpoint, Refusal, rpc_service};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::support::{Pair, Runs, Wire, ms, over_each_wire};

over_each_wire!(
    at_most_once_call_learns_that_its_method_ran_and_the_response_is_lost,
    at_least_once_method_runs_again_if_its_response_is_not_stored,
    large_response_that_is_evicted_lets_no_method_run_again,
);

#[rpc_service]
trait Archive {
    #[rpc(at_most_once, timeout = "60s")]
    fn once(&self, cx: &Context, len: usize) -> Vec<u8>;
    #[rpc(at_most_once, timeout = "60s")]
    async fn once_later(&self, cx: &Context, len: usize) -> Vec<u8>;
    #[rpc(at_least_once, timeout = "60s")]
    async fn again_later(&self, cx: &Context, len: usize) -> Vec<u8>;
}

impl Archive for Runs {
    fn once(&self, cx: &Context, len: usize) -> Vec<u8> {
        self.record(cx);
        vec![7; len]
    }
    async fn once_later(&self, cx: &Context, len: usize) -> Vec<u8> {
        sleep(ms(20)).await;
        self.once(cx, len)
    }
    async fn again_later(&self, cx: &Context, len: usize) -> Vec<u8> {
        sleep(ms(20)).await;
        self.once(cx, len)
    }
}

/// A server with this memory for responses, which its caller does not get until they are let
/// through.
async fn deaf_pair(wire: Wire, memory: usize) -> (Pair, ArchiveClient, Runs) {
    let runs = Runs::default();
    let configure = |builder: Builder| builder.response_memory(memory, Duration::from_secs(60));
    let server = configure(Endpoint::builder().serve(ArchiveServer::new(runs.clone())));
    let pair = Pair::over(wire, Network::new(1), server, Endpoint::builder());
    pair.open_link().await;
    pair.set_response_conditions(Conditions::default().loss(1.0));
    let client = pair.client();
    (pair, client, runs)
}

/// Lets the responses through after a method has run. Returns the result of its call.
async fn heal<T>(pair: &Pair, runs: &Runs, call: JoinHandle<Result<T, CallError>>) -> Result<T, CallError> {
    while runs.counts().is_empty() {
        sleep(ms(1)).await;
    }
    pair.set_response_conditions(Conditions::default());
    let begun = Instant::now();
    let result = call.await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    result
}

async fn at_most_once_call_learns_that_its_method_ran_and_the_response_is_lost(wire: Wire) {
    for is_task in [false, true] {
        let (pair, client, runs) = deaf_pair(wire, 1_000).await;
        let refused = pair.server.stats().requests.refused;
        let call =
            tokio::spawn(async move { if is_task { client.once_later(900).await } else { client.once(900).await } });
        let error = heal(&pair, &runs, call).await.unwrap_err();
        assert!(!error.is_retryable() && error.did_run() == DidRun::Yes, "{error}");
        assert!(error.to_string().contains("its response is not stored"), "{error}");
        assert!(matches!(error, CallError::Refused { reason: Refusal::AlreadyRan, .. }), "{error}");
        assert_eq!(runs.counts(), [1]);
        let stats = pair.server.stats();
        assert!(stats.requests.refused > refused && stats.requests.replayed == 0, "{stats:?}");
    }
}

async fn at_least_once_method_runs_again_if_its_response_is_not_stored(wire: Wire) {
    let (pair, client, runs) = deaf_pair(wire, 1_000).await;
    let call = tokio::spawn(async move { client.again_later(900).await });
    assert_eq!(heal(&pair, &runs, call).await.unwrap(), vec![7; 900]);
    assert!(runs.counts()[0] >= 2, "{:?}", runs.counts());
}

async fn large_response_that_is_evicted_lets_no_method_run_again(wire: Wire) {
    let (pair, client, runs) = deaf_pair(wire, 20_000).await;
    // A response of 5,000 bytes, and then others that evict it, while it is lost again and again.
    let calls = [5_000; 8].map(|len| {
        let call = client.once(len);
        tokio::spawn(call)
    });
    while runs.counts().len() < calls.len() {
        sleep(ms(1)).await;
    }
    pair.set_response_conditions(Conditions::default());
    let (mut stored, mut refused) = (0, 0);
    for call in calls {
        match call.await.unwrap() {
            Ok(response) => stored += usize::from(response == [7; 5_000]),
            Err(CallError::Refused { reason: Refusal::AlreadyRan, .. }) => refused += 1,
            Err(error) => panic!("{error}"),
        }
    }
    // Over a link, a large response is repeated by the link, and none is lost.
    assert!(stored + refused == 8 && (refused > 0 || wire != Wire::Plain), "{stored} and {refused}");
    assert_eq!(runs.counts(), [1; 8]);
}
