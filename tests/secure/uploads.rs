//! Streams in contracts: items that follow a request, from the caller to the method.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use rpcudp::sim::{Conditions, Network};
use rpcudp::{CallError, Endpoint, Inflow, InflowError, LinkEnd, Outflow, OutflowError, Refusal, rpc_service};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::fixture::{Runs, bind, builder, peer};
use crate::support::{CALLER, SERVER, ms, seeds};

const SEED_COUNT: u64 = 3;

#[rpc_service(dyn)]
trait Store {
    /// Adds numbers, each after this many milliseconds.
    #[rpc(timeout = "10m")]
    async fn sum(&self, name: &str, millis: u64, numbers: Inflow<u64, String>) -> Result<u64, String>;
    /// Returns the first chunk, and reads no other.
    #[rpc(timeout = "10m")]
    async fn first(&self, chunks: Inflow<Vec<u8>>) -> Vec<u8>;
    /// Reads a chunk each second.
    #[rpc(timeout = "10m")]
    async fn read_slowly(&self, chunks: Inflow<Vec<u8>>) -> u64;
    /// Sends each chunk back.
    async fn chat_bytes(&self, chunks: Inflow<Vec<u8>>) -> Outflow<Vec<u8>>;
    /// Sends each line back.
    async fn chat(&self, lines: Inflow<String>) -> Outflow<String>;
}

/// The service, with the ends of the streams that it has read.
struct Sums {
    ends: mpsc::UnboundedSender<String>,
    running: Arc<AtomicUsize>,
}

struct Running(Arc<AtomicUsize>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Store for Sums {
    async fn sum(&self, name: &str, millis: u64, mut numbers: Inflow<u64, String>) -> Result<u64, String> {
        self.running.fetch_add(1, Ordering::Relaxed);
        let _running = Running(Arc::clone(&self.running));
        let mut sum = 0;
        loop {
            let end = match numbers.recv().await {
                Ok(Some(number)) => {
                    sum += number;
                    sleep(ms(millis)).await;
                    continue;
                }
                Ok(None) => return Ok(sum),
                Err(InflowError::Application(text)) => format!("{name}: {text} after {sum}"),
                Err(InflowError::Cancelled) => format!("{name}: cancelled after {sum}"),
                Err(end) => format!("{name}: {end}"),
            };
            let _ = self.ends.send(end.clone());
            return Err(end);
        }
    }

    async fn first(&self, mut chunks: Inflow<Vec<u8>>) -> Vec<u8> {
        chunks.recv().await.unwrap().unwrap()
    }

    async fn read_slowly(&self, mut chunks: Inflow<Vec<u8>>) -> u64 {
        let mut count = 0;
        while chunks.recv().await.unwrap().is_some() {
            sleep(Duration::from_secs(1)).await;
            count += 1;
        }
        count
    }

    async fn chat_bytes(&self, mut chunks: Inflow<Vec<u8>>) -> Outflow<Vec<u8>> {
        let (sender, echoes) = Outflow::channel(4);
        tokio::spawn(async move {
            // An error drops the sender.
            while let Some(chunk) = chunks.recv().await.map_err(|end| end.to_string())? {
                sender.send(chunk).await.map_err(|end| end.to_string())?;
            }
            sender.finish().await.map_err(|end| end.to_string())
        });
        echoes
    }

    async fn chat(&self, mut lines: Inflow<String>) -> Outflow<String> {
        let (sender, echoes) = Outflow::channel(4);
        tokio::spawn(async move {
            while let Some(line) = lines.recv().await.ok().flatten() {
                sender.send(line).await?;
            }
            sender.finish().await
        });
        echoes
    }
}

/// A server with the identity 1 and a caller with the identity 2.
struct World {
    network: Network,
    server: Endpoint,
    caller: Endpoint,
    store: StoreClient,
    ends: mpsc::UnboundedReceiver<String>,
    running: Arc<AtomicUsize>,
}

impl World {
    fn new(seed: u64) -> Self {
        println!("seed {seed}");
        let network = Network::new(seed);
        let ((sender, ends), running) = (mpsc::unbounded_channel(), Arc::<AtomicUsize>::default());
        let sums: Arc<dyn DynStore> = Arc::new(Sums { ends: sender, running: Arc::clone(&running) });
        let server = bind(&network, SERVER, builder(1, &Runs::default()).serve(StoreServer::from_arc(sums)));
        let caller = bind(&network, CALLER, builder(2, &Runs::default()));
        let store = StoreClient::secure(&caller, server.local_addr(), peer(1));
        Self { network, server, caller, store, ends, running }
    }
}

#[tokio::test(start_paused = true)]
async fn items_arrive_on_lossy_paths() {
    for seed in seeds(SEED_COUNT) {
        let World { network, store, .. } = &World::new(seed);
        network.set_conditions(Conditions::default().latency(ms(20)).jitter(ms(10)).loss(0.05));
        let (sender, numbers) = Outflow::channel(1);
        let call = tokio::spawn(store.sum("a", 0, numbers));
        for number in 1..=2_000 {
            sender.send(number).await.unwrap();
        }
        sender.finish().await.unwrap();
        assert_eq!(call.await.unwrap().unwrap(), 2_001_000, "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn slow_method_holds_its_caller() {
    let World { store, .. } = &World::new(1);
    let (sender, chunks) = Outflow::channel(1);
    let call = tokio::spawn(store.read_slowly(chunks));
    let mut sent = 0;
    // The stream's window of 1 MiB, and the buffers of both ends.
    for _ in 0..70 {
        sender.send(vec![7; 20_000]).await.unwrap();
        sent += 1;
    }
    let begun = Instant::now();
    for _ in 0..10 {
        sender.send(vec![7; 20_000]).await.unwrap();
    }
    assert!(begun.elapsed() >= Duration::from_secs(8), "{:?}", begun.elapsed());
    sender.finish().await.unwrap();
    assert_eq!(call.await.unwrap().unwrap(), sent + 10);
}

#[tokio::test(start_paused = true)]
async fn response_ends_the_stream_of_the_request() {
    for seed in seeds(SEED_COUNT) {
        let World { network, store, .. } = &World::new(seed);
        network.set_conditions(Conditions::default().latency(ms(20)).loss(0.05));
        let (sender, chunks) = Outflow::channel(1);
        let call = tokio::spawn(store.first(chunks));
        sender.send(vec![1; 300_000]).await.unwrap();
        // Until the receiver has gone.
        while sender.send(vec![2; 300_000]).await.is_ok() {}
        assert!(sender.is_closed());
        assert!(matches!(sender.finish().await, Err(OutflowError::Closed)));
        assert_eq!(call.await.unwrap().unwrap(), vec![1; 300_000], "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn method_learns_how_the_stream_of_its_caller_ends() {
    let World { store, .. } = &mut World::new(1);
    for after in [0, 1, 1_000] {
        let (sender, numbers) = Outflow::channel(2_000);
        for _ in 0..after {
            sender.send(1).await.unwrap();
        }
        sender.fail("disk full".into()).await.unwrap();
        let error = store.sum("a", 0, numbers).await.unwrap_err();
        assert_eq!(application(error), format!("a: disk full after {after}"));
        let (sender, numbers) = Outflow::channel(2_000);
        for _ in 0..after {
            sender.send(1).await.unwrap();
        }
        drop(sender);
        let error = store.sum("b", 0, numbers).await.unwrap_err();
        assert_eq!(application(error), format!("b: cancelled after {after}"));
    }
}

fn application(error: CallError<String>) -> String {
    match error {
        CallError::Application(text) => text,
        error => panic!("{error}"),
    }
}

#[tokio::test(start_paused = true)]
async fn dropped_call_ends_the_method_and_the_sender() {
    for seed in seeds(SEED_COUNT) {
        let World { network, store, running, .. } = &World::new(seed);
        network.set_conditions(Conditions::default().latency(ms(20)).loss(0.05));
        let (sender, numbers) = Outflow::channel(1);
        let mut call = pin!(store.sum("a", 0, numbers));
        tokio::select! {
            ended = &mut call => panic!("{ended:?}"),
            () = async {
                sender.send(1).await.unwrap();
                sleep(Duration::from_secs(2)).await;
            } => {}
        }
        assert_eq!(running.load(Ordering::Relaxed), 1, "seed {seed}");
        drop(store.sum("b", 0, Outflow::channel(1).1));
        call.set(store.sum("never polled", 0, Outflow::channel(1).1));
        sender.closed().await;
        sleep(Duration::from_secs(3)).await;
        assert_eq!(running.load(Ordering::Relaxed), 0, "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn both_ends_learn_that_their_link_is_lost() {
    let World { network, store, ends, .. } = &mut World::new(1);
    let (sender, numbers) = Outflow::channel(1);
    let call = tokio::spawn(store.sum("a", 0, numbers));
    sender.send(1).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    network.partition([SERVER.parse::<std::net::SocketAddr>().unwrap().ip()]);
    let error = call.await.unwrap().unwrap_err();
    assert!(matches!(error, CallError::Link { reason: LinkEnd::Lost, .. }), "{error}");
    sender.closed().await;
    sleep(Duration::from_secs(60)).await;
    assert!(ends.is_empty(), "the handler was cancelled");
}

#[tokio::test(start_paused = true)]
async fn streams_run_in_both_directions_at_once() {
    for seed in seeds(SEED_COUNT) {
        let World { network, store, .. } = &World::new(seed);
        network.set_conditions(Conditions::default().latency(ms(20)).jitter(ms(10)).loss(0.05));
        let (sender, lines) = Outflow::channel(1);
        let mut echoes = store.chat(lines).timeout(Duration::from_secs(60)).await.unwrap();
        for number in 0..50 {
            sender.send(format!("line {number}")).await.unwrap();
            assert_eq!(echoes.recv().await.unwrap().unwrap(), format!("line {number}"), "seed {seed}");
        }
        sender.finish().await.unwrap();
        assert_eq!(echoes.recv().await.unwrap(), None);
        let (sender, lines) = Outflow::channel(1);
        drop(store.chat(lines).timeout(Duration::from_secs(60)).await.unwrap());
        sender.closed().await;
    }
}

#[tokio::test(start_paused = true)]
async fn bytes_travel_between_a_reader_and_a_reader() {
    let World { store, .. } = &World::new(1);
    let bytes: Vec<u8> = (0..300_000_u32).map(|at| (at * 31 % 251) as u8).collect();
    let reader = std::io::Cursor::new(bytes.clone());
    assert_eq!(store.first(Outflow::from_reader(reader.clone())).await.unwrap(), bytes[..64 << 10]);
    let mut echo = store.chat_bytes(Outflow::from_reader(reader)).await.unwrap().into_reader();
    let mut read = Vec::new();
    loop {
        let mut buffer = [0; 1_000];
        let mut chunk = ReadBuf::new(&mut buffer);
        poll_fn(|cx| Pin::new(&mut echo).poll_read(cx, &mut chunk)).await.unwrap();
        if chunk.filled().is_empty() {
            break;
        }
        read.extend_from_slice(chunk.filled());
    }
    assert!(read == bytes);
    // A reader that fails, and a stream that is cut short.
    let mut echo = store.chat_bytes(Outflow::from_reader(Failing(3))).await.unwrap().into_reader();
    let mut buffer = [0; 1_000];
    let mut chunk = ReadBuf::new(&mut buffer);
    let error = loop {
        chunk.clear();
        match poll_fn(|cx| Pin::new(&mut echo).poll_read(cx, &mut chunk)).await {
            Ok(()) => assert!(!chunk.filled().is_empty(), "a silent end"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof, "{error}");
}

/// A reader that fails after some reads.
struct Failing(u32);

impl AsyncRead for Failing {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let Some(left) = self.0.checked_sub(1) else { return Poll::Ready(Err(std::io::Error::other("disk"))) };
        self.0 = left;
        buffer.put_slice(&[7; 10]);
        Poll::Ready(Ok(()))
    }
}

#[tokio::test(start_paused = true)]
async fn closing_server_ends_the_streams_that_it_reads() {
    let World { server, caller, store, .. } = World::new(1);
    let (sender, numbers) = Outflow::channel(1);
    let call = tokio::spawn(store.sum("a", 0, numbers));
    sender.send(1).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    server.close(ms(100)).await;
    let error = call.await.unwrap().unwrap_err();
    assert!(matches!(error, CallError::Link { reason: LinkEnd::Closed, .. }), "{error}");
    sender.closed().await;
    drop(caller);
}

#[tokio::test(start_paused = true)]
async fn request_with_too_long_arguments_ends_before_it_is_sent() {
    #[rpc_service]
    trait Long {
        async fn watch(&self, text: String) -> Outflow<u64>;
    }
    let World { caller, server, .. } = &World::new(1);
    let client = LongClient::secure(caller, server.local_addr(), peer(1));
    let error = client.watch("x".repeat(20_000)).await.unwrap_err();
    assert!(matches!(error, CallError::TooLarge { limit: 16_384, .. }), "{error}");
    let error = client.watch("x".repeat(16_000)).await.unwrap_err();
    assert!(matches!(error, CallError::Refused { reason: Refusal::UnknownMethod, .. }), "{error}");
}
