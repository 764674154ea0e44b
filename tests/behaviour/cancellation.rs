//! Calls that are dropped before their response: the cancel frame, and the handler that it reaches.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use rpcudp::sim::{Conditions, Network, Node};
use rpcudp::{Builder, Call, Context, Dialect, DropReason, Endpoint, MessageId, rpc_service};
use rpcudp_core::{Frame, Request};
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep, timeout};

use crate::support::{Pair, SERVER, bind, loopback_pair, ms, receive, request, seeds, send};

#[rpc_service]
trait Work {
    async fn plain(&self, cx: &Context, millis: u64) -> u64;
    #[rpc(at_least_once, timeout = "20s")]
    async fn at_least(&self, cx: &Context, millis: u64) -> u64;
    #[rpc(at_most_once, timeout = "20s")]
    async fn at_most(&self, cx: &Context, millis: u64) -> u64;
    #[rpc(oneway)]
    async fn oneway(&self, cx: &Context, millis: u64);
    #[rpc(at_least_once)]
    fn quick(&self, cx: &Context) -> bool;
    /// Calls `plain` of the next server.
    async fn forward(&self, cx: &Context, millis: u64) -> Option<u64>;
    /// Panics when it is dropped before it has returned.
    #[rpc(at_least_once)]
    async fn panics_on_drop(&self);
}

/// A handler, and its end.
#[derive(Clone, Debug)]
struct Run {
    id: MessageId,
    method: &'static str,
    /// The time at which the handler saw that its caller had cancelled the request.
    cancelled: Option<Instant>,
    /// The time at which it ended, and whether it returned.
    ended: Option<(Instant, bool)>,
}

/// The service, and the record of its handlers. A clone shares the record.
#[derive(Clone, Default)]
struct Worker {
    runs: Arc<Mutex<Vec<Run>>>,
    next: Arc<Mutex<Option<WorkClient>>>,
}

/// The end of a handler.
struct OnDrop<'a> {
    worker: &'a Worker,
    index: usize,
    has_returned: bool,
}

impl Worker {
    fn begin(&self, cx: &Context, method: &'static str) -> OnDrop<'_> {
        let mut runs = self.runs.lock().unwrap();
        runs.push(Run { id: cx.message_id(), method, cancelled: None, ended: None });
        OnDrop { worker: self, index: runs.len() - 1, has_returned: false }
    }

    async fn run(&self, cx: &Context, method: &'static str, millis: u64) -> u64 {
        let mut run = self.begin(cx, method);
        let mut work = pin!(sleep(ms(millis)));
        tokio::select! {
            () = &mut work => {}
            () = cx.cancelled() => {
                assert!(cx.is_cancelled());
                self.runs.lock().unwrap()[run.index].cancelled = Some(Instant::now());
                work.await;
            }
        }
        run.has_returned = true;
        millis
    }

    fn runs(&self) -> Vec<Run> {
        self.runs.lock().unwrap().clone()
    }

    /// Returns whether each handler returned, for those that have ended.
    fn ends(&self) -> Vec<bool> {
        self.runs().iter().filter_map(|run| run.ended).map(|(_, has_returned)| has_returned).collect()
    }
}

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.worker.runs.lock().unwrap()[self.index].ended = Some((Instant::now(), self.has_returned));
    }
}

struct PanicsOnDrop;

impl Drop for PanicsOnDrop {
    fn drop(&mut self) {
        panic!("a handler's value panics when it is dropped");
    }
}

impl Work for Worker {
    async fn plain(&self, cx: &Context, millis: u64) -> u64 {
        self.run(cx, "plain", millis).await
    }
    async fn at_least(&self, cx: &Context, millis: u64) -> u64 {
        self.run(cx, "at_least", millis).await
    }
    async fn at_most(&self, cx: &Context, millis: u64) -> u64 {
        self.run(cx, "at_most", millis).await
    }
    async fn oneway(&self, cx: &Context, millis: u64) {
        self.run(cx, "oneway", millis).await;
    }
    fn quick(&self, cx: &Context) -> bool {
        self.begin(cx, "quick").has_returned = true;
        cx.is_cancelled()
    }
    async fn forward(&self, cx: &Context, millis: u64) -> Option<u64> {
        let mut run = self.begin(cx, "forward");
        let next = self.next.lock().unwrap().as_ref().map(rpcudp::Client::peer)?;
        let result = WorkClient::new(cx, next).plain(millis).await;
        run.has_returned = true;
        result.ok()
    }
    async fn panics_on_drop(&self) {
        let _value = PanicsOnDrop;
        sleep(ms(1_000)).await;
    }
}

fn pair_with(seed: u64, server: impl FnOnce(Builder) -> Builder, caller: Builder) -> (Pair, WorkClient, Worker) {
    let worker = Worker::default();
    let server = server(Endpoint::builder().serve(WorkServer::new(worker.clone())));
    let pair = Pair::new(Network::new(seed), server, caller);
    let client = pair.client();
    (pair, client, worker)
}

fn pair() -> (Pair, WorkClient, Worker) {
    pair_with(1, |builder| builder, Endpoint::builder())
}

/// Polls a call for a time, and drops it.
async fn drop_after<T, E, D>(call: Call<T, E, D>, delay: Duration) {
    assert!(timeout(delay, call).await.is_err(), "the call has not ended");
}

/// A server, and nodes that send datagrams from addresses of their own.
struct Raw {
    network: Network,
    server: Endpoint,
    worker: Worker,
}

impl Raw {
    fn new() -> Self {
        let (network, worker) = (Network::new(1), Worker::default());
        let server = bind(&network, SERVER, Endpoint::builder().serve(WorkServer::new(worker.clone())));
        Self { network, server, worker }
    }

    fn node(&self, host: u8) -> Node {
        self.network.bind(std::net::SocketAddr::from(([192, 0, 2, host], 7_000))).unwrap()
    }

    /// Sends a datagram, and returns the datagrams that arrive within 1 ms.
    async fn exchange(&self, from: &Node, datagram: &[u8]) -> Vec<Vec<u8>> {
        send(from, self.server.local_addr(), datagram);
        receive(from).await
    }
}

/// A request as callers of this crate send it, with their remaining time.
fn with_remaining(id: [u8; 20], method: &str, millis: u64) -> Vec<u8> {
    let mut datagram = request(id, method, &[&millis]);
    Request::end(&mut datagram, Duration::from_secs(20));
    datagram
}

fn cancel(id: [u8; 20]) -> Vec<u8> {
    let mut frame = Vec::new();
    Frame::encode_cancel(&mut frame, MessageId::from_bytes(id));
    frame
}

#[tokio::test(start_paused = true)]
async fn handler_of_a_dropped_call_is_dropped_within_a_round_trip() {
    for latency in [ms(1), ms(20), ms(150)] {
        let (pair, client, worker) = pair();
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

#[tokio::test(start_paused = true)]
async fn at_most_once_handler_runs_on_and_sees_the_cancellation() {
    let (pair, client, worker) = pair();
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

#[tokio::test(start_paused = true)]
async fn every_way_to_drop_a_call_in_flight_sends_one_cancel_frame() {
    let (pair, client, worker) = pair();
    drop_after(client.plain(10_000), ms(10)).await;
    tokio::select! {
        _ = client.plain(10_000) => panic!("the call has not ended"),
        () = sleep(ms(10)) => {}
    }
    let task = tokio::spawn(client.plain(10_000));
    sleep(ms(10)).await;
    task.abort();
    let mut tasks = JoinSet::new();
    (0..7).for_each(|_| drop(tasks.spawn(client.at_least(10_000))));
    sleep(ms(10)).await;
    drop(tasks);
    sleep(ms(10)).await;
    assert_eq!((pair.caller.stats().calls.cancels_sent, worker.ends()), (10, vec![false; 10]));
    assert_eq!(pair.server.stats().requests.cancels_received, 10);
}

#[tokio::test(start_paused = true)]
async fn call_that_needs_no_cancel_frame_sends_none() {
    let (pair, client, _) = pair();
    assert_eq!(client.plain(5).await.unwrap(), 5);
    drop(client.plain(5));
    client.oneway(5).await.unwrap();
    assert!(client.plain(10_000).timeout(ms(50)).await.unwrap_err().is_timeout());
    drop_after(client.plain(10_000).omit_deadline(), ms(50)).await;
    // The response has arrived, and the call has not been polled since.
    let mut call = client.quick();
    let polled = poll_fn(|cx| Poll::Ready(Pin::new(&mut call).poll(cx))).await;
    assert!(polled.is_pending());
    sleep(ms(50)).await;
    drop(call);
    sleep(ms(50)).await;
    assert_eq!(pair.caller.stats().calls.cancels_sent, 0);
    let stats = pair.server.stats();
    assert_eq!((stats.requests.cancels_received, stats.dropped(DropReason::UnmatchedCancel)), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn endpoint_with_send_cancels_off_sends_none() {
    let (pair, client, worker) = pair_with(1, |builder| builder, Endpoint::builder().send_cancels(false));
    drop_after(client.plain(100), ms(50)).await;
    sleep(ms(100)).await;
    assert_eq!((pair.caller.stats().calls.cancels_sent, worker.ends()), (0, vec![true]));
    assert_eq!(pair.caller.stats().datagrams.sent, 1);
}

#[tokio::test(start_paused = true)]
async fn storj_dialect_has_no_cancel_frames() {
    let storj = |builder: Builder| builder.dialect(Dialect::Storj);
    let (pair, client, worker) = pair_with(1, storj, storj(Endpoint::builder()));
    drop_after(client.plain(100), ms(50)).await;
    sleep(ms(100)).await;
    assert_eq!((pair.caller.stats().datagrams.sent, worker.ends()), (1, vec![true]));
    let node = pair.network.bind("192.0.2.1:7000").unwrap();
    send(&node, pair.server.local_addr(), &cancel([7; 20]));
    sleep(ms(10)).await;
    assert_eq!(pair.server.stats().dropped(DropReason::OtherDialect), 1);
}

#[tokio::test(start_paused = true)]
async fn cancel_frame_of_another_source_or_id_does_nothing() {
    for method in ["plain", "at_least", "at_most"] {
        let raw = Raw::new();
        let [caller, other] = [1, 2].map(|host| raw.node(host));
        assert!(raw.exchange(&caller, &with_remaining([7; 20], method, 100)).await.is_empty());
        for forged in [cancel([7; 20]), cancel([8; 20])] {
            assert!(raw.exchange(&other, &forged).await.is_empty(), "no response");
        }
        assert!(raw.exchange(&caller, &cancel([8; 20])).await.is_empty());
        assert!(raw.exchange(&caller, &[&[5][..], &[7; 20], b"\x90"].concat()).await.is_empty());
        sleep(ms(200)).await;
        let stats = raw.server.stats();
        assert_eq!((raw.worker.ends(), raw.worker.runs()[0].cancelled), (vec![true], None), "{method}");
        assert_eq!((stats.requests.cancels_received, stats.dropped(DropReason::UnmatchedCancel)), (0, 3));
        assert_eq!(stats.dropped(DropReason::WrongShape), 1);
        assert_eq!(receive(&caller).await.len(), 1, "the response");
    }
}

#[tokio::test(start_paused = true)]
async fn request_without_a_remaining_time_cannot_be_cancelled() {
    let raw = Raw::new();
    let caller = raw.node(1);
    assert!(raw.exchange(&caller, &request([7; 20], "plain", &[&100_u64])).await.is_empty());
    assert!(raw.exchange(&caller, &cancel([7; 20])).await.is_empty());
    sleep(ms(200)).await;
    assert_eq!(raw.worker.ends(), [true], "its id may be weak, so the frame may be forged");
    assert_eq!(raw.exchange(&caller, &request([7; 20], "plain", &[&0_u64])).await.len(), 1, "and it runs again");
}

#[tokio::test(start_paused = true)]
async fn request_that_its_cancel_frame_overtakes_does_not_run() {
    let raw = Raw::new();
    let [caller, other] = [1, 2].map(|host| raw.node(host));
    for (id, method) in [([7; 20], "plain"), ([8; 20], "at_least"), ([9; 20], "at_most")] {
        raw.exchange(&caller, &cancel(id)).await;
        for _ in 0..3 {
            assert!(raw.exchange(&caller, &with_remaining(id, method, 0)).await.is_empty(), "{method}");
        }
    }
    assert!(raw.worker.runs().is_empty());
    let stats = raw.server.stats();
    // A duplicate of a request that must not run twice is recognized as such.
    assert_eq!((stats.requests.cancelled, stats.dropped(DropReason::DuplicateRequest)), (7, 2));
    assert_eq!((stats.requests.running, stats.dropped(DropReason::UnmatchedCancel)), (0, 3));
    // The same id of another caller is another request.
    assert_eq!(raw.exchange(&other, &with_remaining([7; 20], "plain", 0)).await.len(), 1);
    // A sync method has no handler to cancel.
    raw.exchange(&caller, &cancel([6; 20])).await;
    assert_eq!(raw.exchange(&caller, &with_remaining([6; 20], "quick", 0)).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn duplicate_of_a_cancelled_request_does_not_run() {
    for (method, delay) in [("plain", 0), ("plain", 50), ("at_least", 0), ("at_least", 50)] {
        let raw = Raw::new();
        let caller = raw.node(1);
        let datagram = with_remaining([7; 20], method, 1_000);
        raw.exchange(&caller, &datagram).await;
        sleep(ms(delay)).await;
        raw.exchange(&caller, &cancel([7; 20])).await;
        for _ in 0..3 {
            assert!(raw.exchange(&caller, &datagram).await.is_empty(), "{method}, {delay} ms");
        }
        assert_eq!(raw.worker.ends(), [false], "{method}, {delay} ms");
        assert_eq!(raw.server.stats().requests.cancels_received, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn duplicates_of_a_plain_request_are_cancelled_together() {
    let raw = Raw::new();
    let caller = raw.node(1);
    let datagram = with_remaining([7; 20], "plain", 1_000);
    for _ in 0..3 {
        raw.exchange(&caller, &datagram).await;
    }
    raw.exchange(&caller, &cancel([7; 20])).await;
    assert_eq!((raw.worker.ends(), raw.server.stats().requests.cancelled), (vec![false; 3], 3));
}

#[tokio::test(start_paused = true)]
async fn duplicate_of_a_cancelled_at_most_once_request_gets_its_response() {
    let raw = Raw::new();
    let caller = raw.node(1);
    let datagram = with_remaining([7; 20], "at_most", 100);
    raw.exchange(&caller, &datagram).await;
    raw.exchange(&caller, &cancel([7; 20])).await;
    raw.exchange(&caller, &cancel([7; 20])).await;
    sleep(ms(200)).await;
    let response = receive(&caller).await;
    assert_eq!(response.len(), 1);
    assert_eq!(raw.exchange(&caller, &datagram).await, response);
    let stats = raw.server.stats();
    assert_eq!((raw.worker.ends(), stats.requests.cancels_received), (vec![true], 1));
    assert_eq!(stats.dropped(DropReason::UnmatchedCancel), 1, "the second frame");
}

#[tokio::test(start_paused = true)]
async fn cancellation_reaches_the_calls_of_the_handler() {
    let (pair, client, worker) = pair();
    let last_worker = Worker::default();
    let last = bind(&pair.network, "10.0.0.3:7000", Endpoint::builder().serve(WorkServer::new(last_worker.clone())));
    *worker.next.lock().unwrap() = Some(WorkClient::new(&pair.server, last.local_addr()));
    pair.network.set_conditions(Conditions::default().latency(ms(10)));
    drop_after(client.forward(3_000), ms(200)).await;
    sleep(ms(25)).await;
    assert_eq!((worker.ends(), last_worker.ends()), (vec![false], vec![false]));
}

#[tokio::test(start_paused = true)]
async fn cancellation_makes_room_for_another_handler() {
    let (_pair, client, worker) = pair_with(1, |builder| builder.max_handlers(1), Endpoint::builder());
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
#[tokio::test(start_paused = true)]
async fn cancel_frame_has_the_id_of_the_last_transmission() {
    let (pair, client, worker) = pair_with(1, |builder| builder.max_handlers(1), Endpoint::builder());
    let first = tokio::spawn(client.plain(500));
    sleep(ms(1)).await;
    drop_after(client.at_least(10_000).wait_for_ready(), ms(1_500)).await;
    sleep(ms(10)).await;
    assert_eq!((first.await.unwrap().unwrap(), worker.ends()), (500, vec![true, false]));
    assert!(pair.server.stats().requests.refused > 0, "the id has changed");
}

#[tokio::test(start_paused = true)]
async fn panic_in_a_dropped_handler_costs_its_request_only() {
    let (pair, client, _) = pair();
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
#[tokio::test(start_paused = true)]
async fn handlers_end_on_paths_that_lose_and_reorder_cancel_frames() {
    const CALL_COUNT: usize = 60;
    let (mut lost, mut dropped) = (0, 0);
    for seed in seeds(20) {
        let (pair, client, worker) = pair_with(seed, |builder| builder, Endpoint::builder());
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
