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

use rpcudp::{Dialect, Endpoint};
use rpcudp_core::{Frame, codec};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{Instant, advance, timeout};

use super::history::{CallInfo, History, id_of};
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
    calls: Vec<Call>,
    history: History,
}

struct Call {
    info: CallInfo,
    number: u64,
    /// The first packet that the call sent.
    request: Option<Packet>,
    task: JoinHandle<Outcome>,
    is_dropped: bool,
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
            calls: Vec::new(),
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
            13 => advance(Duration::from_millis(10 * u64::from(script.number()))).await,
            14 => advance(Duration::from_millis(script.number().into())).await,
            _ => match script.number() % 16 {
                0 => self.close().await,
                1..=3 => self.restart().await,
                _ => self.deliver_all().await,
            },
        }
    }

    /// Runs the endpoints until they wait for time or packets, and checks the packets that they
    /// sent.
    async fn settle(&mut self) {
        run_ready_tasks().await;
        for packet in self.network.take_sent() {
            self.check_request(&packet);
            self.packets.push(packet);
        }
    }

    /// Checks that the caller retransmits a request unchanged.
    fn check_request(&mut self, packet: &Packet) {
        if packet.from != caller_addr() {
            return;
        }
        let Ok(Frame::Request(request)) = Frame::decode(&packet.contents, Dialect::Rpcudp) else {
            panic!("an endpoint without services sends only requests: {packet:x?}")
        };
        let number: u64 = codec::Arguments::new(request.arguments).take("number").unwrap();
        let call = &mut self.calls[number as usize];
        match &call.request {
            None => call.request = Some(packet.clone()),
            Some(first) => {
                let first = Frame::decode(&first.contents, Dialect::Rpcudp);
                assert_eq!(first, Ok(Frame::Request(request)), "call {number}");
            }
        }
    }

    fn call(&mut self, script: &mut Script<'_>) {
        let method = Method::ALL[usize::from(script.number()) % Method::ALL.len()];
        let timeout = Self::TIMEOUTS[usize::from(script.number()) % Self::TIMEOUTS.len()];
        self.start(method, Duration::from_millis(timeout));
    }

    fn start(&mut self, method: Method, timeout: Duration) {
        let number = self.calls.len() as u64;
        let client = TargetClient::new(&self.caller, server_addr());
        let task = tokio::spawn(method.call(client, number, timeout));
        let info = CallInfo { method, peer: server_addr(), start: Instant::now(), timeout };
        self.calls.push(Call { info, number, request: None, task, is_dropped: false });
    }

    fn drop_call(&mut self, script: &mut Script<'_>) {
        let index = script.index(self.calls.len());
        if let Some(call) = index.map(|index| &mut self.calls[index]).filter(|call| !call.task.is_finished()) {
            call.task.abort();
            call.is_dropped = true;
        }
    }

    fn deliver(&mut self, packet: Packet) {
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

    /// Replaces the server by a new one without stored responses.
    async fn restart(&mut self) {
        self.server.close(Duration::ZERO).await;
        self.check_runs();
        self.restart_count += 1;
        self.runs = Runs::default();
        self.server = serve(&self.network, self.restart_count, &self.runs);
    }

    fn check_runs(&self) {
        assert_eq!(self.runs.repeated(), [], "an at-most-once request ran more than once");
        // The address of the sender does not matter, unless a packet with this id was changed.
        let repeated: Vec<_> =
            self.runs.repeated_ids().into_iter().filter(|id| !self.history.is_tampered_with(*id)).collect();
        assert_eq!(repeated, [], "an at-most-once request ran more than once for different senders");
    }

    /// Waits for the end of every call, and checks the outcomes.
    async fn finish(&mut self) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for Call { task, .. } in &mut self.calls {
            outcomes.push(timeout(Duration::from_secs(3_600), task).await.expect("every call ends"));
        }
        self.settle().await;
        self.check_runs();
        let outcomes: Vec<_> = outcomes.into_iter().map(Result::ok).collect();
        for (call, outcome) in self.calls.iter().zip(&outcomes) {
            match outcome {
                Some(outcome) => self.check_outcome(call, *outcome),
                None => assert!(call.is_dropped, "call {} panicked", call.number),
            }
        }
        self.check_stats(&outcomes);
        if self.history.closed_at.is_none() {
            self.check_slots().await;
        }
        outcomes.into_iter().flatten().collect()
    }

    /// Checks the outcome of a call against the model.
    fn check_outcome(&self, call: &Call, outcome: Outcome) {
        let &Call { info, number, ref request, .. } = call;
        let Some(id) = request.as_ref().and_then(|request| id_of(&request.contents)) else {
            // The call was never sent.
            let is_allowed = match self.history.closed_at {
                Some(at) if at < info.start => outcome == Outcome::Closed,
                Some(at) if at == info.start => matches!(outcome, Outcome::Closed | Outcome::TooMany),
                _ => outcome == Outcome::TooMany,
            };
            assert!(is_allowed, "call {number}: {outcome:?}: {info:?}");
            return;
        };
        if info.method == Method::OneWay {
            assert_eq!(outcome, info.method.expected_outcome(number), "call {number}");
            return;
        }
        let allowed = self.history.allowed_outcomes(id, info);
        assert!(allowed.contains(&outcome), "call {number}: {outcome:?}, not {allowed:?}: {info:?}");
        if self.history.is_tampered_with(id) {
            return;
        }
        let run_count = match info.method.is_at_most_once() {
            true => self.runs.of_any_sender(id).count,
            false => self.runs.of(caller_addr(), id).count,
        };
        match outcome {
            Outcome::Value(_) | Outcome::Application(_) => {
                assert_eq!(outcome, info.method.expected_outcome(number), "call {number}");
                if self.restart_count == 0 {
                    assert!(run_count >= 1, "call {number} has a response and did not run");
                }
            }
            Outcome::Refused => {
                assert_eq!(info.method, Method::AtMostLater, "call {number}: only async methods find the server busy");
                if self.restart_count == 0 {
                    assert_eq!(run_count, 0, "call {number} was refused and ran");
                }
            }
            Outcome::Undecodable => panic!("call {number}: the server responds with numbers"),
            Outcome::TimedOut | Outcome::Unreachable | Outcome::Closed | Outcome::TooMany => {}
        }
    }

    /// Checks that no call is in flight, and that the statistics count every sent call by its
    /// outcome.
    fn check_stats(&self, outcomes: &[Option<Outcome>]) {
        let stats = self.caller.stats().calls;
        let is_sent = self.calls.iter().map(|call| call.request.is_some());
        let sent: Vec<_> = is_sent.zip(outcomes).filter(|(is_sent, _)| *is_sent).map(|(_, outcome)| *outcome).collect();
        let count = |is: fn(Outcome) -> bool| sent.iter().filter(|outcome| outcome.is_some_and(is)).count() as u64;
        let completed_count = count(|outcome| matches!(outcome, Outcome::Value(_) | Outcome::Application(_)));
        assert_eq!(stats.in_flight, 0, "{stats:?}");
        assert_eq!(stats.started, sent.len() as u64, "{stats:?}");
        assert_eq!(stats.completed + stats.oneway, completed_count, "{stats:?}");
        assert_eq!(stats.refused, count(|outcome| outcome == Outcome::Refused), "{stats:?}");
        assert_eq!(stats.undecodable, count(|outcome| outcome == Outcome::Undecodable), "{stats:?}");
        assert_eq!(stats.timed_out, count(|outcome| outcome == Outcome::TimedOut), "{stats:?}");
        assert_eq!(stats.unreachable, count(|outcome| outcome == Outcome::Unreachable), "{stats:?}");
        assert_eq!(stats.cancelled, sent.iter().filter(|outcome| outcome.is_none()).count() as u64, "{stats:?}");
    }

    /// Checks that every slot is free: as many calls as there are slots complete, all at once.
    async fn check_slots(&mut self) {
        self.packets.clear();
        // Handlers of earlier requests may still run.
        advance(Duration::from_secs(1)).await;
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
            assert_eq!(call.await.unwrap(), Method::Maybe.expected_outcome(number), "a call that ended holds a slot");
        }
    }

    fn copy(&self, script: &mut Script<'_>) -> Option<Packet> {
        script.index(self.packets.len()).map(|index| self.packets[index].clone())
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
