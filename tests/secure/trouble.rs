//! Calls over links, while everything goes wrong that the simulated network has, in a random order.

use std::future::IntoFuture;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rpcudp::sim::{Conditions, Nat, Network};
use rpcudp::{AnyPeer, CallError, DidRun, Endpoint};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::fixture::{Runs, VaultClient, bind, builder, peer};
use crate::support::{CALLER, SERVER, ms, seeds};

const SEED_COUNT: u64 = 20;

/// Long enough for all that goes wrong meanwhile.
const TIMEOUT: Duration = Duration::from_secs(600);

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn serve(network: &Network, runs: &Runs) -> Endpoint {
    // Longer than a partition: a duplicate of a forgotten request would run.
    let builder = builder(1, runs).response_memory(64 << 20, Duration::from_secs(24 * 60 * 60));
    bind(network, SERVER, builder)
}

struct World {
    rng: StdRng,
    network: Network,
    nat: Nat,
    caller: Endpoint,
    server: Endpoint,
    /// The runs at the server, and at each server before it.
    runs: Vec<Runs>,
    paused: Option<SocketAddr>,
    calls: JoinSet<()>,
    outcomes: Arc<Mutex<Outcomes>>,
    call_count: u64,
}

#[derive(Debug, Default)]
struct Outcomes {
    succeeded: Vec<u64>,
    did_not_run: Vec<u64>,
    unknown: Vec<u64>,
}

/// The kinds of calls. The number of a call says its kind.
const REPEATED: u64 = 0;
const ONCE: u64 = 1;
const ONCE_LARGE: u64 = 2;
const ONCE_SLOW: u64 = 3;
const SENT_ONCE: u64 = 4;
const SENT_ONCE_LARGE: u64 = 5;
const DROPPED: u64 = 6;
const KIND_COUNT: u64 = 7;

impl World {
    const STEP_COUNT: usize = 60;

    fn new(seed: u64) -> Self {
        println!("seed {seed}");
        let network = Network::new(seed);
        let nat = network.nat([198, 51, 100, 1].into(), [addr(CALLER).ip()], Duration::from_secs(20));
        let runs = vec![Runs::default()];
        let server = serve(&network, &runs[0]);
        let caller = bind(&network, CALLER, builder(2, &Runs::default()));
        let (calls, outcomes) = (JoinSet::new(), Arc::default());
        let rng = StdRng::seed_from_u64(!seed);
        Self { rng, network, nat, caller, server, runs, paused: None, calls, outcomes, call_count: 0 }
    }

    async fn step(&mut self) {
        match self.rng.random_range(0..100) {
            0..60 => (0..4).for_each(|_| self.call()),
            60..74 => {
                let conditions = self.conditions();
                self.network.set_conditions(conditions);
            }
            74..80 => self.nat.rebind(),
            80..82 => self.nat.rebind_to(IpAddr::from([198, 51, 100, self.rng.random_range(2..250)])),
            82..88 => self.pause_or_resume(),
            88..94 => self.partition().await,
            _ => self.restart().await,
        }
        let pause = self.rng.random_range(1..400);
        sleep(ms(pause)).await;
    }

    fn call(&mut self) {
        let number = self.call_count;
        self.call_count += 1;
        let server = addr(SERVER);
        let vault = match self.rng.random_bool(0.2) {
            true => VaultClient::secure(&self.caller, server, AnyPeer),
            false => VaultClient::secure(&self.caller, server, peer(1)),
        };
        let is_retransmitted = number % KIND_COUNT < SENT_ONCE;
        // A link stays up while a call over it is in flight, so one that is lost ends at its
        // timeout.
        let vault = vault.with_timeout(if is_retransmitted { TIMEOUT } else { TIMEOUT / 3 });
        let (outcomes, len) = (Arc::clone(&self.outcomes), self.rng.random_range(1_000..30_000));
        let millis = self.rng.random_range(0..3_000);
        let call = match number % KIND_COUNT {
            REPEATED => vault.repeat(number).without_delivery(),
            ONCE => vault.once(number, Vec::new()).without_delivery(),
            ONCE_LARGE => vault.once(number, vec![7; len]).without_delivery(),
            ONCE_SLOW => vault.once_slowly(number, millis).without_delivery(),
            SENT_ONCE | DROPPED => vault.slow(number, millis),
            SENT_ONCE_LARGE => {
                let call = vault.padded(number, millis / 10, len);
                self.calls.spawn(async move {
                    let ended = call.await.map(|bytes| assert_eq!(bytes.len(), len));
                    outcomes.lock().unwrap().record(number, ended.map(|()| number), false);
                });
                return;
            }
            _ => unreachable!("there are no more kinds"),
        };
        let is_dropped = number % KIND_COUNT == DROPPED;
        self.calls.spawn(async move {
            if is_dropped {
                let _ = tokio::time::timeout(ms(millis / 2), call.into_future()).await;
                return;
            }
            let ended = call.await;
            outcomes.lock().unwrap().record(number, ended, is_retransmitted);
        });
    }

    fn conditions(&mut self) -> Conditions {
        let rng = &mut self.rng;
        let base = Conditions::default().latency(ms(rng.random_range(0..100))).jitter(ms(rng.random_range(0..60)));
        match rng.random_range(0..7) {
            0 => base,
            1 => base.loss(0.2),
            2 => base.burst_loss(0.05, 0.3, 0.9),
            3 => base.duplication(0.4).reordering(0.3),
            4 => base.rate(50_000, 20_000),
            5 => base.route_changes(ms(200), ms(150)),
            _ => base.loss(0.1).duplication(0.2).reordering(0.2).route_changes(ms(500), ms(80)),
        }
    }

    fn pause_or_resume(&mut self) {
        match self.paused.take() {
            Some(addr) => self.network.resume(addr),
            None => {
                let paused = addr(if self.rng.random_bool(0.5) { SERVER } else { CALLER });
                self.network.pause(paused);
                self.paused = Some(paused);
            }
        }
    }

    /// Half of the partitions last longer than the idle timeout.
    async fn partition(&mut self) {
        self.network.partition([addr(SERVER).ip()]);
        let len = self.rng.random_range(0..60_000);
        sleep(ms(len)).await;
        self.network.heal();
    }

    /// Replaces the server by another process with the same identity. Half of the servers tell
    /// their callers.
    async fn restart(&mut self) {
        if let Some(addr) = self.paused.take() {
            self.network.resume(addr);
        }
        let tells = self.rng.random_bool(0.5);
        if !tells {
            self.network.partition([addr(SERVER).ip()]);
        }
        self.server.close(ms(0)).await;
        self.network.heal();
        let downtime = self.rng.random_range(0..10_000);
        sleep(ms(downtime)).await;
        let runs = Runs::default();
        self.server = serve(&self.network, &runs);
        self.runs.push(runs);
    }

    async fn finish(mut self, seed: u64) -> Outcomes {
        if let Some(addr) = self.paused.take() {
            self.network.resume(addr);
        }
        self.network.set_conditions(Conditions::default().latency(ms(10)));
        let begun = Instant::now();
        while let Some(ended) = self.calls.join_next().await {
            ended.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        }
        assert!(begun.elapsed() < TIMEOUT / 2, "seed {seed}: {:?}", begun.elapsed());
        let outcomes = std::mem::take(&mut *self.outcomes.lock().unwrap());
        for number in 0..self.call_count {
            let counts: Vec<_> = self.runs.iter().map(|runs| runs.begun(number)).collect();
            let is_repeated = number % KIND_COUNT == REPEATED;
            assert!(is_repeated || counts.iter().all(|count| *count <= 1), "seed {seed}: {number} ran {counts:?}");
            let total: u64 = counts.iter().sum();
            let is_sent_once = number % KIND_COUNT >= SENT_ONCE;
            assert!(!is_sent_once || total <= 1, "seed {seed}: {number} ran {counts:?}");
        }
        let total = |number: u64| self.runs.iter().map(|runs| runs.begun(number)).sum::<u64>();
        for number in &outcomes.succeeded {
            assert!(total(*number) >= 1, "seed {seed}: {number} succeeded and did not run");
        }
        for number in &outcomes.did_not_run {
            assert_eq!(total(*number), 0, "seed {seed}: {number} ran, and its caller was told that it did not");
        }
        // Links and handlers end. A pause that looked like a long round trip lengthens the idle
        // timeout of its link (RFC 9000, 10.1).
        sleep(Duration::from_secs(600)).await;
        for endpoint in [&self.caller, &self.server] {
            let (links, stats) = (endpoint.link_stats(), endpoint.stats());
            assert_eq!((links.up, links.handshaking, links.panics), (0, 0, 0), "seed {seed}");
            assert_eq!((stats.calls.in_flight, stats.requests.running), (0, 0), "seed {seed}");
        }
        outcomes
    }
}

impl Outcomes {
    fn record(&mut self, number: u64, ended: Result<u64, CallError>, is_retransmitted: bool) {
        match ended {
            Ok(value) => {
                assert_eq!(value, number);
                self.succeeded.push(number);
            }
            // One that a server refuses while it closes did not run there, and may go on later.
            Err(CallError::Refused { .. }) => self.unknown.push(number),
            Err(error) => {
                assert!(!is_retransmitted, "{number}: {error:?}");
                assert!(matches!(error, CallError::Link { .. } | CallError::Timeout { .. }), "{number}: {error:?}");
                let is_known = error.did_run() == DidRun::No;
                if is_known { &mut self.did_not_run } else { &mut self.unknown }.push(number);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn calls_keep_their_promises_while_everything_goes_wrong() {
    let (mut succeeded, mut did_not_run, mut unknown) = (0, 0, 0);
    for seed in seeds(SEED_COUNT) {
        let mut world = World::new(seed);
        for _ in 0..World::STEP_COUNT {
            world.step().await;
        }
        let outcomes = world.finish(seed).await;
        succeeded += outcomes.succeeded.len();
        did_not_run += outcomes.did_not_run.len();
        unknown += outcomes.unknown.len();
    }
    println!("{succeeded} succeeded, {did_not_run} did not run, {unknown} are unknown");
    assert!(succeeded > 3 * unknown && did_not_run > 0, "{succeeded} {did_not_run} {unknown}");
}
