//! Links that are lost: partitions, restarts, and peers that move.

use std::future::IntoFuture;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{self, Poll};
use std::time::Duration;

use rpcudp::sim::Conditions;
use rpcudp::transport::{Datagram, ReceiveBatch, Transport};
use rpcudp::{CallError, DidRun, LinkEnd};
use tokio::time::{Instant, sleep};

use crate::fixture::{Runs, VaultClient, World, bind, builder, peer};
use crate::support::{CALLER, CheckedWire, SERVER, ms, seeds};

const SEED_COUNT: u64 = 10;

fn host(addr: &str) -> IpAddr {
    addr.parse::<SocketAddr>().unwrap().ip()
}

#[tokio::test(start_paused = true)]
async fn retransmitted_calls_outlive_a_partition_longer_than_the_idle_timeout() {
    for seed in seeds(SEED_COUNT) {
        let world = World::new(seed);
        let World { network, vault, runs, .. } = &world;
        network.set_conditions(Conditions::default().latency(ms(20)).jitter(ms(10)).loss(0.05));
        assert_eq!(vault.repeat(0).await.unwrap(), 0);
        network.partition([host(SERVER)]);
        let long = Duration::from_secs(120);
        let calls = (1..=4).map(|number| {
            let call =
                if number % 2 == 0 { vault.repeat(number).without_delivery() } else { vault.once(number, Vec::new()) };
            (number, tokio::spawn(call.timeout(long)))
        });
        let calls: Vec<_> = calls.collect();
        sleep(Duration::from_secs(45)).await;
        network.heal();
        for (number, call) in calls {
            assert_eq!(call.await.unwrap().unwrap(), number, "seed {seed}");
        }
        assert_eq!((runs.begun(1), runs.begun(3)), (1, 1), "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn call_that_is_sent_once_ends_when_its_link_is_lost() {
    let world = World::new(1);
    let World { network, vault, .. } = &world;
    vault.echo(Vec::new()).await.unwrap();
    network.partition([host(SERVER)]);
    let begun = Instant::now();
    let error = vault.slow(1, 1).timeout(Duration::from_secs(300)).await.unwrap_err();
    assert!(matches!(error, CallError::Link { reason: LinkEnd::Lost, .. }), "{error}");
    assert!((25..60).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    network.heal();
    assert_eq!(vault.slow(2, 1).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn link_that_does_not_come_up_leaves_the_calls_over_another_to_the_same_key() {
    for is_other_key in [false, true] {
        let World { network, caller, runs, vault, .. } = &World::new(1);
        let _impostor = is_other_key.then(|| bind(network, "10.0.0.8:7000", builder(8, runs)));
        // The handshake with this address takes until its idle timeout, or ends with another key.
        network.set_link(host(CALLER), host("10.0.0.8:7000"), Conditions::default().latency(ms(500)));
        let stale = VaultClient::secure(caller, "10.0.0.8:7000".parse().unwrap(), peer(1));
        let long = Duration::from_secs(100);
        let (once, repeated) = (stale.slow(1, 1).timeout(long), stale.once(2, Vec::new()).timeout(long));
        let lost = tokio::spawn(async move { tokio::join!(once, repeated) });
        sleep(ms(1)).await;
        // Another address is dialled at the same time, with the same key.
        let running = tokio::spawn(vault.slow(3, 1_000).timeout(long));
        sleep(Duration::from_secs(10)).await;
        let running_later = tokio::spawn(vault.slow(4, 25_000).timeout(long));
        let (once, repeated) = lost.await.unwrap();
        let error = once.unwrap_err();
        assert!(matches!(error, CallError::Link { .. } | CallError::WrongPeer { .. }), "{error}");
        assert_eq!((error.did_run(), runs.begun(1)), (DidRun::No, 0));
        assert_eq!(repeated.unwrap(), 2, "over the other link");
        assert_eq!(running.await.unwrap().unwrap(), 3, "{is_other_key}");
        assert_eq!(running_later.await.unwrap().unwrap(), 4, "{is_other_key}");
    }
}

#[tokio::test(start_paused = true)]
async fn retransmissions_go_on_after_another_client_of_the_same_key_is_dropped() {
    let World { network, caller, vault, .. } = &World::new(1);
    vault.echo(Vec::new()).await.unwrap();
    network.partition([host(SERVER)]);
    let call = tokio::spawn(vault.repeat(1).timeout(Duration::from_secs(300)));
    sleep(Duration::from_secs(1)).await;
    drop(VaultClient::secure(caller, "10.0.0.8:7000".parse().unwrap(), peer(1)));
    sleep(Duration::from_secs(60)).await;
    network.heal();
    assert_eq!(call.await.unwrap().unwrap(), 1);
}

/// A socket that is full for some attempts to send, and reports room at once, as after an error.
#[derive(Debug)]
struct OftenFull<T> {
    inner: T,
    full_count: Arc<AtomicU32>,
    receive_count: AtomicU32,
}

impl<T: Transport> Transport for OftenFull<T> {
    fn poll_receive(&self, cx: &mut task::Context<'_>, batch: &mut ReceiveBatch) -> Poll<io::Result<()>> {
        assert!(self.receive_count.fetch_add(1, Ordering::Relaxed) < 10_000, "the driver spins");
        self.inner.poll_receive(cx, batch)
    }
    fn try_send(&self, datagram: Datagram<'_>) -> io::Result<()> {
        let count = self.full_count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| count.checked_sub(1));
        if count.is_ok() { Err(io::ErrorKind::WouldBlock.into()) } else { self.inner.try_send(datagram) }
    }
    fn poll_writable(&self, cx: &mut task::Context<'_>) -> Poll<io::Result<()>> {
        self.inner.poll_writable(cx)
    }
    fn local_addr(&self) -> SocketAddr {
        self.inner.local_addr()
    }
}

#[tokio::test(start_paused = true)]
async fn driver_rests_after_its_socket_was_full() {
    let World { network, server, .. } = &World::new(1);
    let full_count = Arc::new(AtomicU32::new(0));
    let inner = network.bind("10.0.0.9:7000").unwrap();
    let transport = OftenFull { inner, full_count: Arc::clone(&full_count), receive_count: AtomicU32::new(0) };
    let caller = builder(3, &Runs::default()).bind_transport(CheckedWire::links(transport)).unwrap();
    let vault = VaultClient::secure(&caller, server.local_addr(), peer(1));
    for count in 0..20 {
        full_count.store(count, Ordering::Relaxed);
        assert_eq!(vault.echo(vec![7; 5_000]).await.unwrap(), vec![7; 5_000]);
        sleep(ms(100)).await;
    }
}

/// The identity is the same, so the server resets the link of its earlier run.
#[tokio::test(start_paused = true)]
async fn caller_of_a_restarted_server_needs_no_timeout() {
    for seed in seeds(SEED_COUNT) {
        let mut world = World::new(seed);
        world.network.set_conditions(Conditions::default().latency(ms(20)));
        assert_eq!(world.vault.repeat(1).await.unwrap(), 1);
        // The server goes without a word.
        world.network.partition([host(SERVER)]);
        world.restart().await;
        world.network.heal();
        let begun = Instant::now();
        assert_eq!(world.vault.repeat(2).await.unwrap(), 2);
        assert!(begun.elapsed() < Duration::from_secs(3), "seed {seed}: {:?}", begun.elapsed());
    }
}

/// The reset takes a round trip, the new link another, and the call a third.
#[tokio::test(start_paused = true)]
async fn restart_of_the_server_costs_two_round_trips() {
    for seed in seeds(SEED_COUNT) {
        let mut world = World::new(seed);
        world.network.set_conditions(Conditions::default().latency(ms(50)));
        assert_eq!(world.vault.repeat(1).await.unwrap(), 1);
        world.network.partition([host(SERVER)]);
        world.restart().await;
        world.network.heal();
        let begun = Instant::now();
        let error = world.vault.slow(2, 1).await.unwrap_err();
        assert!(matches!(error, CallError::Link { reason: LinkEnd::Lost, .. }), "seed {seed}: {error}");
        assert!((100..110).contains(&begun.elapsed().as_millis()), "seed {seed}: {:?}", begun.elapsed());
        assert_eq!(world.vault.slow(3, 1).await.unwrap(), 3);
        assert!((300..320).contains(&begun.elapsed().as_millis()), "seed {seed}: {:?}", begun.elapsed());
    }
}

/// The process reads its socket before it ends the link that has been idle for too long.
#[tokio::test(start_paused = true)]
async fn response_that_arrived_during_a_pause_longer_than_the_idle_timeout_completes_its_call() {
    for seed in seeds(SEED_COUNT) {
        let World { network, vault, .. } = &World::new(seed);
        network.set_conditions(Conditions::default().latency(ms(20)));
        vault.echo(Vec::new()).await.unwrap();
        let call = tokio::spawn(vault.repeat(1).without_delivery().into_future());
        sleep(ms(30)).await;
        tokio::time::advance(Duration::from_secs(50)).await;
        assert_eq!(call.await.unwrap().unwrap_or_else(|error| panic!("seed {seed}: {error}")), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn requests_that_wait_for_their_link_arrive_once() {
    for seed in seeds(SEED_COUNT) {
        let World { network, server, caller, runs, vault } = World::new(seed);
        network.set_conditions(Conditions::default().latency(ms(150)));
        assert_eq!(vault.repeat(1_000).await.unwrap(), 1_000);
        assert_eq!(caller.stats().calls.retransmitted, 0, "the handshake is no part of the call's round trip");
        server.close(ms(0)).await;
        sleep(Duration::from_secs(1)).await;
        let calls = (0..200).map(|number| tokio::spawn(vault.repeat(number).without_delivery().into_future()));
        let calls: Vec<_> = calls.collect();
        sleep(Duration::from_secs(4)).await;
        let server = bind(&network, SERVER, builder(1, &runs));
        for call in calls {
            call.await.unwrap().unwrap();
        }
        assert_eq!(server.stats().requests.received, 200, "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn both_ends_may_call_each_other_first_at_the_same_time() {
    for seed in seeds(SEED_COUNT) {
        let World { network, server, caller, vault, .. } = &World::new(seed);
        network.set_conditions(Conditions::default().latency(ms(20)).jitter(ms(20)).loss(0.1));
        let back = VaultClient::secure(server, caller.local_addr(), peer(2));
        for number in 0..20 {
            let (one, other) = tokio::join!(vault.once(number, Vec::new()), back.once(number, vec![7; 3_000]));
            assert_eq!((one.unwrap(), other.unwrap()), (number, number), "seed {seed}");
        }
        assert!((1..=2).contains(&server.link_stats().up), "seed {seed}: {:?}", server.link_stats());
        // The links that are not used any more end, and the next calls open one.
        sleep(Duration::from_secs(70)).await;
        assert_eq!((server.link_stats().up, caller.link_stats().up), (0, 0), "seed {seed}");
        assert_eq!(back.repeat(1).await.unwrap(), 1);
        assert_eq!(vault.repeat(2).await.unwrap(), 2);
        assert_eq!((server.link_stats().up, caller.link_stats().up), (1, 1), "seed {seed}: one for both");
    }
}

/// More responses than the network takes at once wait for it, and the end of the link may overtake
/// the last ones.
#[tokio::test(start_paused = true)]
async fn responses_arrive_although_the_server_closes() {
    for seed in seeds(SEED_COUNT) {
        let World { network, server, vault, .. } = &World::new(seed);
        network.set_conditions(Conditions::default().latency(ms(20)).jitter(ms(20)));
        vault.echo(Vec::new()).await.unwrap();
        let calls: Vec<_> = (0..200).map(|number| tokio::spawn(vault.padded(number, 100, 1_000))).collect();
        sleep(ms(50)).await;
        let begun = Instant::now();
        server.close(Duration::from_secs(10)).await;
        assert!(begun.elapsed() < Duration::from_secs(5), "seed {seed}: {:?}", begun.elapsed());
        for call in calls {
            assert_eq!(call.await.unwrap().unwrap().len(), 1_000, "seed {seed}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn link_follows_a_caller_behind_a_nat_that_rebinds() {
    for seed in seeds(SEED_COUNT) {
        let World { network, server, caller, runs, vault } = World::new(seed);
        drop((vault, caller));
        sleep(ms(1)).await;
        let nat =
            network.nat("198.51.100.1".parse().unwrap(), ["192.168.0.2".parse().unwrap()], Duration::from_secs(300));
        let caller = bind(&network, "192.168.0.2:7000", builder(2, &Runs::default()));
        let vault = VaultClient::secure(&caller, server.local_addr(), peer(1));
        for number in 0..5 {
            assert_eq!(vault.once(number, Vec::new()).await.unwrap(), number, "seed {seed}");
            nat.rebind();
            let begun = Instant::now();
            assert_eq!(vault.mirror(vec![number as u8; 10]).await.unwrap(), [number as u8; 10], "seed {seed}");
            assert!(begun.elapsed() < Duration::from_secs(1), "no new link was needed");
        }
        assert!((0..5).all(|number| runs.begun(number) == 1));
    }
}

/// The duplicate comes over another link from another address, and is known by the key.
#[tokio::test(start_paused = true)]
async fn at_most_once_is_remembered_by_the_key() {
    for seed in seeds(SEED_COUNT) {
        let World { network, server, caller, runs, vault } = World::new(seed);
        network.set_conditions(Conditions::default().latency(ms(20)));
        vault.echo(Vec::new()).await.unwrap();
        // The request arrives, and its response is lost with the link.
        network.set_link(host(SERVER), host(CALLER), Conditions::default().loss(1.0));
        let call = tokio::spawn(vault.once(1, Vec::new()).timeout(Duration::from_secs(200)));
        sleep(Duration::from_secs(50)).await;
        assert_eq!(runs.begun(1), 1);
        network.set_link(host(SERVER), host(CALLER), Conditions::default().latency(ms(20)));
        assert_eq!(call.await.unwrap().unwrap(), 1);
        assert_eq!(runs.begun(1), 1, "seed {seed}");
        assert!(server.stats().requests.replayed >= 1, "seed {seed}");
        drop(caller);
    }
}

#[tokio::test(start_paused = true)]
async fn response_of_a_slow_handler_follows_its_caller_to_a_new_link() {
    let world = World::new(1);
    let World { network, vault, runs, .. } = &world;
    vault.echo(Vec::new()).await.unwrap();
    let call = tokio::spawn(vault.once_slowly(1, 55_000).timeout(Duration::from_secs(200)));
    sleep(Duration::from_secs(1)).await;
    network.partition([host(SERVER)]);
    sleep(Duration::from_secs(40)).await;
    network.heal();
    assert_eq!(call.await.unwrap().unwrap(), 1);
    assert_eq!((runs.begun(1), runs.ended(1)), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn call_that_waits_for_its_peer_starts_before_the_server() {
    let World { network, server, caller, runs, vault } = World::new(1);
    drop(server);
    sleep(ms(1)).await;
    let begun = Instant::now();
    let call = tokio::spawn(vault.echo(vec![7]).wait_for_ready().timeout(Duration::from_secs(300)));
    sleep(Duration::from_secs(60)).await;
    let _server = bind(&network, SERVER, builder(1, &runs));
    assert_eq!(call.await.unwrap().unwrap(), [7]);
    assert!(begun.elapsed() < Duration::from_secs(120), "{:?}", begun.elapsed());
    drop(caller);
}
