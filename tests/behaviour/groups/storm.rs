//! Five servers in trouble: loss, a killed server, a slow one, a partitioned one, and a restart of
//! all, one by one. Each run has a seed, and `RPCUDP_SEEDS=1000` runs that many.

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

/// The number of calls of a run, one every 10 ms.
const CALL_COUNT: u64 = 2_000;

/// Servers, of which those in use change.
const SERVER_COUNT: usize = 5;

/// The trouble that a run has.
#[derive(Clone, Copy, PartialEq)]
enum Trouble {
    /// Loss only.
    Quiet,
    All,
}

/// Makes trouble for about 16 seconds. A server restarts at the same address, or at another one.
async fn make_trouble(mut group: Group, changes: mpsc::Sender<Change>, moves_away: bool) -> Group {
    let lossy = Conditions::default().latency(ms(5)).loss(0.2);
    sleep(ms(1_000)).await;
    // Server 0 is killed, server 1 becomes ten times as slow, server 2 is partitioned.
    group.kill(0).await;
    sleep(ms(1_000)).await;
    let slow = lossy.clone().latency(ms(50));
    group.network.set_link(addr(1).ip(), group.caller.local_addr().ip(), slow.clone());
    group.network.set_link(group.caller.local_addr().ip(), addr(1).ip(), slow);
    sleep(ms(1_000)).await;
    group.network.partition([addr(2).ip()]);
    sleep(ms(4_000)).await;
    group.network.heal();
    group.network.set_link(addr(1).ip(), group.caller.local_addr().ip(), lossy.clone());
    group.network.set_link(group.caller.local_addr().ip(), addr(1).ip(), lossy);
    // All restart, one by one. Running handlers may finish.
    for server in 0..SERVER_COUNT {
        if let Some(endpoint) = group.servers[server].take() {
            endpoint.close(ms(500)).await;
        }
        sleep(ms(500)).await;
        if moves_away {
            changes.send(Change::Remove(addr(server))).await.unwrap();
            group.servers.push(None);
            let server = group.servers.len() - 1;
            group.start(server, Duration::ZERO, |builder| builder);
            changes.send(Change::Insert(addr(server))).await.unwrap();
        } else {
            group.start(server, Duration::ZERO, |builder| builder);
        }
        sleep(ms(500)).await;
    }
    group
}

/// Makes calls while there is trouble. Returns their results by number, with their times.
async fn run<T>(
    seed: u64,
    trouble: Trouble,
    moves_away: bool,
    call: impl Fn(&WorkClient, u64) -> T,
) -> (Vec<(u64, Result<u64, CallError>, Duration)>, Group)
where
    T: IntoFuture<Output = Result<u64, CallError>> + Send + 'static,
    T::IntoFuture: Send,
{
    let group = Group::new(seed, SERVER_COUNT);
    group.network.set_conditions(Conditions::default().latency(ms(5)).loss(0.2));
    let (changes, receiver) = mpsc::channel(16);
    for addr in group.addrs() {
        changes.send(Change::Insert(addr)).await.unwrap();
    }
    let client = WorkClient::group(&group.caller, Peers::changes(receiver));
    let (mut troubles, mut idle) = (JoinSet::new(), None);
    match trouble {
        Trouble::All => drop(troubles.spawn(make_trouble(group, changes, moves_away))),
        Trouble::Quiet => idle = Some(group),
    }
    let mut calls = JoinSet::new();
    let mut rng = StdRng::seed_from_u64(seed);
    for number in 0..CALL_COUNT {
        let call = call(&client, number);
        calls.spawn(async move {
            let start = Instant::now();
            (number, call.await, start.elapsed())
        });
        sleep(ms(rng.random_range(1..=15))).await;
    }
    let mut ended = calls.join_all().await;
    ended.sort_by_key(|(number, ..)| *number);
    let group = match idle {
        Some(group) => group,
        None => troubles.join_next().await.expect("a task").expect("no panic"),
    };
    (ended, group)
}

/// Returns the time that 99 % of the calls do not exceed.
fn percentile_99(ended: &[(u64, Result<u64, CallError>, Duration)]) -> Duration {
    let mut times: Vec<_> = ended.iter().map(|(.., time)| *time).collect();
    times.sort();
    times[times.len() * 99 / 100]
}

#[tokio::test(start_paused = true)]
async fn no_idempotent_call_fails() {
    for seed in seeds(3) {
        let call = |client: &WorkClient, number| client.repeat(number).wait_for_ready();
        let (quiet, _) = run(seed, Trouble::Quiet, false, call).await;
        let (ended, group) = run(seed, Trouble::All, false, call).await;
        for (number, result, _) in quiet.iter().chain(&ended) {
            assert_eq!(result.as_ref().unwrap_or_else(|error| panic!("seed {seed}: {error:?}")), number);
        }
        let stats = group.caller.stats();
        assert!(stats.calls.moved > 0, "seed {seed}: {stats:?}");
        assert_eq!((stats.calls.started, stats.calls.completed), (CALL_COUNT, CALL_COUNT), "seed {seed}");
        let (quiet_time, time) = (percentile_99(&quiet), percentile_99(&ended));
        assert!(time <= 2 * quiet_time, "seed {seed}: p99 is {quiet_time:?} without trouble, {time:?} with");
        let call = |client: &WorkClient, number| client.repeat(number).wait_for_ready().hedged();
        let (ended, _) = run(seed, Trouble::All, false, call).await;
        for (number, result, _) in &ended {
            assert_eq!(result.as_ref().unwrap_or_else(|error| panic!("seed {seed}: {error:?}")), number);
        }
        let time = percentile_99(&ended);
        assert!(10 * time <= 13 * quiet_time, "seed {seed}: p99 is {quiet_time:?} without trouble, {time:?} hedged");
    }
}

#[tokio::test(start_paused = true)]
async fn no_at_most_once_call_runs_twice_or_succeeds_without_having_run() {
    for seed in seeds(3) {
        let (ended, group) = run(seed, Trouble::All, true, |client, number| client.once(number)).await;
        let mut failed = 0;
        for (number, result, _) in ended {
            let run_count = group.log.runs_of(number);
            assert!(run_count <= 1, "seed {seed}: call {number} ran {run_count} times");
            match result {
                Ok(value) => assert_eq!((value, run_count), (number, 1), "seed {seed}"),
                Err(error) => {
                    failed += 1;
                    let may_have_run = error.did_run() != DidRun::No;
                    assert!(may_have_run || run_count == 0, "seed {seed}: {error:?}, and it ran");
                }
            }
        }
        assert!(failed < CALL_COUNT / 10, "seed {seed}: {failed} calls failed");
    }
}
