//! A panic in the QUIC implementation. A subscriber of `tracing` makes it: QUIC asks it about each
//! of its spans and events.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use rpcudp::sim::{Conditions, Network};
use rpcudp::{CallError, DidRun, Endpoint, LinkEnd, Plain, rpc_service};
use tokio::time::sleep;
use tracing::field::{Field, Visit};
use tracing::subscriber::{DefaultGuard, Interest};
use tracing::{Dispatch, Event, Level, Metadata, Subscriber, span};

use crate::fixture::{Runs, VaultClient, builder, peer};
use crate::support::{CALLER, SERVER, ms, seeds};

/// A subscriber that panics once after it is armed, inside QUIC, and records errors.
#[derive(Clone, Default)]
struct Trap(Arc<State>);

#[derive(Default)]
struct State {
    is_armed: AtomicBool,
    panics: AtomicU64,
    errors: Mutex<Vec<String>>,
}

impl Trap {
    /// Sets the trap on this thread.
    fn set(&self) -> DefaultGuard {
        // With one dispatcher alone, `tracing` would ask the threads of other tests, which have
        // none, whether an event is of interest.
        static SECOND: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(Set(Arc::default())));
        LazyLock::force(&SECOND);
        tracing::subscriber::set_default(Set(Arc::clone(&self.0)))
    }
}

struct Set(Arc<State>);

impl Subscriber for Set {
    /// Asks `enabled` each time.
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        if metadata.target().starts_with("quinn_proto") && self.0.is_armed.swap(false, Ordering::Relaxed) {
            self.0.panics.fetch_add(1, Ordering::Relaxed);
            panic!("a test wants this panic in {}", metadata.target());
        }
        metadata.target() == "rpcudp" && *metadata.level() == Level::ERROR
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        self.0.errors.lock().unwrap().push(text.0);
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0 += &format!("{}={value:?} ", field.name());
    }
}

#[rpc_service]
trait Arm {
    /// Arms the trap, so that the response is the first to meet it.
    fn arm(&self);
}

impl Arm for Trap {
    fn arm(&self) {
        self.0.is_armed.store(true, Ordering::Relaxed);
    }
}

struct Two {
    trap: Trap,
    network: Network,
    server: Endpoint,
    caller: Endpoint,
    runs: Runs,
}

impl Two {
    fn new(seed: u64) -> Self {
        println!("seed {seed}");
        let (trap, runs, network) = (Trap::default(), Runs::default(), Network::new(seed));
        let bind = |number, addr, runs| {
            let builder = builder(number, runs).plain(Plain::On).serve(ArmServer::new(trap.clone()));
            builder.bind_transport(network.bind(addr).unwrap()).unwrap()
        };
        let (server, caller) = (bind(1, SERVER, &runs), bind(2, CALLER, &Runs::default()));
        Self { trap, network, server, caller, runs }
    }

    fn vault(&self) -> VaultClient {
        VaultClient::secure(&self.caller, self.server.local_addr(), peer(1))
    }

    fn panics(&self) -> u64 {
        self.trap.0.panics.load(Ordering::Relaxed)
    }
}

fn is_lost<T: std::fmt::Debug>(result: &Result<T, CallError>) -> bool {
    matches!(result, Err(CallError::Link { reason: LinkEnd::Lost, .. }))
}

#[tokio::test(start_paused = true)]
async fn panic_at_the_caller_ends_its_links_and_no_plain_call() {
    let two = Two::new(1);
    let _set = two.trap.set();
    let (vault, plain) = (two.vault(), VaultClient::new(&two.caller, two.server.local_addr()));
    vault.echo(Vec::new()).await.unwrap();
    let (linked, in_the_clear) = (tokio::spawn(vault.slow(1, 1_000)), tokio::spawn(plain.slow(2, 1_000)));
    let once = tokio::spawn(vault.once_slowly(3, 1_000));
    sleep(ms(100)).await;
    two.trap.arm();
    let error = vault.echo(vec![7; 100]).await;
    assert!(is_lost(&error), "{error:?}");
    let linked = linked.await.unwrap();
    assert!(is_lost(&linked), "{linked:?}");
    assert_eq!(linked.unwrap_err().did_run(), DidRun::Maybe);
    assert_eq!((in_the_clear.await.unwrap().unwrap(), once.await.unwrap().unwrap()), (2, 3));
    assert_eq!([1, 2, 3].map(|number| two.runs.begun(number)), [1, 1, 1]);
    assert_eq!(vault.echo(vec![7; 100]).await.unwrap(), vec![7; 100], "over a new link");
    assert_eq!((two.caller.link_stats().panics, two.server.link_stats().panics, two.panics()), (1, 0, 1));
    let errors = two.trap.0.errors.lock().unwrap().clone();
    let [error] = &errors[..] else { panic!("{errors:?}") };
    assert!(error.contains("the QUIC implementation panicked: all links have ended"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn panic_at_the_server_ends_its_links_and_no_plain_call() {
    let two = Two::new(1);
    let _set = two.trap.set();
    let (vault, plain) = (two.vault(), VaultClient::new(&two.caller, two.server.local_addr()));
    vault.echo(Vec::new()).await.unwrap();
    let (in_the_clear, once) = (tokio::spawn(plain.slow(1, 1_000)), tokio::spawn(vault.once_slowly(2, 1_000)));
    sleep(ms(100)).await;
    // The caller's QUIC looks for the response, and is told that the server has lost the link.
    let armed = ArmClient::secure(&two.caller, two.server.local_addr(), peer(1)).arm().await;
    assert!(is_lost(&armed), "{armed:?}");
    assert_eq!((in_the_clear.await.unwrap().unwrap(), once.await.unwrap().unwrap()), (1, 2));
    assert_eq!([1, 2].map(|number| two.runs.begun(number)), [1, 1]);
    assert_eq!((two.caller.link_stats().panics, two.server.link_stats().panics, two.panics()), (0, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn delivery_promises_hold_through_panics_on_lossy_paths() {
    for seed in seeds(5) {
        let two = Two::new(seed);
        let _set = two.trap.set();
        two.network.set_conditions(Conditions::default().latency(ms(20)).loss(0.05));
        let plain = VaultClient::new(&two.caller, two.server.local_addr());
        let mut calls = tokio::task::JoinSet::new();
        for number in 0..200_u64 {
            calls.spawn(two.vault().once(number, vec![7; number as usize * 20]));
            calls.spawn(plain.repeat(1_000 + number));
            if number % 20 == 10 {
                two.trap.arm();
            }
            sleep(ms(50)).await;
        }
        while let Some(result) = calls.join_next().await {
            result.unwrap().unwrap();
        }
        assert!((0..200).all(|number| two.runs.begun(number) == 1), "at most once");
        let counted = two.caller.link_stats().panics + two.server.link_stats().panics;
        assert_eq!((counted, two.panics()), (10, 10));
        sleep(Duration::from_secs(60)).await;
        assert_eq!((two.caller.link_stats().up, two.server.link_stats().up), (0, 0));
    }
}
