//! Layers that limit concurrency, time and rate.

use rpcudp::{Endpoint, Refusal};
use tokio::time::{Instant, sleep};
use tower::ServiceBuilder;
use tower::limit::ConcurrencyLimitLayer;
use tower::load_shed::LoadShedLayer;
use tower::timeout::TimeoutLayer;

use crate::support::{ms, refusal};
use crate::{Runs, WorksClient, WorksServer, install_subscriber, pair};

#[tokio::test(start_paused = true)]
async fn concurrency_limit_refuses_requests_over_it() {
    let (_pair, works, runs) = pair(|builder| builder.layer(ConcurrencyLimitLayer::new(2)));
    for round in 1..=3 {
        let running = [(); 2].map(|()| tokio::spawn(works.slow("a", 100)));
        sleep(ms(10)).await;
        let (reason, _) = refusal(works.slow("b", 1).await);
        assert_eq!(reason, Refusal::Busy);
        // The limit counts sync methods too.
        assert_eq!(refusal(works.add("", b"").await).0, Refusal::Busy);
        for running in running {
            assert_eq!(running.await.unwrap().unwrap(), "A");
        }
        assert_eq!(runs.of("slow"), [2 * round; 2]);
        assert_eq!(works.add("four", b"five5").await.unwrap(), 9);
    }
}

#[tokio::test(start_paused = true)]
async fn load_shed_refuses_requests_over_the_limit() {
    let layers = || ServiceBuilder::new().layer(LoadShedLayer::new()).layer(ConcurrencyLimitLayer::new(1));
    let (pair, works, runs) = pair(|builder| builder.layer(layers()));
    let running = tokio::spawn(works.slow("a", 100));
    sleep(ms(10)).await;
    let (reason, message) = refusal(works.slow("b", 1).await);
    assert_eq!((reason, &*message), (Refusal::Busy, "slow"));
    assert_eq!(running.await.unwrap().unwrap(), "A");
    assert_eq!(works.slow("c", 1).await.unwrap(), "C");
    assert_eq!(runs.of("slow"), [2; 2]);
    let requests = pair.server.stats().requests;
    assert_eq!((requests.received, requests.completed, requests.refused), (3, 2, 1));
}

#[tokio::test(start_paused = true)]
async fn timeout_layer_stops_slow_handlers() {
    let (pair, works, runs) = pair(|builder| builder.layer(TimeoutLayer::new(ms(100))));
    let start = Instant::now();
    let (reason, message) = refusal(works.slow("a", 3_000).await);
    assert_eq!((reason, &*message), (Refusal::Stopped, "slow"));
    assert!((ms(100)..ms(120)).contains(&start.elapsed()), "{:?}", start.elapsed());
    assert_eq!(works.slow("b", 50).await.unwrap(), "B");
    sleep(ms(5_000)).await;
    assert_eq!(runs.of("slow"), [2, 1]);
    assert_eq!(pair.server.stats().requests.running, 0);
}

#[tokio::test(start_paused = true)]
async fn rate_limit_refuses_requests_over_it() {
    let layers = ServiceBuilder::new().rate_limit(3, ms(1_000));
    let (_pair, works, runs) = pair(|builder| builder.layer(layers));
    for round in 1..=3 {
        let mut ended = Vec::new();
        for _ in 0..5 {
            ended.push(works.add("", b"").await);
        }
        let refused: Vec<_> = ended.into_iter().filter(Result::is_err).map(refusal).collect();
        assert_eq!(refused, [(); 2].map(|()| (Refusal::Busy, "add".into())));
        assert_eq!(runs.of("add")[0], 3 * round);
        sleep(ms(1_100)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn limit_of_the_endpoint_applies_too() {
    let (pair, works, _) = pair(|builder| builder.max_handlers(1).layer(ConcurrencyLimitLayer::new(10)));
    let running = tokio::spawn(works.slow("a", 100));
    sleep(ms(10)).await;
    assert_eq!(refusal(works.add("", b"").await).0, Refusal::Busy);
    assert_eq!(pair.server.stats().requests.running, 1);
    assert_eq!(running.await.unwrap().unwrap(), "A");
    assert_eq!(works.add("", b"").await.unwrap(), 0);
}

/// On loopback, because the kernel chooses the socket of an endpoint that gets the requests of a
/// peer.
#[tokio::test]
#[cfg(target_os = "linux")]
async fn sockets_of_an_endpoint_share_a_limit() {
    install_subscriber();
    let runs = Runs::default();
    let server = Endpoint::builder().serve(WorksServer::new(runs.clone())).layer(ConcurrencyLimitLayer::new(1));
    let server = server.sockets(2).bind("127.0.0.1:0").await.unwrap();
    let mut callers = Vec::new();
    for _ in 0..16 {
        callers.push(Endpoint::bind("127.0.0.1:0").await.unwrap());
    }
    let works = |caller: &Endpoint| WorksClient::new(caller, server.local_addr());
    let running = tokio::spawn(works(&callers[0]).slow("a", 60_000).timeout(ms(60_000)));
    while runs.of("slow") != [1, 0] {
        sleep(ms(1)).await;
    }
    for caller in &callers {
        assert_eq!(refusal(works(caller).add("", b"").await).0, Refusal::Busy);
    }
    running.abort();
}
