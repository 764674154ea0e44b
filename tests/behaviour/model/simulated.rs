//! The model on the simulated network: random calls while the network, the hosts and the server
//! misbehave in every way that the simulation has.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rpcudp::Endpoint;
use rpcudp::sim::{Conditions, Nat, Network, Node};
use rpcudp::transport::{Datagram, ReceiveBatch, Transport};
use tokio::time::{Instant, sleep};

use super::calls::{Calls, Facts, check_runs};
use super::history::History;
use super::manual_network::Packet;
use super::service::{Method, Outcome, Runs, TargetServer};
use crate::support::{CALLER, SERVER, ms};

/// Runs random events, checks the promises, and returns the outcomes of the calls. Must be called
/// with tokio's time paused.
///
/// # Panics
///
/// Panics if a promise is broken.
pub(crate) async fn run(seed: u64) -> Vec<Outcome> {
    let mut world = World::new(seed);
    for _ in 0..World::STEP_COUNT {
        world.step().await;
    }
    world.finish().await
}

struct World {
    rng: StdRng,
    network: Network,
    nat: Nat,
    caller: Endpoint,
    server: Endpoint,
    runs: Runs,
    restart_count: u64,
    has_server_closed: bool,
    is_server_closing: bool,
    /// The address of the paused node, if any.
    paused: Option<SocketAddr>,
    record: Arc<Mutex<Record>>,
}

/// Everything that the caller's transport sent and received.
#[derive(Debug)]
struct Record {
    calls: Calls,
    history: History,
}

/// The caller's transport, which records.
#[derive(Debug)]
struct RecordingNode {
    node: Node,
    record: Arc<Mutex<Record>>,
}

impl World {
    const STEP_COUNT: usize = 80;

    /// Few, so that runs reach the limit.
    const MAX_CALLS: usize = 12;

    /// Few, so that the server becomes busy.
    const MAX_HANDLERS: usize = 3;

    const TIMEOUTS_MS: [u64; 4] = [50, 700, 5_000, 20_000];

    fn new(seed: u64) -> Self {
        let network = Network::new(seed);
        network.return_undeliverable(seed.is_multiple_of(2));
        let nat = network.nat([198, 51, 100, 1].into(), [addr(CALLER).ip()], ms(2_000));
        let runs = Runs::default();
        let server = serve(&network, &runs);
        let record = Record { calls: Calls::new(addr(SERVER)), history: History::default() };
        let record = Arc::new(Mutex::new(record));
        let transport = RecordingNode { node: network.bind(CALLER).unwrap(), record: Arc::clone(&record) };
        let caller = Endpoint::builder().max_calls(Self::MAX_CALLS).bind_transport(transport).unwrap();
        Self {
            rng: StdRng::seed_from_u64(!seed),
            network,
            nat,
            caller,
            server,
            runs,
            restart_count: 0,
            has_server_closed: false,
            is_server_closing: false,
            paused: None,
            record,
        }
    }

    async fn step(&mut self) {
        match self.rng.random_range(0..100) {
            0..50 => self.call(),
            50..56 => self.drop_call(),
            56..70 => {
                let conditions = self.conditions();
                self.network.set_conditions(conditions);
            }
            70..76 => self.nat.rebind(),
            76..78 => self.nat.rebind_to(IpAddr::from([198, 51, 100, self.rng.random_range(2..250)])),
            78..84 => self.pause_or_resume(),
            84..88 => self.network.partition([addr(SERVER).ip()]),
            88..94 => self.network.heal(),
            94..96 => self.close_server(),
            96..99 => self.restart().await,
            _ => self.close_caller().await,
        }
        // At least until the requests of this step have left.
        let pause = self.rng.random_range(1..300);
        sleep(ms(pause)).await;
    }

    fn call(&mut self) {
        let method = Method::ALL[self.rng.random_range(0..Method::ALL.len())];
        let timeout = ms(Self::TIMEOUTS_MS[self.rng.random_range(0..Self::TIMEOUTS_MS.len())]);
        self.record.lock().unwrap().calls.start(&self.caller, method, timeout);
    }

    fn drop_call(&mut self) {
        let calls = &mut self.record.lock().unwrap().calls;
        if calls.len() > 0 {
            calls.drop_call(self.rng.random_range(0..calls.len()));
        }
    }

    /// Draws conditions of a random kind.
    fn conditions(&mut self) -> Conditions {
        let rng = &mut self.rng;
        let base = Conditions::default().latency(ms(rng.random_range(0..150))).jitter(ms(rng.random_range(0..60)));
        match rng.random_range(0..8) {
            0 => base,
            1 => base.loss(0.3),
            2 => base.burst_loss(0.1, 0.3, 0.9),
            3 => base.duplication(0.4).reordering(0.3),
            4 => base.rate(2_000, 500),
            5 => base.fragments(20).loss(0.1),
            6 => base.route_changes(ms(200), ms(150)),
            _ => base.loss(0.1).duplication(0.2).reordering(0.2).rate(5_000, 2_000).route_changes(ms(500), ms(80)),
        }
    }

    fn pause_or_resume(&mut self) {
        match self.paused {
            Some(_) => self.resume(),
            None => {
                let (name, is_closed) = match self.rng.random_bool(0.5) {
                    true => (SERVER, self.is_server_closing),
                    false => (CALLER, self.record.lock().unwrap().history.closed_at.is_some()),
                };
                // A closed endpoint has freed its address.
                if !is_closed {
                    self.network.pause(addr(name));
                    self.paused = Some(addr(name));
                }
            }
        }
    }

    fn resume(&mut self) {
        if let Some(addr) = self.paused.take() {
            self.network.resume(addr);
        }
    }

    /// Closes the server with a grace period. It refuses requests until it is restarted.
    fn close_server(&mut self) {
        self.resume();
        (self.has_server_closed, self.is_server_closing) = (true, true);
        let (server, grace) = (self.server.clone(), ms(self.rng.random_range(0..2_000)));
        tokio::spawn(async move { server.close(grace).await });
    }

    /// Replaces the server by a new one without stored responses.
    async fn restart(&mut self) {
        self.resume();
        // Requests that arrive meanwhile are refused.
        self.has_server_closed = true;
        self.server.close(Duration::ZERO).await;
        check_runs(self.facts(&self.record.lock().unwrap().history));
        self.restart_count += 1;
        self.is_server_closing = false;
        self.runs = Runs::default();
        self.server = serve(&self.network, &self.runs);
    }

    async fn close_caller(&mut self) {
        self.resume();
        self.record.lock().unwrap().history.closed_at.get_or_insert_with(Instant::now);
        self.caller.close(Duration::ZERO).await;
    }

    fn facts<'a>(&'a self, history: &'a History) -> Facts<'a> {
        let Self { runs, restart_count, has_server_closed, .. } = self;
        Facts { history, runs, restart_count: *restart_count, has_server_closed: *has_server_closed }
    }

    /// Waits for the end of every call, and checks the outcomes.
    async fn finish(&mut self) -> Vec<Outcome> {
        self.resume();
        self.network.heal();
        // Longer than every timeout, and than every delay of the network.
        sleep(Duration::from_secs(600)).await;
        let finish = self.record.lock().unwrap().calls.finish();
        let ends = finish.await;
        let record = self.record.lock().unwrap();
        record.calls.check(&ends, self.facts(&record.history), &self.caller.stats().calls);
        ends.into_iter().flatten().map(|end| end.outcome).collect()
    }
}

impl RecordingNode {
    fn packet(&self, from: SocketAddr, to: SocketAddr, contents: &[u8]) -> Packet {
        Packet { from, to, contents: contents.into() }
    }
}

impl Transport for RecordingNode {
    fn poll_receive(&self, cx: &mut Context<'_>, batch: &mut ReceiveBatch) -> Poll<io::Result<()>> {
        let received = self.node.poll_receive(cx, batch);
        if received.is_ready() {
            let mut record = self.record.lock().unwrap();
            for datagram in batch.iter() {
                record.history.record_delivery(&self.packet(datagram.source, self.local_addr(), datagram.contents));
            }
            for report in batch.unreachable() {
                record.history.record_unreachable(&self.packet(self.local_addr(), report.destination, report.contents));
            }
        }
        received
    }

    fn try_send(&self, datagram: Datagram<'_>) -> io::Result<()> {
        self.record.lock().unwrap().calls.check_sent(datagram.contents);
        self.node.try_send(datagram)
    }

    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.node.poll_writable(cx)
    }

    fn local_addr(&self) -> SocketAddr {
        self.node.local_addr()
    }

    fn seed(&self) -> Option<u64> {
        self.node.seed()
    }
}

fn serve(network: &Network, runs: &Runs) -> Endpoint {
    let builder = Endpoint::builder().serve(TargetServer::new(runs.clone())).max_handlers(World::MAX_HANDLERS);
    // The retention is longer than a run: a duplicate of an evicted request would run.
    let builder = builder.response_memory(64 << 20, Duration::from_secs(24 * 60 * 60));
    builder.bind_transport(network.bind(SERVER).expect("the address is free")).unwrap()
}

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}
