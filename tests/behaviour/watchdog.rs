//! The thread that watches for late calls: it takes no time from the threads that work.

use std::fs;
use std::time::Instant;

use rpcudp::{Endpoint, rpc_service};
use tokio::task::JoinSet;

use crate::support::ms;

#[rpc_service]
trait Echo {
    #[rpc(at_least_once)]
    fn echo(&self, number: u64) -> u64;
}

struct Service;

impl Echo for Service {
    fn echo(&self, number: u64) -> u64 {
        number
    }
}

/// The number of times that the watchdog's thread was woken so far.
fn wake_count() -> u64 {
    let tasks = fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path());
    let watchdog = tasks
        .filter(|task| fs::read_to_string(task.join("comm")).is_ok_and(|name| name.trim() == "rpcudp-watchdog"))
        .map(|task| fs::read_to_string(task.join("status")).unwrap());
    let switches = watchdog.flat_map(|status| {
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).map(str::to_owned);
        line.map(|count| count.trim().parse::<u64>().unwrap())
    });
    switches.sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_endpoints_do_not_wake_the_watchdog_with_each_call() {
    let mut endpoints = Vec::new();
    for _ in 0..30 {
        endpoints.push(Endpoint::builder().serve(EchoServer::new(Service)).bind("127.0.0.1:0").await.unwrap());
    }
    let (started, before) = (Instant::now(), wake_count());
    for _ in 0..500 {
        let ring = endpoints.iter().zip(endpoints.iter().cycle().skip(1));
        let mut calls = JoinSet::new();
        for (from, to) in ring {
            calls.spawn(EchoClient::new(from, to.local_addr()).echo(1).timeout(ms(60_000)).into_future());
        }
        assert!(calls.join_all().await.iter().all(Result::is_ok));
    }
    let wakes = wake_count() - before;
    // Twice in 20 ms: it is woken, and it waits until the next check.
    let limit = started.elapsed().as_millis() as u64 / 10 + 20;
    assert!(wakes <= limit, "woken {wakes} times, not {limit}");
}
