//! Endpoints that close: grace period, running handlers, addresses, services and blocking waits.

use std::future::IntoFuture;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpcudp::sim::Network;
use rpcudp::{CallError, Context, Endpoint, Refusal, rpc_service};
use tokio::time::{Instant, sleep};

use crate::support::{Pair, Wire, ms, over_each_wire, silent_socket};

over_each_wire!(
    handlers_finish_and_respond_within_the_grace_period,
    handlers_can_make_calls_within_the_grace_period,
    handlers_are_aborted_after_the_grace_period,
    shortest_grace_period_of_several_closes_applies,
    closing_endpoint_refuses_new_requests,
    closed_endpoint_frees_its_address_although_handles_remain,
    endpoint_closes_when_its_last_handle_is_dropped,
    closing_drops_a_service_that_holds_its_own_endpoint,
);

#[rpc_service]
trait Worker {
    fn quick(&self) -> u8;
    async fn work(&self, millis: u64) -> u8;
    async fn call_back(&self, cx: &Context) -> u8;
}

/// The number of services that exist and of handlers that were aborted.
#[derive(Default)]
struct Counts {
    services: AtomicUsize,
    aborted: AtomicUsize,
    /// A client of the service's own endpoint, which makes a reference cycle.
    own_client: Mutex<Option<WorkerClient>>,
    /// The wire of calls to the caller.
    wire: Wire,
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

/// Counts an aborted handler when it is dropped before the handler is done.
struct AbortGuard<'a> {
    counts: &'a Counts,
    is_done: bool,
}

impl Drop for AbortGuard<'_> {
    fn drop(&mut self) {
        self.counts.aborted.fetch_add(usize::from(!self.is_done), Ordering::SeqCst);
    }
}

impl Worker for Service {
    fn quick(&self) -> u8 {
        1
    }
    async fn work(&self, millis: u64) -> u8 {
        let mut guard = AbortGuard { counts: &self.0, is_done: false };
        sleep(ms(millis)).await;
        guard.is_done = true;
        2
    }
    async fn call_back(&self, cx: &Context) -> u8 {
        sleep(ms(100)).await;
        self.0.wire.client::<WorkerClient>(cx, cx.sender()).quick().await.unwrap_or(0)
    }
}

/// Binds two endpoints that both serve.
fn pair(wire: Wire) -> (Pair, Arc<Counts>) {
    let counts = Arc::new(Counts { wire, ..Counts::default() });
    let serving = || Endpoint::builder().serve(WorkerServer::new(Service::new(&counts)));
    (Pair::over(wire, Network::new(1), serving(), serving()), counts)
}

async fn handlers_finish_and_respond_within_the_grace_period(wire: Wire) {
    let (pair, counts) = pair(wire);
    let working = tokio::spawn(pair.client::<WorkerClient>().work(300));
    sleep(ms(100)).await;
    let start = Instant::now();
    pair.server.close(Duration::from_secs(10)).await;
    assert_eq!(start.elapsed(), ms(200), "closing waits no longer than the handler runs");
    assert_eq!(working.await.unwrap().unwrap(), 2);
    assert_eq!(counts.aborted.load(Ordering::SeqCst), 0);
}

async fn handlers_can_make_calls_within_the_grace_period(wire: Wire) {
    let (pair, _) = pair(wire);
    let calling = tokio::spawn(pair.client::<WorkerClient>().call_back());
    sleep(ms(10)).await;
    pair.server.close(Duration::from_secs(10)).await;
    assert_eq!(calling.await.unwrap().unwrap(), 1);
}

async fn handlers_are_aborted_after_the_grace_period(wire: Wire) {
    let (pair, counts) = pair(wire);
    let working = tokio::spawn(pair.client::<WorkerClient>().work(60_000).timeout(Duration::from_secs(1)));
    sleep(ms(100)).await;
    let start = Instant::now();
    pair.server.close(ms(300)).await;
    assert_eq!(start.elapsed(), ms(300));
    let error = working.await.unwrap().unwrap_err();
    // The peer of a link is told.
    assert_eq!(error.is_timeout(), wire == Wire::Plain, "{error}");
    assert_eq!(counts.aborted.load(Ordering::SeqCst), 1);
    assert_eq!(counts.services.load(Ordering::SeqCst), 1, "the server's service is dropped");
}

async fn shortest_grace_period_of_several_closes_applies(wire: Wire) {
    let (pair, _) = pair(wire);
    tokio::spawn(pair.client::<WorkerClient>().work(60_000).timeout(Duration::from_secs(1)).into_future());
    sleep(ms(100)).await;
    let first = pair.server.close(Duration::MAX);
    let start = Instant::now();
    pair.server.close(ms(50)).await;
    first.await;
    assert_eq!(start.elapsed(), ms(50));
    // Closing a closed endpoint completes too.
    pair.server.close(Duration::MAX).await;
}

async fn closing_endpoint_refuses_new_requests(wire: Wire) {
    let (pair, _) = pair(wire);
    let working = tokio::spawn(pair.client::<WorkerClient>().work(300));
    sleep(ms(100)).await;
    let closing = pair.server.close(Duration::from_secs(10));
    let error = pair.client::<WorkerClient>().quick().timeout(ms(50)).await.unwrap_err();
    assert!(matches!(error, CallError::Refused { reason: Refusal::Closing, .. }), "{error}");
    assert_eq!(pair.server.stats().requests.refused, 1);
    assert_eq!(working.await.unwrap().unwrap(), 2);
    closing.await;
}

async fn closed_endpoint_frees_its_address_although_handles_remain(wire: Wire) {
    let (pair, counts) = pair(wire);
    let client = pair.client::<WorkerClient>();
    let addr = pair.server.local_addr();
    pair.server.close(Duration::ZERO).await;
    let again = wire.bind(&pair.network, addr, Endpoint::builder().serve(WorkerServer::new(Service::new(&counts))));
    assert_eq!(client.quick().await.unwrap(), 1);
    assert_eq!(again.stats().requests.received, 1);
}

#[tokio::test]
async fn closed_endpoint_frees_its_udp_port() {
    let endpoint = Endpoint::bind("127.0.0.1:0").await.unwrap();
    let addr = endpoint.local_addr();
    endpoint.close(Duration::ZERO).await;
    drop(Endpoint::bind(addr).await.unwrap());
}

async fn endpoint_closes_when_its_last_handle_is_dropped(wire: Wire) {
    let (pair, counts) = pair(wire);
    let client: WorkerClient = pair.client();
    let Pair { server, caller, .. } = pair;
    let server_closed = server.closed();
    drop(caller);
    assert_eq!(client.quick().await.unwrap(), 1, "a client is a handle of its endpoint");
    let call = client.quick();
    let caller_closed = client.endpoint().closed();
    drop(client);
    assert_eq!(call.await.unwrap(), 1, "a call is a handle of its endpoint");
    caller_closed.await;
    assert_eq!(counts.services.load(Ordering::SeqCst), 1);
    drop(server);
    server_closed.await;
    assert_eq!(counts.services.load(Ordering::SeqCst), 0);
}

async fn closing_drops_a_service_that_holds_its_own_endpoint(wire: Wire) {
    let (pair, counts) = pair(wire);
    *counts.own_client.lock().unwrap() = Some(wire.client(&pair.server, pair.caller.local_addr()));
    pair.server.close(Duration::ZERO).await;
    assert_eq!(counts.services.load(Ordering::SeqCst), 1);
    let own_client = counts.own_client.lock().unwrap().take().unwrap();
    assert!(matches!(own_client.quick().await, Err(CallError::Closed)));
}

#[test]
fn calls_fail_when_their_runtime_is_dropped() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let endpoint = runtime.block_on(Endpoint::bind("127.0.0.1:0").into_future()).unwrap();
    let (silent, peer) = silent_socket();
    let call = WorkerClient::new(&endpoint, peer).quick();
    let waiting = std::thread::spawn(move || call.wait());
    // The request has arrived, so the call is in flight.
    silent.recv(&mut [0; 100]).unwrap();
    drop(runtime);
    assert!(matches!(waiting.join().unwrap(), Err(CallError::Closed)));
    endpoint.closed().wait();
}

#[test]
fn endpoints_and_calls_work_in_blocking_code() {
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
fn blocking_wait_times_out_while_the_runtime_does_not_run() {
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
fn blocking_wait_in_async_code_panics_with_an_explanation() {
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
