//! A server, a caller and a third address on a network that follows a script, byte by byte.
//!
//! Any bytes are a script: the tests take random ones, and fuzzing searches for them. Under every
//! script the promises must hold: each call has an outcome that the model allows, an at-most-once
//! request runs at most once, and every slot is free in the end.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::panic::resume_unwind;
use std::task::Poll;
use std::time::Duration;

use rpcudp::Endpoint;
use tokio::task::yield_now;
use tokio::time::{Instant, advance};

use super::calls::{Calls, Facts, check_runs};
use super::history::History;
use super::manual_network::{ManualNetwork, Packet};
use super::service::{Method, Outcome, Runs, TargetClient, TargetServer};

/// Runs a script, checks the promises, and returns the outcomes of the calls. Must be called with
/// tokio's time paused.
///
/// # Panics
///
/// Panics if a promise is broken.
pub(crate) async fn run(seed: u64, script: &[u8]) -> Vec<Outcome> {
    let script = script.to_vec();
    // Only a task can go to the end of the queue of tasks, see `run_ready_tasks`.
    let run = tokio::spawn(async move {
        let mut world = World::new(seed);
        let mut script = Script(&script);
        for _ in 0..World::MAX_STEPS {
            let Some(step) = script.byte() else { break };
            world.step(step, &mut script).await;
            world.settle().await;
        }
        world.finish().await
    });
    run.await.unwrap_or_else(|error| resume_unwind(error.into_panic()))
}

struct World {
    network: ManualNetwork,
    /// The packets that were sent and neither delivered nor lost.
    packets: Vec<Packet>,
    caller: Endpoint,
    server: Endpoint,
    runs: Runs,
    restart_count: u64,
    has_server_closed: bool,
    /// The caller's address as the server sees it.
    public_addr: SocketAddr,
    calls: Calls,
    history: History,
}

/// The rest of a script.
struct Script<'a>(&'a [u8]);

impl World {
    /// The most steps of a script: enough to have many packets in transit and to take every kind of
    /// step.
    const MAX_STEPS: usize = 300;

    /// The most calls in flight: few, so that scripts reach the limit.
    const MAX_CALLS: usize = 6;

    /// The most running handlers: few, so that the server becomes busy.
    const MAX_HANDLERS: usize = 2;

    const TIMEOUTS: [u64; 4] = [0, 50, 700, 5_000];

    fn new(seed: u64) -> Self {
        let network = ManualNetwork::default();
        let runs = Runs::default();
        let server = serve(&network, seed, &runs);
        let caller = Endpoint::builder().max_calls(Self::MAX_CALLS);
        let caller = caller.bind_transport(network.open_port(caller_addr(), seed)).unwrap();
        Self {
            network,
            packets: Vec::new(),
            caller,
            server,
            runs,
            restart_count: 0,
            has_server_closed: false,
            public_addr: caller_addr(),
            calls: Calls::new(server_addr()),
            history: History::default(),
        }
    }

    async fn step(&mut self, step: u8, script: &mut Script<'_>) {
        match step % 16 {
            0..=2 => self.call(script),
            3 => self.drop_call(script),
            4..=6 => {
                if let Some(packet) = self.take(script) {
                    self.deliver(packet);
                }
            }
            7 => {
                if let Some(packet) = self.copy(script) {
                    self.deliver(packet);
                }
            }
            8 => drop(self.take(script)),
            9 => {
                if let Some(packet) = self.take(script) {
                    self.report_unreachable(packet);
                }
            }
            10 => self.corrupt(script),
            11 => self.spoof(script),
            12 => self.forge(script),
            13 => self.jump(10 * u64::from(script.number())).await,
            14 => self.jump(script.number().into()).await,
            _ => match script.number() % 16 {
                0 => self.close().await,
                1..=3 => self.restart().await,
                12..=13 => self.close_server(script),
                14..=15 => self.change_address(),
                _ => self.deliver_all().await,
            },
        }
    }

    /// Runs the endpoints until they wait for time or packets, and checks the packets that they
    /// sent.
    async fn settle(&mut self) {
        run_ready_tasks().await;
        for packet in self.network.take_sent() {
            if packet.from == caller_addr() {
                self.calls.check_sent(&packet.contents);
            }
            self.packets.push(packet);
        }
    }

    fn call(&mut self, script: &mut Script<'_>) {
        let method = Method::ALL[usize::from(script.number()) % Method::ALL.len()];
        let timeout = Self::TIMEOUTS[usize::from(script.number()) % Self::TIMEOUTS.len()];
        self.calls.start(&self.caller, method, Duration::from_millis(timeout));
    }

    fn drop_call(&mut self, script: &mut Script<'_>) {
        if let Some(index) = script.index(self.calls.len()) {
            self.calls.drop_call(index);
        }
    }

    /// Delivers a packet. The server sees the caller at its public address, and a packet to an
    /// earlier public address is lost.
    fn deliver(&mut self, mut packet: Packet) {
        if packet.from == caller_addr() {
            packet.from = self.public_addr;
        } else if packet.to == self.public_addr {
            packet.to = caller_addr();
        } else if packet.to == caller_addr() {
            return;
        }
        if packet.to == caller_addr() {
            self.history.record_delivery(&packet);
        }
        self.network.deliver(packet);
    }

    fn report_unreachable(&mut self, packet: Packet) {
        if packet.from == caller_addr() {
            self.history.record_unreachable(&packet);
        }
        self.network.report_unreachable(packet);
    }

    async fn deliver_all(&mut self) {
        for packet in std::mem::take(&mut self.packets) {
            self.deliver(packet);
            self.settle().await;
        }
    }

    /// Delivers a copy of a packet with up to three bytes changed.
    fn corrupt(&mut self, script: &mut Script<'_>) {
        let Some(mut packet) = self.copy(script) else { return };
        self.history.record_tampering(&packet.contents);
        for _ in 0..=script.number() % 3 {
            // An index past the end cuts the packet or extends it with zeros.
            let at = usize::from(script.number()) % (packet.contents.len() + 8);
            match packet.contents.get_mut(at) {
                Some(byte) => *byte = script.number(),
                None => packet.contents.resize(script.number().into(), 0),
            }
        }
        self.history.record_tampering(&packet.contents);
        self.deliver(packet);
    }

    /// Delivers a copy of a packet from another source.
    fn spoof(&mut self, script: &mut Script<'_>) {
        if let Some(packet) = self.copy(script) {
            self.deliver(Packet { from: other_addr(), ..packet });
        }
    }

    /// Delivers a packet of arbitrary bytes from the server's address or the caller's.
    fn forge(&mut self, script: &mut Script<'_>) {
        let (from, to) = if script.number().is_multiple_of(2) {
            (server_addr(), caller_addr())
        } else {
            (caller_addr(), server_addr())
        };
        let len = usize::from(script.number() % 64);
        let contents = (0..len).map(|_| script.number()).collect::<Vec<_>>();
        self.history.record_tampering(&contents);
        self.deliver(Packet { from, to, contents });
    }

    async fn close(&mut self) {
        self.history.closed_at.get_or_insert_with(Instant::now);
        self.caller.close(Duration::ZERO).await;
    }

    /// Closes the server with a grace period. It refuses requests until it is restarted.
    fn close_server(&mut self, script: &mut Script<'_>) {
        self.has_server_closed = true;
        let (server, grace) = (self.server.clone(), Duration::from_millis(10 * u64::from(script.number())));
        tokio::spawn(async move { server.close(grace).await });
    }

    /// Changes the address of the caller, as the server sees it.
    fn change_address(&mut self) {
        self.public_addr.set_port(self.public_addr.port() + 1);
    }

    /// Replaces the server by a new one without stored responses.
    async fn restart(&mut self) {
        self.server.close(Duration::ZERO).await;
        check_runs(self.facts());
        self.restart_count += 1;
        self.runs = Runs::default();
        self.server = serve(&self.network, self.restart_count, &self.runs);
    }

    fn facts(&self) -> Facts<'_> {
        let Self { history, runs, restart_count, has_server_closed, .. } = self;
        Facts { history, runs, restart_count: *restart_count, has_server_closed: *has_server_closed }
    }

    /// Waits for the end of every call, and checks the outcomes.
    async fn finish(&mut self) -> Vec<Outcome> {
        let ends = self.calls.finish().await;
        self.settle().await;
        self.calls.check(&ends, self.facts(), &self.caller.stats().calls);
        if self.history.closed_at.is_none() {
            self.check_slots().await;
        }
        ends.into_iter().flatten().map(|end| end.outcome).collect()
    }

    async fn jump(&mut self, millis: u64) {
        let before = Instant::now();
        advance(Duration::from_millis(millis)).await;
        self.history.record_jump(before);
    }

    /// Checks that every slot is free: as many calls as there are slots complete, all at once.
    async fn check_slots(&mut self) {
        if self.has_server_closed {
            self.restart().await;
        }
        self.public_addr = caller_addr();
        self.packets.clear();
        // Handlers of earlier requests may still run.
        self.jump(1_000).await;
        self.settle().await;
        self.packets.clear();
        let calls = (0..Self::MAX_CALLS as u64).map(|number| {
            let client = TargetClient::new(&self.caller, server_addr());
            (number, tokio::spawn(Method::Maybe.call(client, number, Duration::from_secs(5))))
        });
        let calls: Vec<_> = calls.collect();
        for _ in 0..2 {
            run_ready_tasks().await;
            self.network.take_sent().into_iter().for_each(|packet| self.network.deliver(packet));
        }
        for (number, call) in calls {
            assert_eq!(
                call.await.unwrap().outcome,
                Method::Maybe.expected_outcome(number),
                "a call that ended holds a slot"
            );
        }
    }

    fn copy(&mut self, script: &mut Script<'_>) -> Option<Packet> {
        let packet = &self.packets[script.index(self.packets.len())?];
        self.history.record_copy(packet);
        Some(packet.clone())
    }

    fn take(&mut self, script: &mut Script<'_>) -> Option<Packet> {
        script.index(self.packets.len()).map(|index| self.packets.remove(index))
    }
}

/// Runs all tasks that are ready, and the tasks that they wake in turn.
async fn run_ready_tasks() {
    for _ in 0..16 {
        // Goes to the end of the queue of tasks. tokio's own `yield_now` drives the timers too,
        // which would take most of the time of a run.
        let mut has_yielded = false;
        poll_fn(|cx| {
            if has_yielded {
                return Poll::Ready(());
            }
            has_yielded = true;
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
    yield_now().await;
}

impl Script<'_> {
    fn byte(&mut self) -> Option<u8> {
        self.0.split_off_first().copied()
    }

    /// Returns the next byte, or 0 at the end of the script.
    fn number(&mut self) -> u8 {
        self.byte().unwrap_or(0)
    }

    /// Returns an index into a list of this length, or `None` if the list is empty.
    fn index(&mut self, len: usize) -> Option<usize> {
        usize::from(self.number()).checked_rem(len)
    }
}

fn serve(network: &ManualNetwork, seed: u64, runs: &Runs) -> Endpoint {
    let builder = Endpoint::builder().serve(TargetServer::new(runs.clone())).max_handlers(World::MAX_HANDLERS);
    // The retention is longer than a script can take: a duplicate of an evicted request would run.
    let builder = builder.response_memory(64 << 20, Duration::from_secs(24 * 60 * 60));
    builder.bind_transport(network.open_port(server_addr(), !seed)).unwrap()
}

fn server_addr() -> SocketAddr {
    ([127, 0, 0, 1], 7_000).into()
}

fn caller_addr() -> SocketAddr {
    ([127, 0, 0, 1], 7_001).into()
}

fn other_addr() -> SocketAddr {
    ([127, 0, 0, 1], 666).into()
}
