//! Delivery, deadlines and closing of an endpoint with layers.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use rpcudp::sim::Conditions;
use rpcudp::tower::{BoxError, Request, Response};
use rpcudp::{CallError, DropReason, Refusal};
use tokio::time::{sleep, timeout};
use tower::layer::layer_fn;
use tower::limit::ConcurrencyLimitLayer;
use tower::timeout::TimeoutLayer;
use tower::{Service, ServiceBuilder};

use crate::pair;
use crate::support::{Pair, ms, refusal};

/// A service that delays each request by 300 ms.
struct Delay<S>(S);

impl<S> Service<Request> for Delay<S>
where
    S: Service<Request, Response = Response, Error = BoxError, Future: Send + 'static>,
{
    type Response = Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let responding = self.0.call(request);
        Box::pin(async move {
            sleep(ms(300)).await;
            responding.await
        })
    }
}

/// Loses responses for a while, so that requests are retransmitted.
async fn lose_responses(pair: &Pair, millis: u64) {
    pair.set_response_conditions(Conditions::default().loss(1.0));
    sleep(ms(millis)).await;
    pair.set_response_conditions(Conditions::default());
}

#[tokio::test(start_paused = true)]
async fn at_most_once_request_that_was_shed_never_runs() {
    for shed in [false, true] {
        let layers = ServiceBuilder::new();
        let (pair, works, runs) = pair(|builder| match shed {
            true => builder.layer(layers.load_shed().concurrency_limit(1)),
            false => builder.layer(ConcurrencyLimitLayer::new(1)),
        });
        let first = tokio::spawn(works.slow("a", 500));
        sleep(ms(10)).await;
        // The refusal is lost. The server could run a duplicate, but the refusal might only be
        // late, so the duplicate must be refused too.
        let second = tokio::spawn(works.once());
        lose_responses(&pair, 450).await;
        assert_eq!(first.await.unwrap().unwrap(), "A");
        assert_eq!(refusal(second.await.unwrap()).0, Refusal::Busy);
        assert_eq!(runs.of("once"), [0, 0]);
        let requests = pair.server.stats().requests;
        assert!(requests.replayed >= 1, "{requests:?}");
        assert_eq!(requests.refused, 1);
        assert_eq!(works.once().await.unwrap(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn at_most_once_request_that_was_stopped_does_not_run_again() {
    let (pair, works, runs) = pair(|builder| builder.layer(TimeoutLayer::new(ms(100))));
    let call = tokio::spawn(works.once_slowly(3_000));
    lose_responses(&pair, 1_000).await;
    assert_eq!(refusal(call.await.unwrap()).0, Refusal::Stopped);
    assert_eq!(runs.of("once_slowly"), [1, 0]);
    assert!(pair.server.stats().requests.replayed >= 1);
}

#[tokio::test(start_paused = true)]
async fn at_most_once_request_runs_once_for_all_duplicates() {
    let (pair, works, runs) = pair(|builder| builder.layer(ConcurrencyLimitLayer::new(100)));
    let sync = tokio::spawn(works.once());
    let slow = tokio::spawn(works.once_slowly(700));
    lose_responses(&pair, 1_000).await;
    assert_eq!((sync.await.unwrap().unwrap(), slow.await.unwrap().unwrap()), (1, 1));
    assert_eq!((runs.of("once"), runs.of("once_slowly")), ([1, 0], [1, 1]));
    // Duplicates of the slow request arrived while it ran.
    assert!(pair.server.stats().dropped(DropReason::DuplicateRequest) >= 1);
}

#[tokio::test(start_paused = true)]
async fn expired_request_does_not_run() {
    let (pair, works, runs) = pair(|builder| builder.layer(layer_fn(Delay)));
    assert!(works.add("", b"").timeout(ms(200)).await.unwrap_err().is_timeout());
    assert!(works.once().timeout(ms(200)).await.unwrap_err().is_timeout());
    sleep(ms(1_000)).await;
    assert_eq!((runs.of("add"), runs.of("once")), ([0, 0], [0, 0]));
    assert_eq!(pair.server.stats().dropped(DropReason::Expired), 2);
    assert_eq!(works.add("", b"").timeout(ms(400)).await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn cancelled_request_is_dropped_with_its_layers_if_its_delivery_allows_it() {
    let (pair, works, runs) = pair(|builder| builder.layer(ConcurrencyLimitLayer::new(2)));
    timeout(ms(100), works.slow("a", 1_000)).await.unwrap_err();
    timeout(ms(100), works.once_slowly(1_000)).await.unwrap_err();
    sleep(ms(10)).await;
    let requests = pair.server.stats().requests;
    assert_eq!((requests.running, requests.cancelled, requests.cancels_received), (1, 1, 2));
    assert_eq!(works.slow("b", 0).await.unwrap(), "B", "the layer has room");
    sleep(ms(1_000)).await;
    assert_eq!((runs.of("slow"), runs.of("once_slowly")), ([2, 1], [1, 1]));
}

#[tokio::test(start_paused = true)]
async fn closing_waits_for_running_handlers_and_then_aborts_them() {
    for (grace, ends) in [(1_000, true), (50, false)] {
        let (pair, works, runs) = pair(|builder| builder.layer(ConcurrencyLimitLayer::new(5)));
        let running = tokio::spawn(works.slow("a", 200));
        sleep(ms(10)).await;
        let closing = pair.server.close(ms(grace));
        assert_eq!(refusal(works.add("", b"").await).0, Refusal::Closing);
        closing.await;
        match running.await.unwrap() {
            Ok(text) => assert_eq!((text.as_str(), ends), ("A", true)),
            Err(CallError::Timeout { .. }) => assert!(!ends),
            Err(other) => panic!("{other}"),
        }
        assert_eq!(runs.of("slow"), [1, u64::from(ends)]);
    }
}

#[tokio::test(start_paused = true)]
async fn full_or_closing_endpoint_does_not_refuse_duplicates_of_running_requests() {
    let (pair, works, runs) = pair(|builder| builder.layer(ConcurrencyLimitLayer::new(1)));
    let slow = tokio::spawn(works.once_slowly(1_500));
    sleep(ms(10)).await;
    let refused = works.once_slowly(1).await;
    assert_eq!(refusal(refused).0, Refusal::Busy);
    sleep(ms(300)).await;
    let closed = pair.server.close(ms(3_000));
    assert_eq!(slow.await.unwrap().unwrap(), 1, "the first run");
    closed.await;
    assert_eq!(runs.of("once_slowly"), [1, 1]);
    let requests = pair.server.stats().requests;
    assert!(requests.running_sent >= 1 && requests.refused == 1, "{requests:?}");
}
