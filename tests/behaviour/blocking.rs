//! Methods that block their thread: they hold up no other request, have a limit of their own, and
//! keep the promises of async methods.

use std::borrow::Cow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rpcudp::sim::Network;
use rpcudp::testing::MockPeer;
use rpcudp::{Builder, Context, DropReason, DynamicMethod, Endpoint, Refusal, rpc_service};
use rpcudp_core::{Dialect, Frame, Request};
use tokio::time::sleep;

use crate::support::{Pair, SERVER, bind, loopback_pair, ms, receive, refusal, request, send};

#[rpc_service]
trait Files {
    /// Blocks until a call of `release`.
    #[rpc(blocking)]
    fn wait(&self, number: u64) -> u64;
    #[rpc(blocking, at_most_once)]
    fn wait_once(&self) -> usize;
    #[rpc(blocking, at_least_once)]
    fn wait_repeated(&self) -> usize;
    #[rpc(blocking, oneway)]
    fn note(&self, text: &str);
    fn release(&self);
    async fn later(&self) -> u8;
    #[rpc(blocking)]
    fn join(&self, text: &str, bytes: &[u8], numbers: &[u16], cow: Cow<'_, str>, cx: &Context) -> String;
    #[rpc(blocking)]
    fn half(&self, number: u8) -> Result<u8, String>;
    #[rpc(blocking)]
    fn panics(&self);
    #[rpc(blocking)]
    fn name(&self) -> Option<String>;
    #[rpc(blocking)]
    fn call_back(&self, cx: Context) -> Option<String>;
    #[rpc(blocking)]
    fn sleep(&self, millis: u64);
}

struct Disk {
    release: Mutex<Sender<()>>,
    released: Mutex<Receiver<()>>,
    /// The runs that began.
    begun: Arc<AtomicUsize>,
    notes: Mutex<Vec<String>>,
}

impl Disk {
    fn new() -> Self {
        let (release, released) = channel();
        Self {
            release: Mutex::new(release),
            released: Mutex::new(released),
            begun: Arc::default(),
            notes: Mutex::default(),
        }
    }

    fn block(&self) -> usize {
        let count = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        self.released.lock().unwrap().recv().expect("the sender is beside it");
        count
    }
}

impl Files for Disk {
    fn wait(&self, number: u64) -> u64 {
        self.block();
        number
    }
    fn wait_once(&self) -> usize {
        self.block()
    }
    fn wait_repeated(&self) -> usize {
        self.block()
    }
    fn note(&self, text: &str) {
        self.block();
        self.notes.lock().unwrap().push(text.into());
    }
    fn release(&self) {
        self.release.lock().unwrap().send(()).expect("the receiver is beside it");
    }
    async fn later(&self) -> u8 {
        tokio::task::yield_now().await;
        3
    }
    fn join(&self, text: &str, bytes: &[u8], numbers: &[u16], cow: Cow<'_, str>, cx: &Context) -> String {
        assert!(cx.remaining().is_some_and(|remaining| remaining <= ms(5_000)));
        format!("{text} {bytes:?} {numbers:?} {cow} {}", cx.sender())
    }
    fn half(&self, number: u8) -> Result<u8, String> {
        if number.is_multiple_of(2) { Ok(number / 2) } else { Err(format!("{number} is odd")) }
    }
    fn panics(&self) {
        panic!("an expected panic of the handler")
    }
    fn name(&self) -> Option<String> {
        thread::current().name().map(Into::into)
    }
    fn call_back(&self, cx: Context) -> Option<String> {
        FilesClient::new(&cx, cx.sender()).name().wait().unwrap()
    }
    fn sleep(&self, millis: u64) {
        thread::sleep(ms(millis));
    }
}

fn serve() -> (Builder, Arc<Disk>) {
    let disk = Arc::new(Disk::new());
    (Endpoint::builder().serve(FilesServer::from_arc(Arc::clone(&disk))), disk)
}

fn pair_with(configure: impl FnOnce(Builder) -> Builder) -> (Pair, FilesClient, Arc<Disk>) {
    let (server, disk) = serve();
    let pair = Pair::new(Network::new(1), configure(server), Endpoint::builder());
    let client = pair.client();
    (pair, client, disk)
}

/// Waits until this many blocking handlers of an endpoint run or wait for a thread. The clock of a
/// test that pauses it stands still meanwhile.
async fn until_blocking(endpoint: &Endpoint, count: u64) {
    while endpoint.stats().requests.blocking != count {
        tokio::task::yield_now().await;
    }
}

/// Waits until this many handlers have begun.
async fn until_begun(disk: &Disk, count: usize) {
    while disk.begun.load(Ordering::SeqCst) != count {
        tokio::task::yield_now().await;
    }
}

/// Completes other calls while a method blocks, the last of which ends the blocked one.
async fn complete_others(client: &FilesClient, disk: &Disk, server: &Endpoint) {
    let waiting = tokio::spawn(client.wait(7).into_future());
    until_begun(disk, 1).await;
    for _ in 0..10 {
        assert_eq!(client.later().await.unwrap(), 3);
        assert_eq!(client.half(6).await.unwrap(), 3);
    }
    let stats = server.stats().requests;
    assert!(!waiting.is_finished() && (stats.completed, stats.blocking, stats.running) == (20, 1, 0), "{stats:?}");
    client.release().await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap(), 7);
}

#[tokio::test(start_paused = true)]
async fn other_requests_complete_while_a_method_blocks_on_a_simulated_network() {
    let (pair, client, disk) = pair_with(|builder| builder);
    complete_others(&client, &disk, &pair.server).await;
}

#[tokio::test]
async fn other_requests_complete_while_a_method_blocks_on_one_thread() {
    let disk = Arc::new(Disk::new());
    let (server, caller) = loopback_pair(FilesServer::from_arc(Arc::clone(&disk))).await;
    complete_others(&FilesClient::new(&caller, server.local_addr()), &disk, &server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_requests_complete_while_a_method_blocks_on_several_threads() {
    let disk = Arc::new(Disk::new());
    let (server, caller) = loopback_pair(FilesServer::from_arc(Arc::clone(&disk))).await;
    complete_others(&FilesClient::new(&caller, server.local_addr()), &disk, &server).await;
}

#[tokio::test(start_paused = true)]
async fn arguments_results_and_panics_are_those_of_other_methods() {
    let (pair, client, _disk) = pair_with(|builder| builder);
    let joined = client.join("a", b"bc", &[1, 2], "d".into()).await.unwrap();
    assert_eq!(joined, format!("a [98, 99] [1, 2] d {}", pair.caller.local_addr()));
    assert_eq!(client.half(4).await.unwrap(), 2);
    assert_eq!(client.half(3).await.unwrap_err().into_application().unwrap(), "3 is odd");
    assert_eq!(refusal(client.panics().await), (Refusal::Panicked, "panics".into()));
    assert_eq!(client.half(8).await.unwrap(), 4);
    let malformed = DynamicMethod::new("half").call::<u8>(&pair.caller, pair.server.local_addr(), &["text"]);
    let result = malformed.await;
    assert!(matches!(refusal(result).0, Refusal::MalformedArguments), "not a number");
    let stats = pair.server.stats().requests;
    assert_eq!((stats.completed, stats.refused, stats.panicked, stats.blocking), (4, 2, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn mock_peers_run_blocking_methods() {
    let peer = MockPeer::new(FilesServer::new(Disk::new()));
    let client: FilesClient = peer.client();
    assert_eq!(client.half(10).await.unwrap(), 5);
}

#[tokio::test]
async fn blocking_method_may_wait_for_a_call_of_its_own() {
    let network = Network::new(1);
    let (server, _) = serve();
    let (caller, _) = serve();
    let pair = Pair::new(network, server, caller);
    let name = pair.client::<FilesClient>().call_back().await.unwrap();
    assert_ne!(name, thread::current().name().map(Into::into), "the method runs on a thread of its own");
}

#[tokio::test(start_paused = true)]
async fn limit_is_apart_from_that_of_async_methods() {
    let (pair, client, disk) = pair_with(|builder| builder.max_handlers(1).max_blocking_handlers(2));
    let waiting = [1, 2].map(|number| tokio::spawn(client.wait(number).into_future()));
    until_blocking(&pair.server, 2).await;
    assert_eq!(refusal(client.wait(3).await), (Refusal::Busy, "wait".into()));
    assert_eq!(client.later().await.unwrap(), 3, "an async method has a limit of its own");
    until_begun(&disk, 2).await;
    client.release().await.unwrap();
    client.release().await.unwrap();
    for (number, waiting) in (1..).zip(waiting) {
        assert_eq!(waiting.await.unwrap().unwrap(), number);
    }
    until_blocking(&pair.server, 0).await;
    assert_eq!(client.half(2).await.unwrap(), 1);
}

/// One thread that may block, and a request that waits for it until its deadline has passed.
#[test]
fn request_that_waits_for_a_thread_until_its_deadline_does_not_run() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build().unwrap();
    runtime.block_on(async {
        let (pair, client, disk) = pair_with(|builder| builder);
        let waiting = tokio::spawn(client.wait(1).into_future());
        until_begun(&disk, 1).await;
        assert!(client.wait(2).timeout(ms(20)).await.unwrap_err().is_timeout());
        // The server counts the deadline from the arrival, which is later.
        sleep(ms(20)).await;
        assert_eq!(pair.server.stats().requests.blocking, 2);
        client.release().await.unwrap();
        assert_eq!(waiting.await.unwrap().unwrap(), 1);
        until_blocking(&pair.server, 0).await;
        assert_eq!(pair.server.stats().dropped(DropReason::Expired), 1);
        assert_eq!(disk.begun.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn request_that_is_cancelled_while_it_waits_for_a_thread_does_not_run() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build().unwrap();
    runtime.block_on(async {
        let (pair, client, disk) = pair_with(|builder| builder);
        let waiting = tokio::spawn(client.wait(1).into_future());
        until_begun(&disk, 1).await;
        let dropped = tokio::spawn(client.wait(2).into_future());
        until_blocking(&pair.server, 2).await;
        dropped.abort();
        while pair.caller.stats().calls.cancelled != 1 || pair.server.stats().datagrams.received != 3 {
            tokio::task::yield_now().await;
        }
        client.release().await.unwrap();
        assert_eq!(waiting.await.unwrap().unwrap(), 1);
        until_blocking(&pair.server, 0).await;
        assert_eq!((pair.server.stats().requests.cancelled, disk.begun.load(Ordering::SeqCst)), (1, 1));
    });
}

#[tokio::test(start_paused = true)]
async fn duplicates_of_a_blocking_request_do_not_run() {
    for (method, id) in [("wait_once", 1), ("wait_repeated", 2)] {
        let network = Network::new(1);
        let (server, disk) = serve();
        let server = bind(&network, SERVER, server);
        let node = network.bind("10.0.0.3:7000").unwrap();
        let datagram = request([id; 20], method, &[]);
        for _ in 0..3 {
            send(&node, server.local_addr(), &datagram);
        }
        until_begun(&disk, 1).await;
        // The clock stands still while the method blocks.
        while server.stats().requests.running_sent != 2 {
            tokio::task::yield_now().await;
        }
        disk.release();
        until_blocking(&server, 0).await;
        let mut frames = Vec::new();
        while frames.len() < 3 {
            frames.extend(receive(&node).await);
        }
        let is_response = |frame: &&Vec<u8>| matches!(Frame::decode(frame, Dialect::Rpcudp), Ok(Frame::Response(_)));
        assert_eq!(frames.iter().filter(is_response).count(), 1, "{method}: {frames:?}");
        assert_eq!(disk.begun.load(Ordering::SeqCst), 1, "{method}");
        if method == "wait_once" {
            send(&node, server.local_addr(), &datagram);
            assert!(matches!(
                Frame::decode(&receive(&node).await[0], Dialect::Rpcudp),
                Ok(Frame::Response(response)) if response.body == [1]
            ));
            assert_eq!(server.stats().requests.replayed, 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn oneway_methods_block_without_a_response() {
    let (pair, client, disk) = pair_with(|builder| builder);
    client.note("noted").await.unwrap();
    until_begun(&disk, 1).await;
    client.release().await.unwrap();
    until_blocking(&pair.server, 0).await;
    assert_eq!(*disk.notes.lock().unwrap(), ["noted"]);
    assert_eq!(pair.server.stats().datagrams.sent, 1, "the response to `release`");
}

#[tokio::test(start_paused = true)]
async fn closing_waits_for_blocking_methods() {
    let (pair, client, disk) = pair_with(|builder| builder);
    let waiting = tokio::spawn(client.wait(9).into_future());
    until_begun(&disk, 1).await;
    let closing = tokio::spawn(pair.server.close(Duration::from_secs(10)));
    assert_eq!(refusal(client.wait(1).await).0, Refusal::Closing);
    assert!(!closing.is_finished());
    disk.release();
    assert_eq!(waiting.await.unwrap().unwrap(), 9);
    closing.await.unwrap();
}

/// In real time, because a paused clock stands still while a method blocks.
#[tokio::test]
async fn endpoint_closes_without_a_method_that_blocks_beyond_the_grace_period() {
    let (pair, client, disk) = pair_with(|builder| builder);
    let waiting = tokio::spawn(client.wait(9).timeout(ms(50)).into_future());
    until_begun(&disk, 1).await;
    pair.server.close(Duration::ZERO).await;
    assert!(waiting.await.unwrap().unwrap_err().is_timeout());
    let service = Arc::downgrade(&disk);
    assert_eq!(pair.server.stats().requests.blocking, 1);
    disk.release();
    until_blocking(&pair.server, 0).await;
    drop(disk);
    while service.strong_count() > 0 {
        tokio::task::yield_now().await;
    }
}

/// In real time, because a paused clock stands still while a method blocks.
#[tokio::test]
async fn response_of_a_blocking_method_reports_its_time() {
    let network = Network::new(1);
    let server = bind(&network, SERVER, serve().0);
    let node = network.bind("10.0.0.3:7000").unwrap();
    let mut datagram = request([1; 20], "sleep", &[&20_u64]);
    Request::end(&mut datagram, Duration::from_secs(60));
    send(&node, server.local_addr(), &datagram);
    let response = loop {
        if let Some(response) = receive(&node).await.pop() {
            break response;
        }
    };
    let (_, trailer) = Frame::decode_with_trailer(&response, Dialect::Rpcudp).unwrap();
    assert!(trailer.handler_time.is_some_and(|time| time >= ms(20)), "{trailer:?}");
}

#[tokio::test(start_paused = true)]
async fn contract_prints_and_is_published_with_the_option() {
    let printed = FilesClient::CONTRACT.to_string();
    assert!(printed.contains("#[rpc(at_most_once, blocking)]\n    fn wait_once(&self) -> usize;"), "{printed}");
    let server = Endpoint::builder().serve_described(FilesServer::new(Disk::new()));
    let pair = Pair::new(Network::new(1), server, Endpoint::builder());
    let contracts = pair.caller.describe(pair.server.local_addr()).await.unwrap();
    assert_eq!(contracts[0].to_string(), printed);
}
