//! How an endpoint ends, and what it takes with it.

use std::future::IntoFuture;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpcudp::sim::Network;
use rpcudp::{CallError, Context, Endpoint, Refusal, rpc_service};
use tokio::time::{Instant, sleep};

use crate::support::{Pair, bind, ms, silent_socket};

#[rpc_service]
trait Worker {
    fn quick(&self) -> u8;
    async fn work(&self, millis: u64) -> u8;
    async fn call_back(&self, cx: &Context) -> u8;
}

/// Counts how many of it there are, and the handlers that were stopped.
#[derive(Default)]
struct Counts {
    services: AtomicUsize,
    stopped: AtomicUsize,
    /// A client of a service's own endpoint: a cycle.
    own: Mutex<Option<WorkerClient>>,
}

struct Service(Arc<Counts>);

impl Service {
    fn new(counts: &Arc<Counts>) -> Self {
        counts.services.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(counts))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.0.services.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Notices when it is dropped before it has been defused.
struct Stopped<'a>(&'a Counts, bool);

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        self.0.stopped.fetch_add(usize::from(!self.1), Ordering::SeqCst);
    }
}

impl Worker for Service {
    fn quick(&self) -> u8 {
        1
    }
    async fn work(&self, millis: u64) -> u8 {
        let mut stopped = Stopped(&self.0, false);
        sleep(ms(millis)).await;
        stopped.1 = true;
        2
    }
    async fn call_back(&self, cx: &Context) -> u8 {
        sleep(ms(100)).await;
        WorkerClient::new(cx, cx.sender()).quick().await.unwrap_or(0)
    }
}

/// Binds two endpoints that both serve.
fn pair() -> (Pair, Arc<Counts>) {
    let counts = Arc::new(Counts::default());
    let serving = || Endpoint::builder().serve(WorkerServer::new(Service::new(&counts)));
    (Pair::new(Network::new(1), serving(), serving()), counts)
}

#[tokio::test(start_paused = true)]
async fn handlers_finish_and_answer_within_the_grace() {
    let (pair, counts) = pair();
    let working = tokio::spawn(pair.client::<WorkerClient>().work(300));
    sleep(ms(100)).await;
    let start = Instant::now();
    pair.server.close(Duration::from_secs(10)).await;
    assert_eq!(start.elapsed(), ms(200), "no longer than needed");
    assert_eq!(working.await.unwrap().unwrap(), 2);
    assert_eq!(counts.stopped.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn handlers_may_call_others_within_the_grace() {
    let (pair, _) = pair();
    let calling = tokio::spawn(pair.client::<WorkerClient>().call_back());
    sleep(ms(10)).await;
    pair.server.close(Duration::from_secs(10)).await;
    assert_eq!(calling.await.unwrap().unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn handlers_are_stopped_after_the_grace() {
    let (pair, counts) = pair();
    let working = tokio::spawn(pair.client::<WorkerClient>().work(60_000).timeout(Duration::from_secs(1)));
    sleep(ms(100)).await;
    let start = Instant::now();
    pair.server.close(ms(300)).await;
    assert_eq!(start.elapsed(), ms(300));
    assert!(working.await.unwrap().unwrap_err().is_timeout());
    assert_eq!(counts.stopped.load(Ordering::SeqCst), 1);
    assert_eq!(counts.services.load(Ordering::SeqCst), 1, "the service of the server is gone");
}

#[tokio::test(start_paused = true)]
async fn the_shortest_grace_counts() {
    let (pair, _) = pair();
    tokio::spawn(pair.client::<WorkerClient>().work(60_000).timeout(Duration::from_secs(1)).into_future());
    sleep(ms(100)).await;
    let patient = pair.server.close(Duration::MAX);
    let start = Instant::now();
    pair.server.close(ms(50)).await;
    patient.await;
    assert_eq!(start.elapsed(), ms(50));
    // And again, when there is nothing left to close.
    pair.server.close(Duration::MAX).await;
}

#[tokio::test(start_paused = true)]
async fn requests_are_not_accepted_any_more() {
    let (pair, _) = pair();
    let working = tokio::spawn(pair.client::<WorkerClient>().work(300));
    sleep(ms(100)).await;
    let closing = pair.server.close(Duration::from_secs(10));
    let error = pair.client::<WorkerClient>().quick().timeout(ms(50)).await.unwrap_err();
    assert!(matches!(error, CallError::Refused { reason: Refusal::Closing, .. }), "{error}");
    assert_eq!(pair.server.stats().requests.refused, 1);
    assert_eq!(working.await.unwrap().unwrap(), 2);
    closing.await;
}

#[tokio::test(start_paused = true)]
async fn the_address_is_free_when_it_is_closed_whoever_has_a_handle() {
    let (pair, counts) = pair();
    let client = pair.client::<WorkerClient>();
    let addr = pair.server.local_addr();
    pair.server.close(Duration::ZERO).await;
    let again = bind(&pair.network, addr, Endpoint::builder().serve(WorkerServer::new(Service::new(&counts))));
    assert_eq!(client.quick().await.unwrap(), 1);
    assert_eq!(again.stats().requests.received, 1);
}

#[tokio::test]
async fn a_port_is_free_when_its_endpoint_is_closed() {
    let endpoint = Endpoint::bind("127.0.0.1:0").await.unwrap();
    let addr = endpoint.local_addr();
    endpoint.close(Duration::ZERO).await;
    drop(Endpoint::bind(addr).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn the_last_handle_closes() {
    let (pair, counts) = pair();
    let client: WorkerClient = pair.client();
    let Pair { server, caller, .. } = pair;
    let server_closed = server.closed();
    drop(caller);
    assert_eq!(client.quick().await.unwrap(), 1, "a client is a handle");
    let call = client.quick();
    let caller_closed = client.endpoint().closed();
    drop(client);
    assert_eq!(call.await.unwrap(), 1, "and so is a call");
    caller_closed.await;
    assert_eq!(counts.services.load(Ordering::SeqCst), 1);
    drop(server);
    server_closed.await;
    assert_eq!(counts.services.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn closing_frees_a_service_that_holds_its_own_endpoint() {
    let (pair, counts) = pair();
    *counts.own.lock().unwrap() = Some(WorkerClient::new(&pair.server, pair.caller.local_addr()));
    pair.server.close(Duration::ZERO).await;
    assert_eq!(counts.services.load(Ordering::SeqCst), 1);
    let own = counts.own.lock().unwrap().take().unwrap();
    assert!(matches!(own.quick().await, Err(CallError::Closed)));
}

#[test]
fn calls_end_when_their_runtime_does() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let endpoint = runtime.block_on(Endpoint::bind("127.0.0.1:0").into_future()).unwrap();
    let (silent, peer) = silent_socket();
    let call = WorkerClient::new(&endpoint, peer).quick();
    let waiting = std::thread::spawn(move || call.wait());
    // The request has arrived: the call waits for its answer.
    silent.recv(&mut [0; 100]).unwrap();
    drop(runtime);
    assert!(matches!(waiting.join().unwrap(), Err(CallError::Closed)));
    endpoint.closed().wait();
}

#[test]
fn endpoints_do_without_async() {
    let counts = Arc::new(Counts::default());
    let server = Endpoint::builder().serve(WorkerServer::new(Service::new(&counts)));
    let server = server.bind("127.0.0.1:0").wait().unwrap();
    let caller = Endpoint::bind("127.0.0.1:0").wait().unwrap();
    let client = WorkerClient::new(&caller, server.local_addr());
    assert_eq!(client.quick().wait().unwrap(), 1);
    assert_eq!(client.work(10).wait().unwrap(), 2);
    server.close(Duration::from_secs(1)).wait();
    assert_eq!(counts.services.load(Ordering::SeqCst), 0);
    let error = client.quick().timeout(ms(50)).wait().unwrap_err();
    assert!(matches!(error, CallError::Timeout { .. } | CallError::Unreachable { .. }), "{error}");
}

#[test]
fn waiting_while_nobody_runs_the_runtime_ends_all_the_same() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let builder = Endpoint::builder().serve(WorkerServer::new(Service::new(&Arc::default())));
    let endpoint = runtime.block_on(builder.bind("127.0.0.1:0")).unwrap();
    let client = WorkerClient::new(&endpoint, endpoint.local_addr());
    assert!(client.quick().timeout(ms(50)).wait().unwrap_err().is_timeout());
    let calls = endpoint.stats().calls;
    assert_eq!((calls.timed_out, calls.cancelled, calls.in_flight), (1, 0, 0));
    assert_eq!(runtime.block_on(client.quick()).unwrap(), 1);
}

#[test]
fn waiting_in_async_code_is_a_panic_that_says_so() {
    let endpoint = Endpoint::bind("127.0.0.1:0").wait().unwrap();
    let client = WorkerClient::new(&endpoint, endpoint.local_addr());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let waits: [&dyn Fn(); 3] =
        [&|| drop(client.quick().wait()), &|| drop(Endpoint::bind("127.0.0.1:0").wait()), &|| {
            endpoint.close(Duration::ZERO).wait();
        }];
    for wait in waits {
        let panic = runtime.block_on(async { catch_unwind(AssertUnwindSafe(wait)) }).unwrap_err();
        let message = panic.downcast_ref::<String>().map(String::as_str);
        let message = message.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap();
        assert!(message.contains("within a runtime"), "{message}");
    }
}
