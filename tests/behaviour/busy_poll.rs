//! Threads of the program that receive for an endpoint, and corks.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use rpcudp::sim::Network;
use rpcudp::{Endpoint, rpc_service};
use tokio::task::yield_now;

#[rpc_service]
trait Adder {
    fn add(&self, one: u32, other: u32) -> u32;
    async fn add_later(&self, one: u32, other: u32) -> u32;
    #[rpc(at_most_once)]
    fn add_once(&self, one: u32, other: u32) -> u32;
}

/// Counts the calls.
#[derive(Clone, Default)]
struct Sum(Arc<AtomicUsize>);

impl Adder for Sum {
    fn add(&self, one: u32, other: u32) -> u32 {
        self.0.fetch_add(1, Ordering::SeqCst);
        one + other
    }

    async fn add_later(&self, one: u32, other: u32) -> u32 {
        self.add(one, other)
    }

    fn add_once(&self, one: u32, other: u32) -> u32 {
        self.add(one, other)
    }
}

/// Returns a server and a client on a simulated network, both of which may be polled by threads.
async fn pair() -> (Endpoint, Endpoint) {
    let network = Network::new(7);
    let bind = |addr: &str| network.bind(addr).unwrap();
    let builder = || Endpoint::builder().busy_poll(true);
    let server = builder().serve(AdderServer::new(Sum::default())).bind_transport(bind("10.0.0.1:7000")).unwrap();
    let client = builder().bind_transport(bind("10.0.0.2:7000")).unwrap();
    // The drivers run for the first time.
    yield_now().await;
    (server, client)
}

fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test(start_paused = true)]
async fn a_call_takes_place_on_the_thread_that_polls() {
    let (server, client) = pair().await;
    let adder = AdderClient::new(&client, server.local_addr());
    for (mut call, method) in [(adder.add(1, 2), "add"), (adder.add_once(1, 2), "add_once")] {
        assert_eq!((server.busy_poll(), client.busy_poll()), (0, 0));
        assert!(poll_once(pin!(&mut call)).is_pending());
        // No task runs in between: this is the only thread.
        assert_eq!((server.busy_poll(), client.busy_poll()), (1, 1), "{method}");
        assert!(matches!(poll_once(pin!(&mut call)), Poll::Ready(Ok(3))), "{method}");
    }
    assert_eq!(client.stats().calls.completed, 2);
}

#[tokio::test(start_paused = true)]
async fn an_async_method_runs_on_the_runtime() {
    let (server, client) = pair().await;
    let mut call = pin!(AdderClient::new(&client, server.local_addr()).add_later(1, 2));
    assert!(poll_once(call.as_mut()).is_pending());
    assert_eq!((server.busy_poll(), client.busy_poll()), (1, 0));
    assert_eq!(call.await.unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn stored_responses_expire_although_a_thread_has_received_their_requests() {
    let network = Network::new(7);
    let builder = Endpoint::builder().busy_poll(true).response_memory(1 << 20, Duration::from_secs(1));
    let server = builder.serve(AdderServer::new(Sum::default()));
    let server = server.bind_transport(network.bind("10.0.0.1:7000").unwrap()).unwrap();
    let client = Endpoint::builder().bind_transport(network.bind("10.0.0.2:7000").unwrap()).unwrap();
    yield_now().await;
    let mut call = pin!(AdderClient::new(&client, server.local_addr()).add_once(1, 2));
    assert!(poll_once(call.as_mut()).is_pending());
    assert_eq!(server.busy_poll(), 1);
    assert_eq!(call.await.unwrap(), 3);
    assert!(server.stats().requests.stored_bytes > 0);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(server.stats().requests.stored_bytes, 0);
}

#[tokio::test(start_paused = true)]
async fn only_an_endpoint_that_was_built_for_it_is_polled() {
    let network = Network::new(7);
    let builder = Endpoint::builder().serve(AdderServer::new(Sum::default()));
    let server = builder.bind_transport(network.bind("10.0.0.1:7000").unwrap()).unwrap();
    let client = Endpoint::builder().bind_transport(network.bind("10.0.0.2:7000").unwrap()).unwrap();
    yield_now().await;
    let mut call = pin!(AdderClient::new(&client, server.local_addr()).add(1, 2));
    assert!(poll_once(call.as_mut()).is_pending());
    assert_eq!(server.busy_poll(), 0);
    assert_eq!(call.await.unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_closed_endpoint_receives_nothing() {
    let (server, client) = pair().await;
    let mut call = pin!(AdderClient::new(&client, server.local_addr()).add(1, 2));
    assert!(poll_once(call.as_mut()).is_pending());
    assert_eq!(server.busy_poll(), 1);
    client.close(Duration::ZERO).await;
    assert_eq!(client.busy_poll(), 0);
    drop(server);
}

#[test]
fn calls_complete_once_while_threads_and_the_driver_receive() {
    const CALLS: u32 = 5_000;
    let sum = Sum::default();
    let builder = || Endpoint::builder().busy_poll(true);
    let server = builder().serve(AdderServer::new(sum.clone())).bind("127.0.0.1:0").wait().unwrap();
    let client = builder().bind("127.0.0.1:0").wait().unwrap();
    let adder = AdderClient::new(&client, server.local_addr());
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for endpoint in [&server, &client] {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    endpoint.busy_poll();
                    thread::yield_now();
                }
            });
        }
        let mut cx = Context::from_waker(Waker::noop());
        for number in 0..CALLS {
            let mut call = pin!(adder.add(number, 1).timeout(Duration::from_secs(30)));
            let result = loop {
                match call.as_mut().poll(&mut cx) {
                    Poll::Ready(result) => break result,
                    // The driver, or one of the threads, receives the response.
                    Poll::Pending if number % 2 == 0 => thread::yield_now(),
                    Poll::Pending => _ = client.busy_poll(),
                }
            };
            assert_eq!(result.unwrap(), number + 1);
        }
        is_over.store(true, Ordering::Relaxed);
    });
    assert_eq!(sum.0.load(Ordering::SeqCst), CALLS as usize);
    assert_eq!(client.stats().calls.completed, u64::from(CALLS));
}

#[tokio::test(start_paused = true)]
async fn requests_under_a_cork_leave_together() {
    let (server, client) = pair().await;
    let adder = AdderClient::new(&client, server.local_addr());
    let start = || {
        let mut calls: Vec<_> = (0..20).map(|number| Box::pin(adder.add(number, 1))).collect();
        calls.iter_mut().for_each(|call| assert!(poll_once(call.as_mut()).is_pending()));
        calls
    };
    let cork = client.cork();
    let mut calls = start();
    // The first calls in flight leave at once.
    let sent_count = client.stats().datagrams.sent;
    assert!(sent_count < 5, "{sent_count} sent");
    cork.flush();
    yield_now().await;
    yield_now().await;
    assert_eq!(client.stats().datagrams.sent, 20);
    calls.append(&mut start());
    assert_eq!(client.stats().datagrams.sent, 20);
    drop(cork);
    for call in calls {
        call.await.unwrap();
    }
    assert_eq!(client.stats().datagrams.sent, 40);
}

#[test]
fn a_thread_that_is_held_up_under_a_cork_holds_up_no_request() {
    let sum = Sum::default();
    let server = Endpoint::builder().serve(AdderServer::new(sum.clone())).bind("127.0.0.1:0").wait().unwrap();
    let client = Endpoint::bind("127.0.0.1:0").wait().unwrap();
    let adder = AdderClient::new(&client, server.local_addr());
    let cork = client.cork();
    let mut calls: Vec<_> = (0..20).map(|number| Box::pin(adder.add(number, 1))).collect();
    calls.iter_mut().for_each(|call| assert!(poll_once(call.as_mut()).is_pending()));
    wait_until(|| sum.0.load(Ordering::SeqCst) == 20);
    drop(cork);
}

fn wait_until(mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < end);
        thread::yield_now();
    }
}
