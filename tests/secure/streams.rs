//! Streams in contracts: items that follow a response, with backpressure, over links.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_core::Stream;
use rpcudp::sim::Conditions;
use rpcudp::{AnyPeer, CallError, Endpoint, Identity, Inflow, InflowError, LinkEnd, Refusal};
use tokio::time::{Instant, sleep, timeout};

use crate::feed::{Failure, FeedClient, FeedServer, Source, World};
use crate::fixture::{Runs, bind, builder};
use crate::support::{SERVER, ms, seeds};

const SEED_COUNT: u64 = 4;

fn host(addr: &str) -> IpAddr {
    addr.parse::<SocketAddr>().unwrap().ip()
}

/// Reads a stream to its end.
async fn read<T: serde::de::DeserializeOwned>(items: &mut Inflow<T, String>) -> (Vec<T>, Option<InflowError<String>>) {
    let mut read = Vec::new();
    loop {
        match items.recv().await {
            Ok(Some(item)) => read.push(item),
            Ok(None) => return (read, None),
            Err(error) => return (read, Some(error)),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn items_arrive_in_order_on_lossy_paths() {
    for seed in seeds(SEED_COUNT) {
        let World { network, feed, source, .. } = &World::new(seed);
        network.set_conditions(Conditions::default().latency(ms(20)).jitter(ms(10)).loss(0.05));
        let mut items = feed.count(3_000).timeout(Duration::from_secs(60)).await.unwrap();
        for expected in (1..=3_000).rev() {
            assert_eq!(items.recv().await.unwrap(), Some(expected), "seed {seed}");
        }
        assert_eq!(items.recv().await.unwrap(), None);
        assert_eq!(items.recv().await.unwrap(), None, "the end stays");
        assert_eq!(source.live(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn inflow_is_a_stream() {
    let World { feed, .. } = &World::new(1);
    let mut items = feed.count(2).await.unwrap();
    let mut next = async || std::future::poll_fn(|cx| Pin::new(&mut items).poll_next(cx)).await;
    assert_eq!(next().await.unwrap().unwrap(), 2);
    assert_eq!(next().await.unwrap().unwrap(), 1);
    assert!(next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn slow_reader_holds_its_sender_and_nothing_else() {
    let World { network, feed, source, .. } = &World::new(1);
    network.set_conditions(Conditions::default().latency(ms(5)));
    let mut held = feed.chunks(10_000).await.unwrap();
    sleep(Duration::from_secs(20)).await;
    // The stream's window, and the buffers of both ends.
    let made = source.made.load(Ordering::Relaxed);
    assert!((100..140).contains(&made), "{made} chunks were made");
    // Another stream and calls over the same link go on.
    let mut other = feed.count(10_000).await.unwrap();
    for expected in (1..=10_000).rev() {
        assert_eq!(other.recv().await.unwrap(), Some(expected));
    }
    assert_eq!(feed.plain().await.unwrap(), 7);
    assert_eq!(source.made.load(Ordering::Relaxed), made + 10_001);
    // The sender goes on with the reader.
    for number in 1..=1_000_u64 {
        assert_eq!(held.recv().await.unwrap().unwrap(), vec![number as u8; 10_000]);
    }
}

#[tokio::test(start_paused = true)]
async fn dropped_inflow_stops_its_sender_at_once() {
    for seed in seeds(SEED_COUNT) {
        let World { network, feed, source, .. } = &World::new(seed);
        network.set_conditions(Conditions::default().latency(ms(20)).jitter(ms(10)).loss(0.05));
        let patiently = Duration::from_secs(60);
        let mut chunks = feed.chunks(1_000).timeout(patiently).await.unwrap();
        let mut ticks = feed.ticks().timeout(patiently).await.unwrap();
        chunks.recv().await.unwrap();
        assert_eq!(ticks.recv().await.unwrap(), Some(1));
        assert_eq!(source.live(), 2);
        drop((chunks, ticks));
        sleep(Duration::from_secs(3)).await;
        assert_eq!(source.live(), 0, "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn dropped_call_cancels_its_handler() {
    let World { feed, source, server, .. } = &World::new(1);
    let call = feed.hangs().timeout(Duration::from_secs(100));
    assert!(timeout(Duration::from_secs(1), call).await.is_err());
    sleep(Duration::from_secs(1)).await;
    assert_eq!((source.live(), server.stats().requests.cancelled), (0, 1));
    let error = feed.hangs().timeout(Duration::from_secs(1)).await.unwrap_err();
    assert!(matches!(error, CallError::Timeout { .. }), "{error}");
    sleep(Duration::from_secs(1)).await;
    assert_eq!(source.live(), 0);
}

#[tokio::test(start_paused = true)]
async fn end_of_the_sender_is_never_silent() {
    let World { feed, source, .. } = &World::new(1);
    for after in [0, 1, 50] {
        let all: Vec<_> = (1..=after).collect();
        let error = feed.fails(after, Failure::OfTheCall).await.unwrap_err();
        assert!(matches!(&error, CallError::Application(text) if text == "not now"), "{error}");
        let mut items = feed.fails(after, Failure::OfTheStream).await.unwrap();
        let (read_items, error) = read(&mut items).await;
        assert!(matches!(&error, Some(InflowError::Application(text)) if text == "no more"), "{error:?}");
        assert_eq!(read_items, all);
        assert_eq!(items.recv().await.unwrap(), None, "the stream has ended");
        for how in [Failure::Dropped, Failure::Panic, Failure::Unencodable] {
            let (read_items, error) = read(&mut feed.fails(after, how).await.unwrap()).await;
            assert!(matches!(error, Some(InflowError::Cancelled)), "{how:?}: {error:?}");
            assert_eq!(read_items, all, "{how:?}");
        }
        let error = feed.fails(after, Failure::PanicOfTheHandler).await.unwrap_err();
        assert!(matches!(error, CallError::Refused { reason: Refusal::Panicked, .. }), "{error}");
    }
    assert_eq!(source.live(), 0);
}

#[tokio::test(start_paused = true)]
async fn quiet_stream_outlives_the_idle_timeout_and_ends_with_its_link() {
    for seed in seeds(SEED_COUNT) {
        let World { network, feed, source, .. } = &World::new(seed);
        let mut hung = feed.chunks(100_000).await.unwrap();
        let mut ticks = feed.ticks().await.unwrap();
        for number in 1..=100 {
            assert_eq!(ticks.recv().await.unwrap(), Some(number));
        }
        // A read item shows that the stream lives although nothing was read for longer than the
        // idle timeout.
        hung.recv().await.unwrap();
        network.partition([host(SERVER)]);
        let begun = Instant::now();
        let end = loop {
            match ticks.recv().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("a silent end"),
                Err(end) => break end,
            }
        };
        assert!(matches!(end, InflowError::Link(LinkEnd::Lost)), "{end}");
        assert!((25..60).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
        sleep(Duration::from_secs(60)).await;
        assert_eq!(source.live(), 0, "seed {seed}: both ends have noticed");
    }
}

#[tokio::test(start_paused = true)]
async fn stream_outlives_a_short_partition() {
    for seed in seeds(SEED_COUNT) {
        let World { network, feed, .. } = &World::new(seed);
        let mut items = feed.count(20_000).await.unwrap();
        for expected in (10_001..=20_000).rev() {
            assert_eq!(items.recv().await.unwrap(), Some(expected));
        }
        network.partition([host(SERVER)]);
        sleep(Duration::from_secs(15)).await;
        network.heal();
        for expected in (1..=10_000).rev() {
            assert_eq!(items.recv().await.unwrap(), Some(expected), "seed {seed}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn restart_of_the_server_ends_its_streams() {
    let World { network, server, feed, .. } = &World::new(1);
    let mut ticks = feed.ticks().await.unwrap();
    ticks.recv().await.unwrap();
    server.close(ms(0)).await;
    let end = loop {
        match ticks.recv().await {
            Ok(item) => assert!(item.is_some(), "a silent end"),
            Err(end) => break end,
        }
    };
    assert!(matches!(end, InflowError::Link(LinkEnd::Closed)), "{end}");
    let source = Source::default();
    let _server = bind(network, SERVER, builder(1, &Runs::default()).serve(FeedServer::new(source)));
    assert_eq!(feed.ticks().await.unwrap().recv().await.unwrap(), Some(1));
}

#[tokio::test(start_paused = true)]
async fn closed_endpoint_ends_the_streams_of_both_ends() {
    let World { caller, feed, source, .. } = &World::new(1);
    let mut ticks = feed.ticks().await.unwrap();
    let mut chunks = feed.chunks(1_000).await.unwrap();
    ticks.recv().await.unwrap();
    caller.close(ms(0)).await;
    let end = loop {
        match ticks.recv().await {
            Ok(item) => assert!(item.is_some(), "a silent end"),
            Err(end) => break end,
        }
    };
    assert!(matches!(end, InflowError::Link(LinkEnd::Closed)), "{end}");
    // Items that have arrived come first.
    while let Ok(item) = chunks.recv().await {
        assert!(item.is_some(), "a silent end");
    }
    sleep(Duration::from_secs(1)).await;
    assert_eq!(source.live(), 0);
}

#[tokio::test(start_paused = true)]
async fn inflow_keeps_its_endpoint_open() {
    let World { caller, feed, server: _server, .. } = World::new(1);
    let mut items = feed.count(2).await.unwrap();
    drop((caller, feed));
    sleep(Duration::from_secs(10)).await;
    assert_eq!(items.recv().await.unwrap(), Some(2));
}

#[tokio::test(start_paused = true)]
async fn streams_beyond_those_that_a_peer_allows_wait() {
    for seed in seeds(SEED_COUNT) {
        let World { network, feed, source, .. } = &World::new(seed);
        network.set_conditions(Conditions::default().latency(ms(5)).loss(0.02));
        let patiently = Duration::from_secs(1_000);
        // At once, before the link is up.
        let calls: VecDeque<_> = (0..100).map(|_| tokio::spawn(feed.ticks().timeout(patiently))).collect();
        sleep(Duration::from_secs(10)).await;
        assert_eq!(source.live(), 64, "seed {seed}");
        for call in calls {
            // Each stream that ends makes room for another.
            let mut ticks = call.await.unwrap().unwrap();
            assert_eq!(ticks.recv().await.unwrap(), Some(1), "seed {seed}");
        }
        sleep(Duration::from_secs(5)).await;
        assert_eq!(source.live(), 0, "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn same_seed_gives_the_same_run() {
    let run = async |seed| {
        let World { network, feed, .. } = &World::new(seed);
        network.set_conditions(Conditions::default().latency(ms(20)).jitter(ms(10)).loss(0.05));
        let begun = Instant::now();
        let mut items = feed.count(5_000).timeout(Duration::from_secs(60)).await.unwrap();
        let mut times = Vec::new();
        while items.recv().await.unwrap().is_some() {
            times.push(begun.elapsed());
        }
        times
    };
    for seed in [1, 2] {
        assert_eq!(run(seed).await, run(seed).await);
    }
}

#[tokio::test]
async fn method_with_a_stream_needs_a_link() {
    let bank = Identity::generate();
    let server = Endpoint::builder().identity(bank.clone()).serve(FeedServer::new(Source::default()));
    let server = server.bind("127.0.0.1:0").await.unwrap();
    let plain = Endpoint::bind("127.0.0.1:0").await.unwrap();
    let error = FeedClient::new(&plain, server.local_addr()).count(1).await.unwrap_err();
    assert!(matches!(error, CallError::Insecure { method: "count" }), "{error}");
    let error = FeedClient::secure(&plain, server.local_addr(), AnyPeer).count(1).await.unwrap_err();
    assert!(matches!(error, CallError::Link { reason: LinkEnd::NotSecure, .. }), "{error}");
    // A call of a plain client, and one that asks for retransmissions.
    let caller = Endpoint::builder().identity(Identity::generate()).bind("127.0.0.1:0").await.unwrap();
    let feed = FeedClient::new(&caller, server.local_addr());
    let mut items = feed.count(1).secure(bank.peer_id()).retransmit(true).wait_for_ready().await.unwrap();
    assert_eq!((items.recv().await.unwrap(), items.recv().await.unwrap()), (Some(1), None));
    // Over a link, and without a stream.
    let call: rpcudp::Call<u64> = rpcudp::DynamicMethod::new("count").call(&caller, server.local_addr(), &[1_u64]);
    let error = call.secure(bank.peer_id()).await.unwrap_err();
    assert!(matches!(error, CallError::Refused { reason: Refusal::NeedsSecureLink, .. }), "{error}");
    assert!(FeedClient::CONTRACT.methods[0].is_secure && !FeedClient::CONTRACT.methods[5].is_secure);
}

#[tokio::test(start_paused = true)]
async fn mock_peer_serves_streams() {
    let builder = Endpoint::builder().identity(Identity::generate()).serve(FeedServer::new(Source::default()));
    let feed: FeedClient = rpcudp::testing::MockPeer::with_builder(builder).secure_client();
    let mut items = feed.count(2).await.unwrap();
    assert_eq!((items.recv().await.unwrap(), items.recv().await.unwrap()), (Some(2), Some(1)));
    assert_eq!(items.recv().await.unwrap(), None);
}

/// Tasks and the driver run on several threads: no wake-up is lost, and no stream is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn streams_begin_and_end_on_many_threads() {
    let identity = Identity::generate();
    let source = Source::default();
    let server = Endpoint::builder().identity(identity.clone()).serve(FeedServer::new(source.clone()));
    let server = server.bind("127.0.0.1:0").await.unwrap();
    let caller = Endpoint::builder().identity(Identity::generate()).bind("127.0.0.1:0").await.unwrap();
    let feed = FeedClient::secure(&caller, server.local_addr(), identity.peer_id());
    let tasks: Vec<_> = (0..200_u64)
        .map(|number| {
            let feed = feed.clone();
            tokio::spawn(async move {
                let patiently = Duration::from_secs(600);
                if number % 3 == 0 {
                    let mut chunks = feed.chunks(7_000).timeout(patiently).await.unwrap();
                    for _ in 0..number {
                        assert_eq!(chunks.recv().await.unwrap().unwrap().len(), 7_000);
                    }
                } else {
                    let mut items = feed.count(number).timeout(patiently).await.unwrap();
                    for expected in (1..=number).rev() {
                        assert_eq!(items.recv().await.unwrap(), Some(expected));
                    }
                    assert_eq!(items.recv().await.unwrap(), None);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    while source.live() > 0 {
        sleep(ms(5)).await;
    }
}
