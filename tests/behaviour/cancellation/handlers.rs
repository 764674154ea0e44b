//! The handler of a cancelled request.

use std::time::Duration;

use rpcudp::sim::Conditions;
use rpcudp::{Context, Endpoint};
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep, timeout};

use super::*;
use crate::support::{loopback_pair, ms, over_each_wire};

over_each_wire!(
    handler_of_a_dropped_call_is_dropped_within_a_round_trip,
    at_most_once_handler_runs_on_and_sees_the_cancellation,
    cancellation_reaches_the_calls_of_the_handler,
    cancellation_makes_room_for_another_handler,
    cancel_frame_has_the_id_of_the_last_transmission,
    panic_in_a_dropped_handler_costs_its_request_only,
    handlers_end_on_paths_that_lose_and_reorder_cancel_frames,
);

async fn handler_of_a_dropped_call_is_dropped_within_a_round_trip(wire: Wire) {
    for latency in [ms(1), ms(20), ms(150)] {
        let (pair, client, worker) = pair(wire);
        pair.open_link().await;
        pair.network.set_conditions(Conditions::default().latency(latency));
        for index in 0..2 {
            match index {
                0 => drop_after(client.plain(10_000), ms(400)).await,
                _ => drop_after(client.at_least(10_000), ms(400)).await,
            }
            let dropped = Instant::now();
            sleep(2 * latency).await;
            let (ended, has_returned) = worker.runs()[index].ended.expect("the handler has ended");
            assert!(!has_returned && ended <= dropped + 2 * latency, "{latency:?}: {:?}", ended - dropped);
        }
        let (caller, server) = (pair.caller.stats(), pair.server.stats());
        assert_eq!((caller.calls.cancelled, caller.calls.cancels_sent, caller.calls.in_flight), (2, 2, 0));
        assert_eq!((server.requests.cancels_received, server.requests.cancelled), (2, 2));
        assert_eq!((server.requests.running, server.requests.completed), (0, 0), "its permit is given back");
    }
}

async fn at_most_once_handler_runs_on_and_sees_the_cancellation(wire: Wire) {
    let (pair, client, worker) = pair(wire);
    pair.open_link().await;
    pair.network.set_conditions(Conditions::default().latency(ms(20)));
    drop_after(client.at_most(1_000), ms(300)).await;
    let dropped = Instant::now();
    sleep(ms(2_000)).await;
    let run = &worker.runs()[0];
    assert_eq!(run.cancelled.map(|at| at - dropped), Some(ms(20)));
    assert!(run.ended.unwrap().1, "it has returned");
    let requests = pair.server.stats().requests;
    assert_eq!((requests.cancels_received, requests.cancelled, requests.completed), (1, 0, 1));
}

async fn cancellation_reaches_the_calls_of_the_handler(wire: Wire) {
    let (pair, client, worker) = pair(wire);
    let last_worker = Worker::default();
    let last = Endpoint::builder().serve(WorkServer::new(last_worker.clone()));
    let last = wire.bind(&pair.network, "10.0.0.3:7000", last);
    *worker.next.lock().unwrap() = Some(wire.client(&pair.server, last.local_addr()));
    assert_eq!(client.forward(0).await.unwrap(), Some(0));
    pair.network.set_conditions(Conditions::default().latency(ms(10)));
    drop_after(client.forward(3_000), ms(200)).await;
    sleep(ms(25)).await;
    assert_eq!((worker.ends(), last_worker.ends()), (vec![true, false], vec![true, false]));
}

async fn cancellation_makes_room_for_another_handler(wire: Wire) {
    let (_pair, client, worker) = pair_with(wire, 1, |builder| builder.max_handlers(1), Endpoint::builder());
    for _ in 0..20 {
        let second = async {
            sleep(ms(10)).await;
            client.plain(0).await
        };
        let ((), second) = tokio::join!(drop_after(client.plain(3_000), ms(50)), second);
        assert!(second.is_err(), "the server is busy");
        sleep(ms(1)).await;
        assert_eq!(client.plain(0).await.unwrap(), 0);
    }
    assert_eq!(worker.ends(), [false, true].repeat(20));
}

/// A call that its peer refused is sent again with another id.
async fn cancel_frame_has_the_id_of_the_last_transmission(wire: Wire) {
    let (pair, client, worker) = pair_with(wire, 1, |builder| builder.max_handlers(1), Endpoint::builder());
    let first = tokio::spawn(client.plain(500));
    sleep(ms(1)).await;
    drop_after(client.at_least(10_000).wait_for_ready(), ms(1_500)).await;
    sleep(ms(10)).await;
    assert_eq!((first.await.unwrap().unwrap(), worker.ends()), (500, vec![true, false]));
    assert!(pair.server.stats().requests.refused > 0, "the id has changed");
}

async fn panic_in_a_dropped_handler_costs_its_request_only(wire: Wire) {
    let (pair, client, _) = pair(wire);
    for _ in 0..10 {
        drop_after(client.panics_on_drop(), ms(50)).await;
    }
    sleep(ms(50)).await;
    let requests = pair.server.stats().requests;
    assert_eq!((requests.running, requests.cancelled), (0, 10));
    sleep(Duration::from_secs(61)).await;
    assert_eq!(pair.server.stats().requests.stored_bytes, 0, "no request is recorded as running");
    assert_eq!(client.plain(5).await.unwrap(), 5);
}

/// On several threads, a handler may begin, wait or end while its cancel frame is handled.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_handler_is_left_behind_on_several_threads() {
    const TASK_COUNT: u64 = 16;
    const CALL_COUNT: u64 = 300;
    let worker = Worker::default();
    let (server, caller) = loopback_pair(WorkServer::new(worker.clone())).await;
    let client = WorkClient::new(&caller, server.local_addr());
    let mut tasks = JoinSet::new();
    for task in 0..TASK_COUNT {
        let client = client.clone();
        tasks.spawn(async move {
            for number in 0..CALL_COUNT {
                // An hour: only the cancel frame ends the handler.
                let call = tokio::spawn(client.plain(3_600_000));
                for _ in 0..(task + number) % 8 {
                    yield_now().await;
                }
                if number % 3 == 0 {
                    sleep(ms(1)).await;
                }
                call.abort();
                assert!(call.await.unwrap_err().is_cancelled());
            }
        });
    }
    tasks.join_all().await;
    // The last frames may not have arrived yet.
    let are_all_cancelled = || {
        let (sent, stats) = (caller.stats().calls.cancels_sent, server.stats());
        sent == stats.requests.cancelled && stats.requests.running == 0
    };
    timeout(Duration::from_secs(60), async {
        while !are_all_cancelled() {
            sleep(ms(5)).await;
        }
    })
    .await
    .unwrap_or_else(|_| panic!("{:?} {:?}", caller.stats(), server.stats()));
    assert!(worker.ends().iter().all(|has_returned| !has_returned), "no handler has returned");
}

/// Contexts that outlive the handler keep its state.
#[tokio::test(start_paused = true)]
async fn state_of_a_handler_is_not_that_of_a_later_one() {
    #[rpc_service]
    trait Watched {
        async fn work(&self, cx: &Context, millis: u64);
    }
    #[derive(Clone, Default)]
    struct Contexts(Arc<Mutex<Vec<Context>>>);
    impl Watched for Contexts {
        async fn work(&self, cx: &Context, millis: u64) {
            self.0.lock().unwrap().push(cx.clone());
            sleep(ms(millis)).await;
        }
    }
    let contexts = Contexts::default();
    let server = Endpoint::builder().serve(WatchedServer::new(contexts.clone()));
    let pair = Pair::new(Network::new(1), server, Endpoint::builder());
    let client: WatchedClient = pair.client();
    client.work(0).await.unwrap();
    drop_after(client.work(1_000), ms(10)).await;
    sleep(ms(10)).await;
    client.work(0).await.unwrap();
    let contexts = contexts.0.lock().unwrap().clone();
    assert_eq!(contexts.iter().map(Context::is_cancelled).collect::<Vec<_>>(), [false, true, false]);
    timeout(ms(1), contexts[1].cancelled()).await.unwrap();
    assert!(timeout(ms(1), contexts[2].cancelled()).await.is_err());
}

/// On every path each handler ends: by its caller's frame, or by itself if the frame is lost.
async fn handlers_end_on_paths_that_lose_and_reorder_cancel_frames(wire: Wire) {
    const CALL_COUNT: usize = 60;
    let (mut lost, mut dropped) = (0, 0);
    for seed in wire.seeds(20) {
        let (pair, client, worker) = pair_with(wire, seed, |builder| builder, Endpoint::builder());
        let conditions =
            Conditions::default().latency(ms(30)).jitter(ms(60)).loss(0.2).duplication(0.1).reordering(0.1);
        pair.network.set_conditions(conditions);
        let mut calls = JoinSet::new();
        for number in 0..CALL_COUNT as u64 {
            let delay = ms(5 + number * 7);
            match number % 3 {
                0 => calls.spawn(drop_after(client.plain(3_000), delay)),
                1 => calls.spawn(drop_after(client.at_least(3_000), delay)),
                _ => calls.spawn(drop_after(client.at_most(3_000), delay)),
            };
        }
        calls.join_all().await;
        sleep(Duration::from_secs(10)).await;
        let (runs, requests) = (worker.runs(), pair.server.stats().requests);
        assert!(runs.iter().all(|run| run.ended.is_some()) && requests.running == 0, "seed {seed}: {requests:?}");
        let at_most: Vec<_> = runs.iter().filter(|run| run.method == "at_most").collect();
        assert!(at_most.iter().all(|run| run.ended.unwrap().1), "seed {seed}: at-most-once handlers return");
        for run in &at_most {
            assert_eq!(at_most.iter().filter(|other| other.id == run.id).count(), 1, "seed {seed}: it runs once");
        }
        let dropped_here = worker.ends().iter().filter(|has_returned| !**has_returned).count() as u64;
        // A frame that follows its request closely finds a handler that has not begun.
        assert!(dropped_here <= requests.cancelled, "seed {seed}: {requests:?}");
        assert_eq!(pair.caller.stats().calls.cancels_sent, CALL_COUNT as u64, "seed {seed}");
        // A duplicate that arrives after the frame does not run.
        assert!(
            runs.len() <= CALL_COUNT + runs.iter().filter(|run| run.method == "plain").count(),
            "seed {seed}: {} runs",
            runs.len()
        );
        dropped += dropped_here;
        lost += runs.iter().filter(|run| run.method != "at_most" && run.ended.unwrap().1).count();
    }
    assert!(dropped > 0 && lost > 0, "{dropped} handlers were dropped, and {lost} ran on");
}
