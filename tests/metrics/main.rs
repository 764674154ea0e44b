//! The metrics that the feature `metrics` publishes to a recorder. Gauges count all endpoints of
//! the process, so these tests have a binary of their own.

#[cfg(feature = "secure")]
mod links;
mod recorder;
#[path = "../support/mod.rs"]
mod support;

use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use metrics::{Unit, set_default_local_recorder};
use rpcudp::contract::{Delivery, Method};
use rpcudp::dynamic::RawArguments;
use rpcudp::sim::{Conditions, Network};
use rpcudp::{Builder, Call, Context, DynamicMethod, DynamicResponse, DynamicService, Endpoint, Peers, rpc_service};
use tokio::time::{advance, sleep};

use self::recorder::TestRecorder;
use self::support::{Pair, bind, ms, paused_runtime, request, send};

#[rpc_service(namespace = "shop.")]
trait Shop {
    fn price(&self, item: &str) -> u64;
    fn buy(&self, cents: u64) -> Result<u64, String>;
    fn broken(&self);
    fn everything(&self) -> Vec<u8>;
    async fn slow(&self, millis: u64) -> u8;
    async fn never(&self);
    #[rpc(oneway)]
    fn hint(&self);
    #[rpc(at_most_once)]
    fn order(&self) -> u8;
    /// Blocks until the test releases it.
    #[rpc(blocking)]
    fn count_stock(&self) -> u8;
    #[rpc(at_least_once)]
    async fn look_up(&self, millis: u64) -> u8;
}

/// A contract that the server does not match: a method that it lacks, and another argument type.
#[rpc_service(namespace = "shop.")]
trait Mismatched {
    fn gone(&self);
    fn price(&self, item: u8) -> u64;
}

/// Whether the method that counts the stock may end.
static IS_STOCK_COUNTED: AtomicBool = AtomicBool::new(false);

struct Shopkeeper;

impl Shop for Shopkeeper {
    fn price(&self, item: &str) -> u64 {
        item.len() as u64
    }
    fn buy(&self, cents: u64) -> Result<u64, String> {
        cents.checked_sub(100).ok_or_else(|| "too little".into())
    }
    fn broken(&self) {
        panic!("an expected panic of the handler")
    }
    fn everything(&self) -> Vec<u8> {
        vec![0; 100_000]
    }
    async fn slow(&self, millis: u64) -> u8 {
        sleep(ms(millis)).await;
        1
    }
    async fn never(&self) {
        pending::<()>().await;
    }
    fn hint(&self) {}
    fn order(&self) -> u8 {
        7
    }
    fn count_stock(&self) -> u8 {
        while !IS_STOCK_COUNTED.load(Ordering::Acquire) {
            thread::sleep(ms(1));
        }
        8
    }
    async fn look_up(&self, millis: u64) -> u8 {
        sleep(ms(millis)).await;
        9
    }
}

/// Binds a server and a caller with 20 ms of latency between them.
fn pair() -> Pair {
    pair_with(|builder| builder)
}

/// Does the same as [`pair`] with settings of the server.
fn pair_with(configure: impl FnOnce(Builder) -> Builder) -> Pair {
    let network = Network::new(1);
    network.set_conditions(Conditions::default().latency(ms(20)));
    let server = configure(Endpoint::builder().serve(ShopServer::new(Shopkeeper)).max_handlers(1));
    Pair::new(network, server, Endpoint::builder())
}

/// Runs one test at a time, in virtual time: gauges count all endpoints of the process.
fn run(test: impl Future<Output = ()>) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    paused_runtime().block_on(test);
}

/// Waits until the endpoints have published their counts, which they do once a second.
async fn published() {
    sleep(ms(1_500)).await;
}

/// Returns the key of a metric of calls: its name and labels.
fn key(name: &str, method: &str, error: Option<&str>) -> String {
    let error = error.map(|error| format!(",error.type={error}")).unwrap_or_default();
    format!("{name}{{rpc.system.name=rpcudp,rpc.method={method}{error}}}")
}

#[test]
fn calls_are_counted_and_timed_by_method_and_outcome() {
    let recorder = TestRecorder::default();
    let _guard = set_default_local_recorder(&recorder);
    run(async {
        let pair = pair();
        let (shop, mismatched): (ShopClient, MismatchedClient) = (pair.client(), pair.client());
        for _ in 0..3 {
            assert_eq!(shop.price("rope").await.unwrap(), 4);
        }
        shop.buy(30).await.unwrap_err();
        shop.broken().await.unwrap_err();
        shop.everything().await.unwrap_err();
        mismatched.gone().await.unwrap_err();
        mismatched.price(1).await.unwrap_err();
        shop.hint().await.unwrap();
        let slow = tokio::spawn(shop.slow(100));
        sleep(ms(50)).await;
        // The limit is one handler, which runs.
        shop.slow(1).await.unwrap_err();
        assert_eq!(slow.await.unwrap().unwrap(), 1);
        tokio::time::timeout(ms(70), shop.never()).await.unwrap_err();
        // The cancel frame arrives.
        sleep(ms(50)).await;
        pair.network.partition([pair.server.local_addr().ip()]);
        shop.price("sail").timeout(ms(300)).await.unwrap_err();
        published().await;
        let expected = [
            ("client", "shop.price", None, &[0.04, 0.04, 0.04][..]),
            ("client", "shop.price", Some("malformed_arguments"), &[0.04]),
            ("client", "shop.price", Some("timeout"), &[0.3]),
            ("client", "shop.buy", Some("application_error"), &[0.04]),
            ("client", "shop.broken", Some("panicked"), &[0.04]),
            ("client", "shop.everything", Some("response_too_large"), &[0.04]),
            ("client", "shop.gone", Some("unknown_method"), &[0.04]),
            ("client", "shop.hint", None, &[0.0]),
            ("client", "shop.slow", None, &[0.14]),
            ("client", "shop.slow", Some("busy"), &[0.04]),
            ("client", "shop.never", Some("cancelled"), &[0.07]),
            ("server", "shop.price", None, &[0.0, 0.0, 0.0]),
            ("server", "shop.price", Some("malformed_arguments"), &[0.0]),
            ("server", "shop.buy", Some("application_error"), &[0.0]),
            ("server", "shop.broken", Some("panicked"), &[0.0]),
            ("server", "shop.everything", Some("response_too_large"), &[0.0]),
            ("server", "_OTHER", Some("unknown_method"), &[0.0]),
            ("server", "shop.hint", None, &[0.0]),
            ("server", "shop.slow", None, &[0.1]),
            ("server", "shop.slow", Some("busy"), &[0.0]),
            // The cancel frame takes as long as the request.
            ("server", "shop.never", Some("cancelled"), &[0.07]),
        ];
        for (side, method, error, seconds) in expected {
            let duration = key(&format!("rpc.{side}.call.duration"), method, error);
            let values = recorder.values(&duration);
            assert_eq!(values.len(), seconds.len(), "{duration}: {values:?}");
            // Virtual time advances by whole milliseconds.
            let close = values.iter().zip(seconds).all(|(value, expected)| (value - expected).abs() < 0.002_5);
            assert!(close, "{duration}: {values:?}");
            let calls = key(&format!("rpcudp.{side}.calls"), method, error);
            assert_eq!(recorder.count(&calls), Some(seconds.len() as u64), "{calls}");
        }
        let calls = recorder.keys().into_iter().filter(|key| key.contains(".call")).count();
        assert_eq!(calls, 2 * expected.len(), "{:?}", recorder.keys());
        assert_eq!(recorder.unit("rpc.client.call.duration"), Some(Unit::Seconds));
        assert_eq!(recorder.unit("rpcudp.server.handling"), Some(Unit::Microseconds));
        for side in ["client", "server"] {
            assert_eq!(recorder.count(&format!("rpcudp.{side}.cancel_frames{{}}")), Some(1), "{side}");
        }
        pair.network.heal();
        let _call = tokio::spawn(shop.never());
        sleep(ms(50)).await;
        pair.server.close(Duration::ZERO).await;
        published().await;
        assert_eq!(recorder.count(&key("rpcudp.server.calls", "shop.never", Some("aborted"))), Some(1));
    });
}

#[cfg(feature = "tower")]
#[test]
fn layers_refuse_with_outcomes_of_their_own() {
    let recorder = TestRecorder::default();
    let _guard = set_default_local_recorder(&recorder);
    run(async {
        let layers = tower::ServiceBuilder::new().timeout(ms(100));
        let pair = pair_with(|builder| builder.layer(layers));
        pair.client::<ShopClient>().slow(1_000).await.unwrap_err();
        pair.client::<ShopClient>().price("rope").await.unwrap();
        let one = tokio::spawn(pair.client::<ShopClient>().slow(50));
        sleep(ms(25)).await;
        pair.client::<ShopClient>().slow(50).await.unwrap_err();
        one.await.unwrap().unwrap();
        published().await;
        for side in ["client", "server"] {
            let name = format!("rpcudp.{side}.calls");
            for (method, error) in
                [("shop.slow", Some("stopped")), ("shop.slow", Some("busy")), ("shop.slow", None), ("shop.price", None)]
            {
                assert_eq!(recorder.count(&key(&name, method, error)), Some(1), "{side} {method} {error:?}");
            }
        }
        let stopped = recorder.values(&key("rpc.server.call.duration", "shop.slow", Some("stopped")));
        assert!((stopped[0] - 0.1).abs() < 0.005, "{stopped:?}");
    });
}

#[test]
fn requests_and_dynamic_methods_create_no_labels() {
    let recorder = TestRecorder::default();
    let _guard = set_default_local_recorder(&recorder);
    run(async {
        let pair = pair();
        let peer = pair.network.bind("10.6.6.6:666").unwrap();
        for number in 0..1_000_u32 {
            let request = request([number as u8; 20], &format!("sesame{number}"), &[]);
            send(&peer, pair.server.local_addr(), &request);
        }
        published().await;
        let unknown = key("rpcudp.server.calls", "_OTHER", Some("unknown_method"));
        let dropped = pair.server.stats().dropped_in_all();
        assert_eq!(recorder.count(&unknown).unwrap() + dropped, 1_000);

        // Names of dynamic methods create no labels either.
        for number in 0..10 {
            let method = DynamicMethod::new(&format!("sesame{number}"));
            let call: Call<u8> = method.call(&pair.caller, pair.server.local_addr(), &[0]);
            call.await.unwrap_err();
        }
        published().await;
        let unknown = key("rpcudp.client.calls", "_OTHER", Some("unknown_method"));
        assert_eq!(recorder.count(&unknown), Some(10));
        let labels: Vec<_> = recorder.keys().into_iter().filter(|key| key.contains("sesame")).collect();
        assert_eq!(labels, [""; 0]);
    });
}

/// A service whose methods are known at run time only.
struct Plugin;

impl DynamicService for Plugin {
    fn name(&self) -> &str {
        "Plugin"
    }

    fn methods(&self) -> Vec<Method> {
        vec![Method::named("plugin.run")]
    }

    fn other_methods(&self) -> Option<Delivery> {
        Some(Delivery::Maybe)
    }

    async fn call(&self, _: &Context, method: &str, _: RawArguments<'_>) -> DynamicResponse {
        if method == "plugin.run" { DynamicResponse::error(&1) } else { DynamicResponse::value(&2) }
    }
}

#[test]
fn methods_of_dynamic_services_have_labels_and_other_names_have_none() {
    let recorder = TestRecorder::default();
    let _guard = set_default_local_recorder(&recorder);
    run(async {
        let pair = pair_with(|builder| builder.serve_dynamic(Plugin));
        for name in ["plugin.run", "other", "another"] {
            let call: Call<u8> = DynamicMethod::new(name).call(&pair.caller, pair.server.local_addr(), &[0]);
            assert_eq!(call.await.is_ok(), name != "plugin.run");
        }
        published().await;
        let run = key("rpcudp.server.calls", "plugin.run", Some("application_error"));
        assert_eq!(recorder.count(&run), Some(1));
        assert_eq!(recorder.count(&key("rpcudp.server.calls", "_OTHER", None)), Some(2));
        let labels = recorder.keys().into_iter().filter(|key| key.contains("other"));
        assert_eq!(labels.collect::<Vec<_>>(), [""; 0]);
    });
}

#[test]
fn gauges_and_counters_add_up_endpoints() {
    let recorder = TestRecorder::default();
    let _guard = set_default_local_recorder(&recorder);
    run(async {
        let (one, other) = (pair(), pair());
        for pair in [&one, &other] {
            let shop: ShopClient = pair.client();
            shop.price("rope").await.unwrap();
            tokio::spawn(shop.never().timeout(Duration::from_secs(100)));
            let peer = pair.network.bind("10.6.6.6:666").unwrap();
            send(&peer, pair.server.local_addr(), b"short");
        }
        published().await;
        assert_eq!(recorder.gauge("rpcudp.client.active_calls{}"), Some(2.0));
        assert_eq!(recorder.gauge("rpcudp.server.active_calls{}"), Some(2.0));
        assert_eq!(recorder.count("rpcudp.datagrams_dropped{reason=too_short}"), Some(2));
        // Of each pair: two requests, one response and a short datagram.
        let received = recorder.count("rpcudp.datagrams{network.io.direction=receive}").unwrap();
        assert_eq!(received, 2 * (2 + 1 + 1));
        assert_eq!(recorder.count("rpcudp.datagrams{network.io.direction=transmit}"), Some(2 * 3));

        one.caller.close(Duration::ZERO).await;
        one.server.close(Duration::ZERO).await;
        published().await;
        assert_eq!(recorder.gauge("rpcudp.client.active_calls{}"), Some(1.0));
        assert_eq!(recorder.gauge("rpcudp.server.active_calls{}"), Some(1.0));
        assert_eq!(recorder.count(&key("rpcudp.client.calls", "shop.never", Some("closed"))), Some(1));
        // The pending call keeps its endpoint open, so close it.
        other.caller.close(Duration::ZERO).await;
        drop(other);
        published().await;
        assert_eq!(recorder.gauge("rpcudp.client.active_calls{}"), Some(0.0));
        assert_eq!(recorder.gauge("rpcudp.server.active_calls{}"), Some(0.0));
    });
}

#[test]
fn retransmissions_and_replays_are_counted() {
    let recorder = TestRecorder::default();
    let _guard = set_default_local_recorder(&recorder);
    run(async {
        let pair = pair();
        // Requests arrive, and responses are lost for a while.
        pair.set_response_conditions(Conditions::default().loss(1.0));
        let order = tokio::spawn(pair.client::<ShopClient>().order());
        sleep(ms(800)).await;
        pair.set_response_conditions(Conditions::default());
        assert_eq!(order.await.unwrap().unwrap(), 7);
        published().await;
        let stats = (pair.caller.stats().calls.retransmitted, pair.server.stats().requests.replayed);
        assert_eq!(stats, (2, 2));
        let published = ["rpcudp.client.resends{}", "rpcudp.server.replays{}"].map(|key| recorder.count(key).unwrap());
        assert_eq!((published[0], published[1]), stats);
        assert_eq!(recorder.count(&key("rpcudp.server.calls", "shop.order", None)), Some(1));
    });
}

#[test]
fn blocking_handlers_are_counted_and_timed() {
    let recorder = TestRecorder::default();
    let _guard = set_default_local_recorder(&recorder);
    run(async {
        let pair = pair();
        let count = tokio::spawn(pair.client::<ShopClient>().count_stock().timeout(Duration::from_secs(100)));
        while pair.server.stats().requests.blocking == 0 {
            advance(ms(1)).await;
        }
        // The runtime's clock stands still by itself while a thread of its pool runs.
        for _ in 0..3 {
            advance(ms(500)).await;
        }
        assert_eq!(recorder.gauge("rpcudp.server.blocking_calls{}"), Some(1.0));
        IS_STOCK_COUNTED.store(true, Ordering::Release);
        assert_eq!(count.await.unwrap().unwrap(), 8);
        published().await;
        assert_eq!(recorder.gauge("rpcudp.server.blocking_calls{}"), Some(0.0));
        assert_eq!(recorder.count(&key("rpcudp.server.calls", "shop.count_stock", None)), Some(1));
        let durations = recorder.values(&key("rpc.server.call.duration", "shop.count_stock", None));
        assert!(durations.len() == 1 && durations[0] >= 1.5, "{durations:?}");
    });
}

#[test]
fn moves_and_hedges_are_counted() {
    let recorder = TestRecorder::default();
    let _guard = set_default_local_recorder(&recorder);
    run(async {
        let pair = pair();
        let other = Endpoint::builder().serve(ShopServer::new(Shopkeeper)).max_handlers(1);
        let other = bind(&pair.network, "10.0.0.3:7000", other);
        let peers = Peers::fixed([pair.server.local_addr(), other.local_addr()]);
        let shop = ShopClient::group(&pair.caller, peers);
        for _ in 0..64 {
            shop.look_up(1).hedged().await.unwrap();
        }
        shop.look_up(1_000).hedged().await.unwrap();
        // The cancel frame frees the handler of the request that lost.
        sleep(ms(100)).await;
        // Each server runs one handler, and refuses further requests, which then move.
        let busy: Vec<_> = (0..2).map(|_| tokio::spawn(shop.look_up(3_000))).collect();
        sleep(ms(100)).await;
        let _ = shop.look_up(1).await;
        for call in busy {
            call.await.unwrap().unwrap();
        }
        published().await;
        let stats = pair.caller.stats().calls;
        assert_eq!(stats.hedged, 1);
        assert!(stats.moved >= 1);
        assert_eq!(recorder.count("rpcudp.client.hedges{}"), Some(stats.hedged));
        assert_eq!(recorder.count("rpcudp.client.moves{}"), Some(stats.moved));
    });
}

#[test]
fn all_calls_are_counted_and_frequent_ones_are_sampled_for_durations() {
    let recorder = TestRecorder::default();
    let _guard = set_default_local_recorder(&recorder);
    run(async {
        let pair = pair();
        let (shop, count): (ShopClient, _) = (pair.client(), 20_000);
        for _ in 0..count {
            shop.hint().await.unwrap();
        }
        published().await;
        let timed = recorder.values(&key("rpc.client.call.duration", "shop.hint", None)).len();
        assert!((1_000..10_000).contains(&timed), "{timed}");
        assert_eq!(recorder.count(&key("rpcudp.client.calls", "shop.hint", None)), Some(count));
        // At a low rate every call is timed again.
        published().await;
        for _ in 0..10 {
            shop.hint().await.unwrap();
        }
        published().await;
        assert_eq!(recorder.values(&key("rpc.client.call.duration", "shop.hint", None)).len(), timed + 10);
    });
}

#[test]
fn recorder_can_be_installed_after_calls() {
    let recorder = TestRecorder::default();
    run(async {
        let pair = pair();
        let shop: ShopClient = pair.client();
        shop.price("rope").await.unwrap();
        let pending = tokio::spawn(shop.never().timeout(Duration::from_secs(100)));
        published().await;
        let _guard = set_default_local_recorder(&recorder);
        shop.price("sail").await.unwrap();
        published().await;
        let price = |name| key(name, "shop.price", None);
        assert_eq!(recorder.count(&price("rpcudp.client.calls")), Some(1));
        assert_eq!(recorder.values(&price("rpc.server.call.duration")).len(), 1);
        assert_eq!(recorder.gauge("rpcudp.client.active_calls{}"), Some(1.0));
        assert_eq!(recorder.unit("rpc.server.call.duration"), Some(Unit::Seconds));
        pending.abort();
        published().await;
        assert_eq!(recorder.gauge("rpcudp.client.active_calls{}"), Some(0.0));
    });
}
