//! Two endpoints, a stranger, and a post office between them that does as it is told, byte by byte.
//!
//! A script is any bytes at all: the tests draw them by lot, and fuzzing searches for them. Whatever they say, the
//! promises have to hold: each call ends as the model says, a request that is to run at most once does, and nothing is
//! left behind.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::panic::resume_unwind;
use std::task::Poll;
use std::time::Duration;

use rpcudp::{Dialect, Endpoint};
use rpcudp_core::{Frame, codec};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{Instant, advance, timeout};

use super::observed::{Asked, Observed, id_of};
use super::office::{Letter, Office};
use super::service::{Ending, Method, Runs, TargetClient, TargetServer};

/// Does what a script says, checks what comes of it, and says how the calls ended. Must be called with tokio's time
/// paused.
///
/// # Panics
///
/// Where a promise is broken.
pub(crate) async fn run(seed: u64, script: &[u8]) -> Vec<Ending> {
    let script = script.to_vec();
    // As a task like all others it can go to the end of their queue.
    let ended = tokio::spawn(async move {
        let mut world = World::new(seed);
        let mut script = Script(&script);
        for _ in 0..World::MAX_STEPS {
            let Some(step) = script.byte() else { break };
            world.step(step, &mut script).await;
            world.settle().await;
        }
        world.end().await
    });
    ended.await.unwrap_or_else(|error| resume_unwind(error.into_panic()))
}

struct World {
    office: Office,
    /// Under way: on the table of the post office.
    letters: Vec<Letter>,
    caller: Endpoint,
    server: Endpoint,
    runs: Runs,
    restart_count: u64,
    calls: Vec<Call>,
    observed: Observed,
}

struct Call {
    asked: Asked,
    number: u64,
    /// What its first letter said.
    request: Option<Letter>,
    task: JoinHandle<Ending>,
    is_dropped: bool,
}

/// What is left of a script.
struct Script<'a>(&'a [u8]);

impl World {
    /// Enough to fill the table and to draw every card.
    const MAX_STEPS: usize = 300;

    /// Few enough to be reached.
    const MAX_CALLS: usize = 6;

    /// Few enough for a busy server.
    const MAX_HANDLERS: usize = 2;

    const TIMEOUTS: [u64; 4] = [0, 50, 700, 5_000];

    fn new(seed: u64) -> Self {
        let office = Office::default();
        let runs = Runs::default();
        let server = serve(&office, seed, &runs);
        let caller = Endpoint::builder().max_calls(Self::MAX_CALLS);
        let caller = caller.bind_transport(office.desk(caller_addr(), seed)).unwrap();
        Self {
            office,
            letters: Vec::new(),
            caller,
            server,
            runs,
            restart_count: 0,
            calls: Vec::new(),
            observed: Observed::default(),
        }
    }

    async fn step(&mut self, step: u8, script: &mut Script<'_>) {
        match step % 16 {
            0..=2 => self.call(script),
            3 => self.drop_call(script),
            4..=6 => {
                if let Some(letter) = self.take(script) {
                    self.deliver(letter);
                }
            }
            7 => {
                if let Some(letter) = self.pick(script) {
                    self.deliver(letter);
                }
            }
            8 => drop(self.take(script)),
            9 => {
                if let Some(letter) = self.take(script) {
                    self.give_back(letter);
                }
            }
            10 => self.change(script),
            11 => self.pretend(script),
            12 => self.make_up(script),
            13 => advance(Duration::from_millis(10 * u64::from(script.number()))).await,
            14 => advance(Duration::from_millis(script.number().into())).await,
            _ => match script.number() % 16 {
                0 => self.close().await,
                1..=3 => self.restart().await,
                _ => self.deliver_all().await,
            },
        }
    }

    /// Lets everything happen that needs no time, and looks through what was sent.
    async fn settle(&mut self) {
        everybody().await;
        for letter in self.office.collect() {
            self.look_at(&letter);
            self.letters.push(letter);
        }
    }

    /// Checks that what the caller sends again is what it sent before.
    fn look_at(&mut self, letter: &Letter) {
        if letter.from != caller_addr() {
            return;
        }
        let Ok(Frame::Request(request)) = Frame::decode(&letter.contents, Dialect::Rpcudp) else {
            panic!("an endpoint that serves nothing sends requests: {letter:x?}")
        };
        let number: u64 = codec::Arguments::new(request.arguments).take("number").unwrap();
        let call = &mut self.calls[number as usize];
        match &call.request {
            None => call.request = Some(letter.clone()),
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
        let asked = Asked { method, peer: server_addr(), start: Instant::now(), timeout };
        self.calls.push(Call { asked, number, request: None, task, is_dropped: false });
    }

    fn drop_call(&mut self, script: &mut Script<'_>) {
        let index = script.index(self.calls.len());
        if let Some(call) = index.map(|index| &mut self.calls[index]).filter(|call| !call.task.is_finished()) {
            call.task.abort();
            call.is_dropped = true;
        }
    }

    fn deliver(&mut self, letter: Letter) {
        if letter.to == caller_addr() {
            self.observed.delivered(&letter);
        }
        self.office.deliver(letter);
    }

    fn give_back(&mut self, letter: Letter) {
        if letter.from == caller_addr() {
            self.observed.given_back(&letter);
        }
        self.office.give_back(letter);
    }

    async fn deliver_all(&mut self) {
        for letter in std::mem::take(&mut self.letters) {
            self.deliver(letter);
            self.settle().await;
        }
    }

    /// Delivers a letter with some bytes changed.
    fn change(&mut self, script: &mut Script<'_>) {
        let Some(mut letter) = self.pick(script) else { return };
        self.observed.tampered_with(&letter.contents);
        for _ in 0..=script.number() % 3 {
            // Sometimes past the end: then it is cut short or filled up.
            let at = usize::from(script.number()) % (letter.contents.len() + 8);
            match letter.contents.get_mut(at) {
                Some(byte) => *byte = script.number(),
                None => letter.contents.resize(script.number().into(), 0),
            }
        }
        self.observed.tampered_with(&letter.contents);
        self.deliver(letter);
    }

    /// Delivers a copy of a letter as a stranger's.
    fn pretend(&mut self, script: &mut Script<'_>) {
        if let Some(letter) = self.pick(script) {
            self.deliver(Letter { from: stranger_addr(), ..letter });
        }
    }

    /// Delivers what nobody wrote, in the name of whoever is believed.
    fn make_up(&mut self, script: &mut Script<'_>) {
        let (from, to) = if script.number().is_multiple_of(2) {
            (server_addr(), caller_addr())
        } else {
            (caller_addr(), server_addr())
        };
        let len = usize::from(script.number() % 64);
        let contents = (0..len).map(|_| script.number()).collect::<Vec<_>>();
        self.observed.tampered_with(&contents);
        self.deliver(Letter { from, to, contents });
    }

    async fn close(&mut self) {
        self.observed.closed_at.get_or_insert_with(Instant::now);
        self.caller.close(Duration::ZERO).await;
    }

    /// Another server in the place of the one that was there, which knows nothing of what that did.
    async fn restart(&mut self) {
        self.server.close(Duration::ZERO).await;
        self.check_runs();
        self.restart_count += 1;
        self.runs = Runs::default();
        self.server = serve(&self.office, self.restart_count, &self.runs);
    }

    fn check_runs(&self) {
        assert_eq!(self.runs.excess(), [], "each at most once");
    }

    /// Waits for the end of every call, and checks it.
    async fn end(&mut self) -> Vec<Ending> {
        let mut endings = Vec::new();
        for Call { task, .. } in &mut self.calls {
            endings.push(timeout(Duration::from_secs(3_600), task).await.expect("every call ends"));
        }
        self.settle().await;
        self.check_runs();
        let endings: Vec<_> = endings.into_iter().map(Result::ok).collect();
        for (call, ending) in self.calls.iter().zip(&endings) {
            match ending {
                Some(ending) => self.check(call, *ending),
                None => assert!(call.is_dropped, "call {} panicked", call.number),
            }
        }
        self.check_books(&endings);
        if self.observed.closed_at.is_none() {
            self.check_slots().await;
        }
        endings.into_iter().flatten().collect()
    }

    /// Checks how a call ended against the model.
    fn check(&self, call: &Call, ending: Ending) {
        let &Call { asked, number, ref request, .. } = call;
        let Some(id) = request.as_ref().and_then(|request| id_of(&request.contents)) else {
            // It was never sent.
            let is_possible = match self.observed.closed_at {
                Some(at) if at < asked.start => ending == Ending::Closed,
                Some(at) if at == asked.start => matches!(ending, Ending::Closed | Ending::TooMany),
                _ => ending == Ending::TooMany,
            };
            assert!(is_possible, "call {number}: {ending:?}: {asked:?}");
            return;
        };
        if asked.method == Method::OneWay {
            assert_eq!(ending, asked.method.answer(number), "call {number}");
            return;
        }
        let possible = self.observed.endings(id, asked);
        assert!(possible.contains(&ending), "call {number}: {ending:?}, not {possible:?}: {asked:?}");
        if self.observed.is_tampered_with(id) {
            return;
        }
        let run_count = self.runs.of(caller_addr(), id).count;
        match ending {
            Ending::Value(_) | Ending::Application(_) => {
                assert_eq!(ending, asked.method.answer(number), "call {number}");
                if self.restart_count == 0 {
                    assert!(run_count >= 1, "call {number} was answered and has not run");
                }
            }
            Ending::Refused => {
                assert_eq!(asked.method, Method::AtMostLater, "call {number}: nobody else takes a handler's place");
                if self.restart_count == 0 {
                    assert_eq!(run_count, 0, "call {number} was refused and has run");
                }
            }
            Ending::Undecodable => panic!("call {number}: the server answers with numbers"),
            Ending::TimedOut | Ending::Unreachable | Ending::Closed | Ending::TooMany => {}
        }
    }

    /// Checks that nothing waits, and that every call that was sent is in the books as what became of it.
    fn check_books(&self, endings: &[Option<Ending>]) {
        let stats = self.caller.stats().calls;
        let is_sent = self.calls.iter().map(|call| call.request.is_some());
        let sent: Vec<_> = is_sent.zip(endings).filter(|(is_sent, _)| *is_sent).map(|(_, ending)| *ending).collect();
        let count = |is: fn(Ending) -> bool| sent.iter().filter(|ending| ending.is_some_and(is)).count() as u64;
        let answered_count = count(|ending| matches!(ending, Ending::Value(_) | Ending::Application(_)));
        assert_eq!(stats.in_flight, 0, "{stats:?}");
        assert_eq!(stats.started, sent.len() as u64, "{stats:?}");
        assert_eq!(stats.completed + stats.oneway, answered_count, "{stats:?}");
        assert_eq!(stats.refused, count(|ending| ending == Ending::Refused), "{stats:?}");
        assert_eq!(stats.undecodable, count(|ending| ending == Ending::Undecodable), "{stats:?}");
        assert_eq!(stats.timed_out, count(|ending| ending == Ending::TimedOut), "{stats:?}");
        assert_eq!(stats.unreachable, count(|ending| ending == Ending::Unreachable), "{stats:?}");
        assert_eq!(stats.cancelled, sent.iter().filter(|ending| ending.is_none()).count() as u64, "{stats:?}");
    }

    /// Checks that every slot is free: as many calls as there are slots are answered, all at once.
    async fn check_slots(&mut self) {
        self.letters.clear();
        // Handlers of before may still take the places of others.
        advance(Duration::from_secs(1)).await;
        self.settle().await;
        self.letters.clear();
        let calls = (0..Self::MAX_CALLS as u64).map(|number| {
            let client = TargetClient::new(&self.caller, server_addr());
            (number, tokio::spawn(Method::Maybe.call(client, number, Duration::from_secs(5))))
        });
        let calls: Vec<_> = calls.collect();
        for _ in 0..2 {
            everybody().await;
            self.office.collect().into_iter().for_each(|letter| self.office.deliver(letter));
        }
        for (number, call) in calls {
            assert_eq!(call.await.unwrap(), Method::Maybe.answer(number), "a slot is taken by a call that is over");
        }
    }

    fn pick(&self, script: &mut Script<'_>) -> Option<Letter> {
        script.index(self.letters.len()).map(|index| self.letters[index].clone())
    }

    fn take(&mut self, script: &mut Script<'_>) -> Option<Letter> {
        script.index(self.letters.len()).map(|index| self.letters.remove(index))
    }
}

/// Lets all tasks run that can, and those that they wake, and so on.
async fn everybody() {
    for _ in 0..16 {
        // To the end of the queue. tokio's own `yield_now` looks after timers as well, which would take most of a run.
        let mut has_waited = false;
        poll_fn(|cx| {
            if has_waited {
                return Poll::Ready(());
            }
            has_waited = true;
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

    /// The next byte, or nothing at the end.
    fn number(&mut self) -> u8 {
        self.byte().unwrap_or(0)
    }

    /// One of so many.
    fn index(&mut self, len: usize) -> Option<usize> {
        usize::from(self.number()).checked_rem(len)
    }
}

fn serve(office: &Office, seed: u64, runs: &Runs) -> Endpoint {
    let builder = Endpoint::builder().serve(TargetServer::new(runs.clone())).max_handlers(World::MAX_HANDLERS);
    // Longer than a script can take: what is forgotten in time may run again.
    let builder = builder.response_memory(64 << 20, Duration::from_secs(24 * 60 * 60));
    builder.bind_transport(office.desk(server_addr(), !seed)).unwrap()
}

fn server_addr() -> SocketAddr {
    ([127, 0, 0, 1], 7_000).into()
}

fn caller_addr() -> SocketAddr {
    ([127, 0, 0, 1], 7_001).into()
}

fn stranger_addr() -> SocketAddr {
    ([127, 0, 0, 1], 666).into()
}
