//! What the feature `metrics` tells a recorder.

mod recorder;
#[path = "../support/mod.rs"]
mod support;

use std::future::pending;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use metrics::{Unit, set_default_local_recorder};
use rpcudp::sim::{Conditions, Network};
use rpcudp::{Builder, Call, DynamicMethod, Endpoint, rpc_service};
use tokio::time::sleep;

use self::recorder::Notes;
use self::support::{Pair, ms, paused_runtime, request, send};

#[rpc_service(namespace = "shop.")]
trait Shop {
    fn price(&self, of: &str) -> u64;
    fn buy(&self, cents: u64) -> Result<u64, String>;
    fn broken(&self);
    fn everything(&self) -> Vec<u8>;
    async fn slow(&self, millis: u64) -> u8;
    async fn never(&self);
    #[rpc(oneway)]
    fn hint(&self);
    #[rpc(at_most_once)]
    fn order(&self) -> u8;
}

/// What nobody serves.
#[rpc_service(namespace = "shop.")]
trait Closed {
    fn gone(&self);
    fn price(&self, of: u8) -> u64;
}

struct Counter;

impl Shop for Counter {
    fn price(&self, of: &str) -> u64 {
        of.len() as u64
    }
    fn buy(&self, cents: u64) -> Result<u64, String> {
        cents.checked_sub(100).ok_or_else(|| "too little".into())
    }
    fn broken(&self) {
        panic!("told by the panic hook")
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
}

/// A server and its caller, 20 ms from each other.
fn pair() -> Pair {
    pair_with(|builder| builder)
}

fn pair_with(configure: impl FnOnce(Builder) -> Builder) -> Pair {
    let network = Network::new(1);
    network.set_conditions(Conditions::default().latency(ms(20)));
    let server = configure(Endpoint::builder().serve(ShopServer::new(Counter)).max_handlers(1));
    Pair::new(network, server, Endpoint::builder())
}

/// Runs a test in virtual time, one after the other: what is measured is the whole process's.
fn run(test: impl Future<Output = ()>) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _others = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    paused_runtime().block_on(test);
}

/// Until everything has been told.
async fn told() {
    sleep(ms(1_500)).await;
}

fn key(name: &str, method: &str, error: Option<&str>) -> String {
    let error = error.map(|error| format!(",error.type={error}")).unwrap_or_default();
    format!("{name}{{rpc.system.name=rpcudp,rpc.method={method}{error}}}")
}

#[test]
fn calls_are_counted_and_timed_by_method_and_outcome() {
    let notes = Notes::default();
    let _recorder = set_default_local_recorder(&notes);
    run(async {
        let pair = pair();
        let (shop, closed): (ShopClient, ClosedClient) = (pair.client(), pair.client());
        for _ in 0..3 {
            assert_eq!(shop.price("rope").await.unwrap(), 4);
        }
        shop.buy(30).await.unwrap_err();
        shop.broken().await.unwrap_err();
        shop.everything().await.unwrap_err();
        closed.gone().await.unwrap_err();
        closed.price(1).await.unwrap_err();
        shop.hint().await.unwrap();
        let slow = tokio::spawn(shop.slow(100));
        sleep(ms(50)).await;
        // One handler may run, and does.
        shop.slow(1).await.unwrap_err();
        assert_eq!(slow.await.unwrap().unwrap(), 1);
        tokio::time::timeout(ms(70), shop.never()).await.unwrap_err();
        pair.network.partition([pair.server.local_addr().ip()]);
        shop.price("sail").timeout(ms(300)).await.unwrap_err();
        told().await;
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
        ];
        for (side, method, error, seconds) in expected {
            let duration = key(&format!("rpc.{side}.call.duration"), method, error);
            let values = notes.values(&duration);
            assert_eq!(values.len(), seconds.len(), "{duration}: {values:?}");
            // Virtual time goes in milliseconds.
            let close = values.iter().zip(seconds).all(|(value, expected)| (value - expected).abs() < 0.002_5);
            assert!(close, "{duration}: {values:?}");
            let calls = key(&format!("rpcudp.{side}.calls"), method, error);
            assert_eq!(notes.count(&calls), Some(seconds.len() as u64), "{calls}");
        }
        let calls = notes.keys().into_iter().filter(|key| key.contains(".call")).count();
        assert_eq!(calls, 2 * expected.len(), "{:?}", notes.keys());
        assert_eq!(notes.unit("rpc.client.call.duration"), Some(Unit::Seconds));
        assert_eq!(notes.unit("rpcudp.server.handling"), Some(Unit::Microseconds));
        pair.server.close(Duration::ZERO).await;
        told().await;
        assert_eq!(notes.count(&key("rpcudp.server.calls", "shop.never", Some("aborted"))), Some(1));
    });
}

#[cfg(feature = "tower")]
#[test]
fn layers_refuse_under_names_of_their_own() {
    let notes = Notes::default();
    let _recorder = set_default_local_recorder(&notes);
    run(async {
        let layers = tower::ServiceBuilder::new().timeout(ms(100));
        let pair = pair_with(|builder| builder.layer(layers));
        pair.client::<ShopClient>().slow(1_000).await.unwrap_err();
        pair.client::<ShopClient>().price("rope").await.unwrap();
        let one = tokio::spawn(pair.client::<ShopClient>().slow(50));
        sleep(ms(25)).await;
        pair.client::<ShopClient>().slow(50).await.unwrap_err();
        one.await.unwrap().unwrap();
        told().await;
        for side in ["client", "server"] {
            let name = format!("rpcudp.{side}.calls");
            for (method, error) in
                [("shop.slow", Some("stopped")), ("shop.slow", Some("busy")), ("shop.slow", None), ("shop.price", None)]
            {
                assert_eq!(notes.count(&key(&name, method, error)), Some(1), "{side} {method} {error:?}");
            }
        }
        let stopped = notes.values(&key("rpc.server.call.duration", "shop.slow", Some("stopped")));
        assert!((stopped[0] - 0.1).abs() < 0.005, "{stopped:?}");
    });
}

#[test]
fn no_stranger_makes_a_label() {
    let notes = Notes::default();
    let _recorder = set_default_local_recorder(&notes);
    run(async {
        let pair = pair();
        let stranger = pair.network.bind("10.6.6.6:666").unwrap();
        for number in 0..1_000_u32 {
            let request = request([number as u8; 20], &format!("sesame{number}"), &[]);
            send(&stranger, pair.server.local_addr(), &request);
        }
        told().await;
        let unknown = key("rpcudp.server.calls", "_OTHER", Some("unknown_method"));
        let dropped = pair.server.stats().dropped_in_all();
        assert_eq!(notes.count(&unknown).unwrap() + dropped, 1_000);

        // Nor does what a person types.
        for number in 0..10 {
            let method = DynamicMethod::new(&format!("sesame{number}"));
            let call: Call<u8> = method.call(&pair.caller, pair.server.local_addr(), &[0]);
            call.await.unwrap_err();
        }
        told().await;
        let unknown = key("rpcudp.client.calls", "_OTHER", Some("unknown_method"));
        assert_eq!(notes.count(&unknown), Some(10));
        let strange: Vec<_> = notes.keys().into_iter().filter(|key| key.contains("sesame")).collect();
        assert_eq!(strange, [""; 0]);
    });
}

#[test]
fn endpoints_are_counted_together() {
    let notes = Notes::default();
    let _recorder = set_default_local_recorder(&notes);
    run(async {
        let (one, other) = (pair(), pair());
        for pair in [&one, &other] {
            let shop: ShopClient = pair.client();
            shop.price("rope").await.unwrap();
            tokio::spawn(shop.never().timeout(Duration::from_secs(100)));
            let stranger = pair.network.bind("10.6.6.6:666").unwrap();
            send(&stranger, pair.server.local_addr(), b"short");
        }
        told().await;
        assert_eq!(notes.level("rpcudp.client.active_calls{}"), Some(2.0));
        assert_eq!(notes.level("rpcudp.server.active_calls{}"), Some(2.0));
        assert_eq!(notes.count("rpcudp.datagrams_dropped{reason=too_short}"), Some(2));
        // Two requests each, and what is too short.
        let received = notes.count("rpcudp.datagrams{network.io.direction=receive}").unwrap();
        assert_eq!(received, 2 * (2 + 1 + 1));
        assert_eq!(notes.count("rpcudp.datagrams{network.io.direction=transmit}"), Some(2 * 3));

        one.caller.close(Duration::ZERO).await;
        one.server.close(Duration::ZERO).await;
        told().await;
        assert_eq!(notes.level("rpcudp.client.active_calls{}"), Some(1.0));
        assert_eq!(notes.level("rpcudp.server.active_calls{}"), Some(1.0));
        assert_eq!(notes.count(&key("rpcudp.client.calls", "shop.never", Some("closed"))), Some(1));
        // A call holds its endpoint: that one is closed.
        other.caller.close(Duration::ZERO).await;
        drop(other);
        told().await;
        assert_eq!(notes.level("rpcudp.client.active_calls{}"), Some(0.0));
        assert_eq!(notes.level("rpcudp.server.active_calls{}"), Some(0.0));
    });
}

#[test]
fn what_is_sent_again_and_answered_from_memory_is_counted() {
    let notes = Notes::default();
    let _recorder = set_default_local_recorder(&notes);
    run(async {
        let pair = pair();
        // Requests arrive and answers do not, for a while.
        pair.set_response_conditions(Conditions::default().loss(1.0));
        let order = tokio::spawn(pair.client::<ShopClient>().order());
        sleep(ms(400)).await;
        pair.set_response_conditions(Conditions::default());
        assert_eq!(order.await.unwrap().unwrap(), 7);
        told().await;
        let stats = (pair.caller.stats().calls.retransmitted, pair.server.stats().requests.replayed);
        assert_eq!(stats, (2, 2));
        let told = ["rpcudp.client.resends{}", "rpcudp.server.replays{}"].map(|key| notes.count(key).unwrap());
        assert_eq!((told[0], told[1]), stats);
        assert_eq!(notes.count(&key("rpcudp.server.calls", "shop.order", None)), Some(1));
    });
}

#[test]
fn every_call_is_counted_where_not_every_one_is_timed() {
    let notes = Notes::default();
    let _recorder = set_default_local_recorder(&notes);
    run(async {
        let pair = pair();
        let (shop, count): (ShopClient, _) = (pair.client(), 20_000);
        for _ in 0..count {
            shop.hint().await.unwrap();
        }
        told().await;
        let timed = notes.values(&key("rpc.client.call.duration", "shop.hint", None)).len();
        assert!((1_000..10_000).contains(&timed), "{timed}");
        assert_eq!(notes.count(&key("rpcudp.client.calls", "shop.hint", None)), Some(count));
        // Where they come slowly again, each is.
        told().await;
        for _ in 0..10 {
            shop.hint().await.unwrap();
        }
        told().await;
        assert_eq!(notes.values(&key("rpc.client.call.duration", "shop.hint", None)).len(), timed + 10);
    });
}

#[test]
fn a_recorder_may_come_late() {
    let notes = Notes::default();
    run(async {
        let pair = pair();
        let shop: ShopClient = pair.client();
        shop.price("rope").await.unwrap();
        let waits = tokio::spawn(shop.never().timeout(Duration::from_secs(100)));
        told().await;
        let _recorder = set_default_local_recorder(&notes);
        shop.price("sail").await.unwrap();
        told().await;
        let answered = |name| key(name, "shop.price", None);
        assert_eq!(notes.count(&answered("rpcudp.client.calls")), Some(1));
        assert_eq!(notes.values(&answered("rpc.server.call.duration")).len(), 1);
        assert_eq!(notes.level("rpcudp.client.active_calls{}"), Some(1.0));
        assert_eq!(notes.unit("rpc.server.call.duration"), Some(Unit::Seconds));
        waits.abort();
        told().await;
        assert_eq!(notes.level("rpcudp.client.active_calls{}"), Some(0.0));
    });
}
