//! Five servers in trouble: loss, a killed server, a slow one, a partitioned one, and a restart of
//! all, one by one. Each storm has a seed, and `RPCUDP_SEEDS=1000` runs that many small ones.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rpcudp::sim::Conditions;
use rpcudp::{CallError, Change, DidRun, Peers};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::fixture::{Group, WorkClient, addr};
use crate::support::{ms, seeds};

/// Servers, of which those in use change.
const SERVER_COUNT: usize = 5;

/// The time between the beginnings of two troubles, each of which takes 12 to 15 seconds.
const CYCLE: Duration = Duration::from_secs(16);

/// A run.
#[derive(Clone, Copy, Debug)]
struct Storm {
    seed: u64,
    trouble: Trouble,
    /// Calls, at random times.
    call_count: u64,
    /// Troubles, one after the other.
    cycle_count: u32,
    /// Whether a server restarts at another address.
    moves_away: bool,
}

/// The trouble that a run has.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Trouble {
    /// Loss only.
    Quiet,
    All,
}

/// A call's number, result and time.
type Ended = (u64, Result<u64, CallError>, Duration);

impl Storm {
    /// A storm of one cycle with few calls, of which many seeds run.
    const fn small(seed: u64, trouble: Trouble) -> Self {
        Self { seed, trouble, call_count: 250, cycle_count: 1, moves_away: false }
    }

    /// A storm of 100,000 calls.
    const fn large(trouble: Trouble) -> Self {
        Self { seed: 0, trouble, call_count: 100_000, cycle_count: 50, moves_away: false }
    }

    /// Makes the calls. Returns their ends by number, and the group.
    async fn run<T>(self, call: impl Fn(&WorkClient, u64) -> T) -> (Vec<Ended>, Group)
    where
        T: IntoFuture<Output = Result<u64, CallError>> + Send + 'static,
        T::IntoFuture: Send,
    {
        let group = Group::new(self.seed, SERVER_COUNT);
        group.network.set_conditions(Conditions::default().latency(ms(5)).loss(0.2));
        let (changes, receiver) = mpsc::channel(16);
        for addr in group.addrs() {
            changes.send(Change::Insert(addr)).await.unwrap();
        }
        let client = WorkClient::group(&group.caller, Peers::changes(receiver));
        let (mut troubles, mut idle) = (JoinSet::new(), None);
        match self.trouble {
            Trouble::All => drop(troubles.spawn(self.make_troubles(group, changes))),
            Trouble::Quiet => idle = Some(group),
        }
        let mut calls = JoinSet::new();
        let mut rng = StdRng::seed_from_u64(self.seed);
        let mean_interval = (CYCLE * self.cycle_count).as_millis() as u64 / self.call_count;
        for number in 0..self.call_count {
            let call = call(&client, number);
            calls.spawn(async move {
                let start = Instant::now();
                (number, call.await, start.elapsed())
            });
            sleep(ms(rng.random_range(1..2 * mean_interval))).await;
        }
        let mut ended = calls.join_all().await;
        ended.sort_by_key(|(number, ..)| *number);
        let group = match idle {
            Some(group) => group,
            None => troubles.join_next().await.expect("a task").expect("no panic"),
        };
        (ended, group)
    }

    async fn make_troubles(self, mut group: Group, changes: mpsc::Sender<Change>) -> Group {
        let mut current = [0, 1, 2, 3, 4];
        for _ in 0..self.cycle_count {
            let start = Instant::now();
            self.make_trouble(&mut group, &mut current, &changes).await;
            sleep(CYCLE.saturating_sub(start.elapsed())).await;
        }
        group
    }

    /// Makes trouble for the current servers.
    async fn make_trouble(
        self,
        group: &mut Group,
        current: &mut [usize; SERVER_COUNT],
        changes: &mpsc::Sender<Change>,
    ) {
        let lossy = Conditions::default().latency(ms(5)).loss(0.2);
        let [slow, cut_off] = [current[1], current[2]].map(|server| addr(server).ip());
        let caller = group.caller.local_addr().ip();
        sleep(ms(1_000)).await;
        // The first is killed, the second becomes ten times as slow, the third is partitioned.
        group.kill(current[0]).await;
        sleep(ms(1_000)).await;
        let slowly = lossy.clone().latency(ms(50));
        group.network.set_link(slow, caller, slowly.clone());
        group.network.set_link(caller, slow, slowly);
        sleep(ms(1_000)).await;
        group.network.partition([cut_off]);
        sleep(ms(4_000)).await;
        group.network.heal();
        group.network.set_link(slow, caller, lossy.clone());
        group.network.set_link(caller, slow, lossy);
        // All restart, one by one. Running handlers may finish.
        for server in current {
            if let Some(endpoint) = group.servers[*server].take() {
                endpoint.close(ms(500)).await;
            }
            sleep(ms(500)).await;
            if self.moves_away {
                changes.send(Change::Remove(addr(*server))).await.unwrap();
                group.servers.push(None);
                *server = group.servers.len() - 1;
                group.start(*server, Duration::ZERO, |builder| builder);
                changes.send(Change::Insert(addr(*server))).await.unwrap();
            } else {
                group.start(*server, Duration::ZERO, |builder| builder);
            }
            sleep(ms(500)).await;
        }
    }
}

/// Runs the calls of an idempotent method, of which none may fail. Returns their times.
async fn repeat(storm: Storm, is_hedged: bool) -> Vec<Duration> {
    let call = |client: &WorkClient, number| {
        let call = client.repeat(number).wait_for_ready();
        if is_hedged { call.hedged() } else { call }
    };
    let (ended, group) = storm.run(call).await;
    for (number, result, _) in &ended {
        assert_eq!(result.as_ref().unwrap_or_else(|error| panic!("{storm:?}: {error:?}")), number);
    }
    let stats = group.caller.stats();
    assert_eq!((stats.calls.started, stats.calls.completed), (storm.call_count, storm.call_count), "{storm:?}");
    assert!(storm.trouble == Trouble::Quiet || is_hedged || stats.calls.moved > 0, "{storm:?}: {stats:?}");
    ended.into_iter().map(|(.., time)| time).collect()
}

/// Runs the calls of an at-most-once method, and compares each with the number of its runs.
async fn once(storm: Storm) {
    let (ended, group) = storm.run(|client, number| client.once(number)).await;
    let mut failed = 0;
    for (number, result, _) in ended {
        let run_count = group.log.runs_of(number);
        assert!(run_count <= 1, "{storm:?}: call {number} ran {run_count} times");
        match result {
            Ok(value) => assert_eq!((value, run_count), (number, 1), "{storm:?}"),
            Err(error) => {
                failed += 1;
                let may_have_run = error.did_run() != DidRun::No;
                assert!(may_have_run || run_count == 0, "{storm:?}: {error:?}, and it ran");
            }
        }
    }
    assert!(failed < storm.call_count / 10, "{storm:?}: {failed} calls failed");
}

/// Asserts that the times of the calls in trouble are close to those without.
fn assert_close(quiet: Vec<Duration>, in_trouble: Vec<Duration>, hedged: Vec<Duration>) {
    let [quiet, in_trouble, hedged] = [quiet, in_trouble, hedged].map(percentile_99);
    // Shown with `--nocapture`.
    let times = format!("p99 is {quiet:?} without trouble, {in_trouble:?} with, {hedged:?} hedged");
    println!("{times}");
    assert!(in_trouble <= 2 * quiet && 10 * hedged <= 13 * quiet, "{times}");
}

/// Returns the time that 99 % of the calls do not exceed.
fn percentile_99(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() * 99 / 100]
}

#[tokio::test(start_paused = true)]
async fn no_idempotent_call_fails() {
    let (mut quiet, mut in_trouble, mut hedged) = (Vec::new(), Vec::new(), Vec::new());
    for seed in seeds(200) {
        quiet.extend(repeat(Storm::small(seed, Trouble::Quiet), false).await);
        in_trouble.extend(repeat(Storm::small(seed, Trouble::All), false).await);
        hedged.extend(repeat(Storm::small(seed, Trouble::All), true).await);
    }
    assert_close(quiet, in_trouble, hedged);
}

#[tokio::test(start_paused = true)]
async fn none_of_100_000_idempotent_calls_fails() {
    let quiet = repeat(Storm::large(Trouble::Quiet), false).await;
    let in_trouble = repeat(Storm::large(Trouble::All), false).await;
    assert_close(quiet, in_trouble, repeat(Storm::large(Trouble::All), true).await);
}

#[tokio::test(start_paused = true)]
async fn no_at_most_once_call_runs_twice_or_succeeds_without_having_run() {
    for seed in seeds(200) {
        once(Storm { moves_away: true, ..Storm::small(seed, Trouble::All) }).await;
    }
}

#[tokio::test(start_paused = true)]
async fn none_of_100_000_at_most_once_calls_runs_twice() {
    once(Storm { moves_away: true, ..Storm::large(Trouble::All) }).await;
}
