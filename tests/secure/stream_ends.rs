//! The ends of streams that are no fault of theirs: their endpoint closes, or a session ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rpcudp::session::{EndReason, Sessions};
use rpcudp::sim::{Conditions, Network};
use rpcudp::{
    CallError, DidRun, Endpoint, Inflow, InflowError, LinkEnd, Outflow, OutflowSender, Refusal, Session, rpc_service,
};
use tokio::time::{Instant, sleep};

use crate::fixture::{Runs, bind, builder, peer};
use crate::support::{CALLER, SERVER, ms, seeds};

const SEED_COUNT: u64 = 4;

const GRACE: Duration = Duration::from_secs(60);

#[rpc_service]
trait Pipe {
    /// Counts to a number, as fast as it is read.
    async fn count(&self, to: u64) -> Outflow<u64>;
    /// Counts for ever.
    async fn ticks(&self) -> Outflow<u64>;
    /// Sends each item back, after the method has returned.
    async fn send_back(&self, items: Inflow<u64>) -> Outflow<u64>;
    /// Returns the sum of all items.
    #[rpc(timeout = "200s")]
    async fn sum(&self, items: Inflow<u64>) -> Result<u64, String>;
}

/// The tasks that send items.
#[derive(Clone, Default)]
struct Pipes(Arc<AtomicUsize>);

impl Pipes {
    fn run(&self, task: impl Future<Output = ()> + Send + 'static) {
        let running = Arc::clone(&self.0);
        running.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(async move {
            task.await;
            running.fetch_sub(1, Ordering::Relaxed);
        });
    }

    fn running(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// Sends numbers with a pause after each.
async fn send_numbers(sender: OutflowSender<u64>, numbers: impl Iterator<Item = u64>, pause: Duration) {
    for number in numbers {
        if sender.send(number).await.is_err() {
            return;
        }
        if !pause.is_zero() {
            tokio::select! {
                () = sleep(pause) => {}
                () = sender.closed() => return,
            }
        }
    }
    // The receiver may have gone.
    let _ = sender.finish().await;
}

impl Pipe for Pipes {
    async fn count(&self, to: u64) -> Outflow<u64> {
        let (sender, items) = Outflow::channel(10);
        self.run(send_numbers(sender, 1..=to, Duration::ZERO));
        items
    }

    async fn ticks(&self) -> Outflow<u64> {
        let (sender, items) = Outflow::channel(1);
        self.run(send_numbers(sender, 1.., Duration::from_secs(1)));
        items
    }

    async fn send_back(&self, mut items: Inflow<u64>) -> Outflow<u64> {
        let (sender, echoes) = Outflow::channel(1);
        self.run(async move {
            while let Ok(Some(item)) = items.recv().await {
                if sender.send(item).await.is_err() {
                    return;
                }
            }
            let _ = sender.finish().await;
        });
        echoes
    }

    async fn sum(&self, mut items: Inflow<u64>) -> Result<u64, String> {
        let mut sum = 0;
        while let Some(item) = items.recv().await.map_err(|error| error.to_string())? {
            sum += item;
        }
        Ok(sum)
    }
}

struct World {
    server: Endpoint,
    caller: Endpoint,
    pipes: Pipes,
    pipe: PipeClient,
}

impl World {
    /// Binds both ends, with a path that loses some packets.
    fn new(seed: u64) -> Self {
        println!("seed {seed}");
        let network = Network::new(seed);
        network.set_conditions(Conditions::default().latency(ms(30)).jitter(ms(10)).loss(0.03));
        let pipes = Pipes::default();
        let server = bind(&network, SERVER, builder(1, &Runs::default()).serve(PipeServer::new(pipes.clone())));
        let caller = bind(&network, CALLER, builder(2, &Runs::default()));
        let pipe = PipeClient::secure(&caller, server.local_addr(), peer(1));
        Self { server, caller, pipes, pipe }
    }
}

/// Reads numbers from 1 to the end of the stream. Returns the number of them.
async fn read(items: &mut Inflow<u64>) -> (u64, Option<InflowError>) {
    for expected in 1.. {
        match items.recv().await {
            Ok(Some(item)) => assert_eq!(item, expected),
            Ok(None) => return (expected - 1, None),
            Err(error) => return (expected - 1, Some(error)),
        }
    }
    unreachable!("the stream is shorter");
}

#[tokio::test(start_paused = true)]
async fn streams_of_a_closing_server_end_within_its_grace() {
    for seed in seeds(SEED_COUNT) {
        let World { server, pipe, pipes, .. } = &World::new(seed);
        let mut numbers = pipe.count(100_000).await.unwrap();
        let (sender, items) = Outflow::channel(1);
        let mut echoes = pipe.send_back(items).await.unwrap();
        let (adder, addends) = Outflow::channel(1);
        let sum = tokio::spawn(pipe.sum(addends));
        adder.send(1).await.unwrap();
        sleep(Duration::from_secs(1)).await;
        numbers.recv().await.unwrap();
        let begun = Instant::now();
        let close = tokio::spawn(server.close(GRACE));
        // New ones are refused, and hold up nothing.
        sleep(Duration::from_secs(1)).await;
        let refused = pipe.ticks().await.unwrap_err();
        assert!(matches!(refused, CallError::Refused { reason: Refusal::Closing, .. }), "seed {seed}: {refused}");
        for item in 0..20 {
            sleep(ms(100)).await;
            sender.send(item).await.unwrap();
            assert_eq!(echoes.recv().await.unwrap(), Some(item), "seed {seed}");
            adder.send(2).await.unwrap();
        }
        sender.finish().await.unwrap();
        adder.finish().await.unwrap();
        assert_eq!((echoes.recv().await.unwrap(), sum.await.unwrap().unwrap()), (None, 41));
        assert!(!close.is_finished());
        for expected in 2..=100_000 {
            assert_eq!(numbers.recv().await.unwrap(), Some(expected), "seed {seed}");
        }
        assert_eq!(numbers.recv().await.unwrap(), None);
        close.await.unwrap();
        assert!(begun.elapsed() < GRACE - Duration::from_secs(5), "seed {seed}: {:?}", begun.elapsed());
        assert_eq!(pipes.running(), 0);
    }
}

/// The sender's task ends long before its last items arrive.
#[tokio::test(start_paused = true)]
async fn last_items_arrive_before_the_link_of_a_closing_server() {
    for seed in seeds(3 * SEED_COUNT) {
        let World { server, pipe, pipes, .. } = &World::new(seed);
        let mut numbers = pipe.count(2_000).await.unwrap();
        while pipes.running() > 0 {
            sleep(ms(1)).await;
        }
        let begun = Instant::now();
        let close = tokio::spawn(server.close(GRACE));
        let (count, end) = read(&mut numbers).await;
        assert!(count == 2_000 && end.is_none(), "seed {seed}: {count}, {end:?}");
        close.await.unwrap();
        assert!(begun.elapsed() < Duration::from_secs(10), "seed {seed}: {:?}", begun.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn endless_streams_of_a_closing_server_end_with_its_grace_at_both_ends() {
    for seed in seeds(SEED_COUNT) {
        let World { server, pipe, pipes, .. } = &World::new(seed);
        let mut ticks = pipe.ticks().await.unwrap();
        let (sender, items) = Outflow::channel(1);
        let mut echoes = pipe.send_back(items).await.unwrap();
        let (adder, addends) = Outflow::channel(1);
        let sum = tokio::spawn(pipe.sum(addends));
        adder.send(1).await.unwrap();
        sleep(ms(900)).await;
        assert_eq!(ticks.recv().await.unwrap(), Some(1));
        let begun = Instant::now();
        let grace = Duration::from_secs(10);
        server.close(grace).await;
        assert!((grace..grace + Duration::from_secs(2)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
        let mut count = 1;
        let end = loop {
            match ticks.recv().await {
                Ok(Some(_)) => count += 1,
                Ok(None) => panic!("a silent end"),
                Err(end) => break end,
            }
        };
        assert!((8..=13).contains(&count), "seed {seed}: {count}");
        // The last packet of the link may be lost.
        assert!(matches!(end, InflowError::Link(LinkEnd::Closed | LinkEnd::Lost)), "seed {seed}: {end}");
        let end = echoes.recv().await.unwrap_err();
        assert!(matches!(end, InflowError::Link(LinkEnd::Closed | LinkEnd::Lost)), "seed {seed}: {end}");
        let error = sum.await.unwrap().unwrap_err();
        assert!(
            matches!(error, CallError::Link { reason: LinkEnd::Closed | LinkEnd::Lost, .. }),
            "seed {seed}: {error}"
        );
        sender.closed().await;
        adder.closed().await;
        sleep(ms(100)).await;
        assert_eq!(pipes.running(), 0, "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn closing_caller_does_not_wait_for_the_streams_of_its_calls() {
    let World { caller, pipe, pipes, .. } = &World::new(1);
    let mut ticks = pipe.ticks().await.unwrap();
    let begun = Instant::now();
    caller.close(GRACE).await;
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    let (_, end) = read(&mut ticks).await;
    assert!(matches!(end, Some(InflowError::Link(LinkEnd::Closed))), "{end:?}");
    sleep(Duration::from_secs(1)).await;
    assert_eq!(pipes.running(), 0);
}

#[rpc_service]
trait Table {
    #[rpc(session)]
    async fn watch(&self) -> Outflow<u64>;
    #[rpc(session)]
    async fn talk(&self, items: Inflow<u64>) -> Outflow<u64>;
    #[rpc(session, timeout = "200s")]
    async fn deposit(&self, items: Inflow<u64>) -> Result<u64, String>;
    /// Responds after an hour.
    #[rpc(session, timeout = "120m")]
    async fn late(&self) -> Outflow<u64>;
}

impl Table for Pipes {
    async fn watch(&self) -> Outflow<u64> {
        self.ticks().await
    }

    async fn talk(&self, mut items: Inflow<u64>) -> Outflow<u64> {
        let (sender, echoes) = Outflow::channel(1);
        self.run(async move {
            let end = loop {
                match items.recv().await {
                    Ok(Some(item)) => drop(sender.send(item).await),
                    end => break end,
                }
            };
            assert!(matches!(end, Err(InflowError::SessionEnded)), "{end:?}");
            sender.closed().await;
        });
        echoes
    }

    async fn deposit(&self, items: Inflow<u64>) -> Result<u64, String> {
        let end = self.sum(items).await;
        assert_eq!(end, Err(InflowError::<String>::SessionEnded.to_string()));
        end
    }

    async fn late(&self) -> Outflow<u64> {
        sleep(Duration::from_secs(3_600)).await;
        self.ticks().await
    }
}

struct Casino {
    network: Network,
    server: Endpoint,
    pipes: Pipes,
    pipe: PipeClient,
    session: Session,
}

impl Casino {
    async fn new(seed: u64) -> Self {
        println!("seed {seed}");
        let network = Network::new(seed);
        network.set_conditions(Conditions::default().latency(ms(30)).jitter(ms(10)).loss(0.02));
        let pipes = Pipes::default();
        let sessions = Sessions::new().lease(Duration::from_secs(5));
        let server = builder(1, &Runs::default()).sessions(sessions).serve(PipeServer::new(pipes.clone()));
        let server = bind(&network, SERVER, server.serve(TableServer::new(pipes.clone())));
        let player = bind(&network, CALLER, builder(2, &Runs::default()));
        let session = player.join(server.local_addr()).secure(peer(1)).await.unwrap();
        let pipe = session.client();
        Self { network, server, pipes, pipe, session }
    }
}

/// Opens streams within a session and one without, lets `end` end the session, and asserts that
/// those end at both ends, at once and with their reason.
async fn assert_streams_end(seed: u64, end: impl AsyncFnOnce(&Network, &Endpoint, Session)) {
    let Casino { network, server, pipes, pipe, session } = Casino::new(seed).await;
    let table: TableClient = session.client();
    let mut others = pipe.ticks().await.unwrap();
    let mut watched = table.watch().await.unwrap();
    let (talker, talk) = Outflow::channel(1);
    let mut echoes = table.talk(talk).await.unwrap();
    let (depositor, deposits) = Outflow::channel(1);
    let deposit = tokio::spawn(table.deposit(deposits));
    let late = tokio::spawn(table.late());
    depositor.send(1).await.unwrap();
    talker.send(7).await.unwrap();
    assert_eq!((echoes.recv().await.unwrap(), watched.recv().await.unwrap()), (Some(7), Some(1)));
    sleep(Duration::from_secs(1)).await;
    end(&network, &server, session).await;
    let ended = Instant::now();
    let watched = loop {
        match watched.recv().await {
            Ok(item) => assert!(item.is_some(), "seed {seed}: a silent end"),
            Err(end) => break end,
        }
    };
    assert!(matches!(watched, InflowError::SessionEnded), "seed {seed}: {watched}");
    let echoed = echoes.recv().await.unwrap_err();
    assert!(matches!(echoed, InflowError::SessionEnded), "seed {seed}: {echoed}");
    for error in [
        deposit.await.unwrap().map(drop).unwrap_err().map_application(drop),
        late.await.unwrap().map(drop).unwrap_err().map_application(|_| ()),
    ] {
        assert!(matches!(error, CallError::Link { reason: LinkEnd::SessionEnded, .. }), "seed {seed}: {error:?}");
        assert!(!error.is_retryable() && error.did_run() == DidRun::Maybe);
    }
    talker.closed().await;
    depositor.closed().await;
    assert!(ended.elapsed() < Duration::from_secs(2), "seed {seed}: {:?}", ended.elapsed());
    // The other stream of the link goes on.
    for _ in 0..5 {
        assert!(others.recv().await.unwrap().is_some(), "seed {seed}");
    }
    assert_eq!(pipes.running(), 1, "seed {seed}: the tasks have ended at the server");
    drop(others);
    sleep(Duration::from_secs(3)).await;
    assert_eq!(pipes.running(), 0, "seed {seed}");
}

#[tokio::test(start_paused = true)]
async fn streams_end_with_the_session_that_their_method_needs() {
    for seed in seeds(SEED_COUNT) {
        assert_streams_end(seed, async |_, server, session| {
            let member = server.sessions().list().remove(0);
            assert!(server.sessions().evict(member.id(), "cheated"));
            assert!(matches!(session.ended().await, EndReason::Evicted(_)));
        })
        .await;
        assert_streams_end(seed, async |_, _, session| _ = session.leave().await).await;
        assert_streams_end(seed, async |_, _, session| drop(session)).await;
        // The lease expires, and the link does not.
        assert_streams_end(seed, async |network, server, session| {
            network.partition([server.local_addr().ip()]);
            while !server.sessions().list().is_empty() {
                sleep(ms(10)).await;
            }
            network.heal();
            assert_eq!(session.ended().await, EndReason::Expired);
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn streams_of_members_go_on_for_the_grace_of_a_closing_server() {
    let Casino { server, session, .. } = Casino::new(1).await;
    let table: TableClient = session.client();
    let mut watched = table.watch().await.unwrap();
    let close = tokio::spawn(server.close(Duration::from_secs(10)));
    for expected in 1..=8 {
        assert_eq!(watched.recv().await.unwrap(), Some(expected));
    }
    assert_eq!(session.ended().await, EndReason::Closing);
    drop(watched);
    let begun = Instant::now();
    close.await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}
