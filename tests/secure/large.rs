//! Values that do not fit into a packet.

use std::io::ErrorKind;
use std::time::Duration;

use rpcudp::sim::{Conditions, Network};
use rpcudp::{CallError, Endpoint, LinkEnd, LinkOptions, Progress, Refusal};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep};

use crate::fixture::{Runs, VaultClient, VaultServer, bind, builder, peer};
use crate::store::{Counts, StoreClient, StoreServer, World};
use crate::support::{CALLER, SERVER, bind as bind_plain, ms, seeds};

const SEED_COUNT: u64 = 3;

const MIB: usize = 1 << 20;

#[tokio::test(start_paused = true)]
async fn handler_of_a_request_that_is_dropped_while_it_is_sent_never_runs() {
    for seed in seeds(SEED_COUNT) {
        // Before the link is up, and while the request is being sent.
        for time in [0, 10, 150, 400] {
            let world = World::new(seed);
            let call = world.store.put(vec![7; 8 * MIB], 0);
            assert!(tokio::time::timeout(ms(time), call).await.is_err());
            world.assert_empty().await;
            assert_eq!(world.counts.get(), (0, 0), "seed {seed}, {time} ms");
            assert_eq!(world.server.stats().requests.received, 0, "seed {seed}, {time} ms");
            assert_eq!(world.store.put(vec![7; 5], 0).await.unwrap_or(5), 5);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn dropped_call_with_a_large_request_cancels_its_handler() {
    for seed in seeds(SEED_COUNT) {
        let world = World::new(seed);
        world.network.set_conditions(Conditions::default().latency(ms(1)));
        let call = world.store.put(vec![7; MIB], 30_000);
        assert!(tokio::time::timeout(Duration::from_secs(5), call).await.is_err());
        world.assert_empty().await;
        sleep(Duration::from_secs(60)).await;
        assert_eq!((world.counts.get(), world.server.stats().requests.cancelled), ((1, 0), 1), "seed {seed}");
    }
}

/// As with the largest datagram, the deadline and the metadata have room beside the arguments.
#[tokio::test(start_paused = true)]
async fn longest_request_and_response_travel_with_their_trailers() {
    let world = World::new(1);
    world.network.set_conditions(Conditions::default());
    let long = 16 * MIB - 1_024 - 100;
    assert_eq!(world.store.put(vec![7; long], 0).metadata("key", &"v".repeat(500)).await.unwrap(), long);
    assert_eq!(world.store.get(long).await.unwrap().len(), long);
    let error = world.store.put(vec![7; 16 * MIB - 1_024], 0).await.unwrap_err();
    assert!(matches!(error, CallError::TooLarge { .. }), "{error}");
    let error = world.store.get(16 * MIB - 1_024).await.unwrap_err();
    assert!(matches!(error, CallError::Refused { reason: Refusal::ResponseTooLarge { .. }, .. }), "{error}");
    // Some lengths around that of a datagram have room for a part of it.
    for len in (65_400..65_600).step_by(3) {
        assert_eq!(world.store.put(vec![7; len], 0).await.unwrap(), len);
    }
}

#[tokio::test(start_paused = true)]
async fn response_to_a_dropped_call_is_not_sent_to_its_end() {
    for seed in seeds(SEED_COUNT) {
        // The cancel frame arrives, or is lost with all that its sender sends for a while.
        for is_lost in [false, true] {
            let world = World::new(seed);
            let call = tokio::spawn(world.store.get(8 * MIB));
            while world.caller.link_stats().arriving_bytes == 0 {
                sleep(ms(10)).await;
            }
            let before = world.sent_bytes();
            let (from, to) = (world.caller.local_addr().ip(), world.server.local_addr().ip());
            let path = Conditions::default().latency(ms(20));
            world.network.set_link(from, to, if is_lost { path.clone().loss(1.0) } else { path.clone() });
            call.abort();
            sleep(ms(200)).await;
            world.network.set_link(from, to, path);
            world.assert_empty().await;
            let sent_len = world.sent_bytes() - before;
            assert!(sent_len < 2 << 20, "seed {seed}: {sent_len} bytes");
            assert_eq!(world.counts.get(), (1, 0), "seed {seed}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn response_that_no_call_expects_is_stopped_at_its_beginning() {
    let world = World::new(1);
    world.network.set_conditions(Conditions::default().latency(ms(50)));
    assert_eq!(world.store.get(1).await.unwrap(), [7]);
    let before = world.sent_bytes();
    // Dropped while the response is on its way.
    assert!(tokio::time::timeout(ms(90), world.store.get(8 * MIB)).await.is_err());
    world.assert_empty().await;
    assert!(world.sent_bytes() - before < 200_000, "{}", world.sent_bytes() - before);
}

#[tokio::test(start_paused = true)]
async fn call_that_times_out_ends_its_transfer() {
    let world = World::new(1);
    for time in [1, 300] {
        let before = world.sent_bytes();
        let error = world.store.put(vec![7; 8 * MIB], 0).timeout(ms(time)).await.unwrap_err();
        let is_timeout = matches!(error, CallError::Timeout { .. } | CallError::Link { reason: LinkEnd::NoAnswer, .. });
        assert!(is_timeout, "{error}");
        world.assert_empty().await;
        assert!(world.sent_bytes() - before < 4 << 20, "{}", world.sent_bytes() - before);
    }
    assert_eq!(world.counts.get(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn endpoint_without_cancel_frames_drops_its_requests_too() {
    let world = World::new(1);
    let quiet = builder(3, &Runs::default()).send_cancels(false);
    let quiet = bind(&world.network, "10.0.0.9:7000", quiet);
    let store = StoreClient::secure(&quiet, world.server.local_addr(), peer(1));
    assert!(tokio::time::timeout(ms(200), store.put(vec![7; 8 * MIB], 0)).await.is_err());
    world.assert_empty().await;
    assert_eq!((quiet.link_stats().unsent_bytes, world.counts.get()), (0, (0, 0)));
}

/// The bytes sent, the length of the request, and the same of the response.
type Change = (u64, Option<u64>, u64, Option<u64>);

/// Returns the changes of a progress until its end.
fn changes(mut progress: Progress) -> JoinHandle<Vec<Change>> {
    tokio::spawn(async move {
        let mut seen = Vec::new();
        while progress.changed().await {
            let (sent, received) = (progress.sent(), progress.received());
            seen.push((sent, progress.request_len(), received, progress.response_len()));
        }
        assert!(progress.is_ended());
        seen
    })
}

fn assert_grows(changes: &[Change]) {
    let is_not_less = |pair: &[Change]| pair[0].0 <= pair[1].0 && pair[0].2 <= pair[1].2;
    assert!(changes.windows(2).all(is_not_less), "{changes:?}");
}

#[tokio::test(start_paused = true)]
async fn progress_of_a_large_request_and_response_grows_to_the_end() {
    for seed in seeds(SEED_COUNT) {
        let world = World::new(seed);
        let mut put = world.store.put(vec![7; 3 * MIB], 10);
        let seen = changes(put.progress());
        let begun = Instant::now();
        let halfway = put.progress();
        let call = tokio::spawn(put);
        while halfway.sent() < 3 * MIB as u64 / 2 {
            sleep(ms(10)).await;
        }
        let half = begun.elapsed();
        assert_eq!(call.await.unwrap().unwrap(), 3 * MIB);
        // The window is small, so the bytes that are sent are nearly those that have arrived.
        assert!(half * 3 > begun.elapsed(), "half in {half:?}, all in {:?}", begun.elapsed());
        let seen = seen.await.unwrap();
        assert_grows(&seen);
        assert!(seen.len() > 20, "{}", seen.len());
        let &(sent, request_len, received, response_len) = seen.last().unwrap();
        assert_eq!((Some(sent), Some(received)), (request_len, response_len), "seed {seed}");
        assert!(sent > 3 * MIB as u64 && received < 50);

        let mut get = world.store.get(3 * MIB);
        let seen = changes(get.progress());
        get.await.unwrap();
        let seen = seen.await.unwrap();
        assert_grows(&seen);
        let &(sent, request_len, received, response_len) = seen.last().unwrap();
        assert_eq!((Some(sent), Some(received)), (request_len, response_len), "seed {seed}");
        assert!(sent < 100 && received > 3 * MIB as u64 && seen.len() > 20, "{sent} {received} {}", seen.len());
    }
}

#[tokio::test(start_paused = true)]
async fn progress_of_a_call_that_is_dropped_or_lost_ends() {
    let world = World::new(1);
    let mut call = world.store.put(vec![7; 3 * MIB], 10);
    let seen = changes(call.progress());
    drop(call);
    assert_eq!(seen.await.unwrap(), []);
    let mut call = world.store.put(vec![7; 3 * MIB], 10);
    let seen = changes(call.progress());
    assert!(tokio::time::timeout(ms(200), &mut call).await.is_err());
    assert!(call.progress().is_ended(), "a call that has been polled has no other handle");
    drop(call);
    let seen = seen.await.unwrap();
    let (sent, request_len, ..) = *seen.last().unwrap();
    assert!(0 < sent && Some(sent) < request_len, "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn progress_of_a_small_call_over_either_wire_is_its_datagram() {
    let world = World::new(1);
    world.network.set_conditions(Conditions::default());
    let runs = Runs::default();
    let plain = bind_plain(&world.network, "10.0.0.8:7000", Endpoint::builder().serve(VaultServer::new(runs)));
    let caller = bind_plain(&world.network, "10.0.0.9:7000", Endpoint::builder());
    let clients = [
        VaultClient::new(&caller, plain.local_addr()),
        VaultClient::secure(&world.caller, world.server.local_addr(), peer(1)),
    ];
    for vault in clients {
        let mut call = vault.echo(vec![7; 100]);
        let mut progress = call.progress();
        assert_eq!((progress.sent(), progress.request_len()), (0, None));
        assert_eq!(call.await.unwrap().len(), 100);
        // 21 bytes of header, 7 of the heads and the name, 102 of the argument, 10 of the time.
        assert_eq!((progress.sent(), progress.request_len()), (140, Some(140)));
        assert_eq!((progress.received(), progress.response_len()), (123, Some(123)));
        assert!(progress.changed().await && !progress.changed().await);
    }
}

#[tokio::test(start_paused = true)]
async fn call_outlives_the_idle_timeout_of_either_end() {
    for [server, caller] in [[30, 30], [3, 30], [30, 3]] {
        let options = |secs| LinkOptions::default().idle_timeout(Duration::from_secs(secs));
        let network = Network::new(1);
        let counts = Counts::default();
        let server = builder(1, &Runs::default()).link_options(options(server)).serve(StoreServer::new(counts));
        let server = bind(&network, SERVER, server);
        let caller = bind(&network, CALLER, builder(2, &Runs::default()).link_options(options(caller)));
        let store = StoreClient::secure(&caller, server.local_addr(), peer(1));
        for len in [10, 50_000] {
            let call = store.put(vec![7; len], 100_000).timeout(Duration::from_secs(200));
            assert_eq!(call.await.unwrap(), len);
        }
        assert_eq!(server.link_stats().established, 1);
        // Without a call it ends.
        sleep(Duration::from_secs(60)).await;
        assert_eq!((server.link_stats().up, caller.link_stats().up), (0, 0));
    }
}

/// A path on which 2 MiB take longer than the first retransmissions.
fn slow_path() -> Conditions {
    Conditions::default().latency(ms(50)).rate(500_000, 100_000)
}

#[tokio::test(start_paused = true)]
async fn large_request_or_response_is_sent_once_while_its_link_lives() {
    let world = World::new(1);
    world.network.set_conditions(slow_path());
    let (store, mib) = (&world.store, MIB as u64);
    let begun = Instant::now();
    assert_eq!(store.put_again(vec![7; 2 * MIB]).await.unwrap(), 2 * MIB);
    assert!(begun.elapsed() > Duration::from_secs(3), "{:?}", begun.elapsed());
    assert_eq!((world.sent_bytes() < 4 * mib, world.counts.get()), (true, (1, 1)));
    assert_eq!(store.get_again(2 * MIB).await.unwrap().len(), 2 * MIB);
    assert_eq!(store.get_once(2 * MIB).await.unwrap().len(), 2 * MIB);
    world.assert_empty().await;
    assert_eq!(world.counts.get(), (3, 1));
    assert!(world.sent_bytes() < 11 * mib, "{}", world.sent_bytes());
}

#[tokio::test(start_paused = true)]
async fn large_request_is_sent_again_after_its_link_was_lost() {
    for seed in seeds(SEED_COUNT) {
        let world = World::new(seed);
        world.network.set_conditions(slow_path());
        let call = tokio::spawn(world.store.put_again(vec![7; 2 * MIB]));
        sleep(Duration::from_secs(2)).await;
        world.network.partition([world.server.local_addr().ip()]);
        sleep(Duration::from_secs(60)).await;
        world.network.heal();
        assert_eq!(call.await.unwrap().unwrap(), 2 * MIB);
        assert_eq!(world.counts.get(), (1, 1), "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn large_response_arrives_before_its_server_closes() {
    for seed in seeds(SEED_COUNT) {
        for len in [100, 2 * MIB] {
            let world = World::new(seed);
            world.network.set_conditions(slow_path());
            let call = tokio::spawn(world.store.get(len));
            while world.counts.get().0 == 0 {
                sleep(ms(1)).await;
            }
            let begun = Instant::now();
            world.server.close(Duration::from_secs(60)).await;
            assert_eq!(call.await.unwrap().unwrap().len(), len, "seed {seed}");
            assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn response_that_does_not_arrive_holds_up_closing_for_the_grace() {
    let world = World::new(1);
    world.network.set_conditions(slow_path());
    let call = tokio::spawn(world.store.get(2 * MIB));
    while world.counts.get().0 == 0 {
        sleep(ms(1)).await;
    }
    world.network.partition([world.server.local_addr().ip()]);
    let begun = Instant::now();
    world.server.close(Duration::from_secs(5)).await;
    let elapsed = begun.elapsed();
    assert!((Duration::from_secs(5)..Duration::from_secs(7)).contains(&elapsed), "{elapsed:?}");
    call.abort();
}

/// The requests wait at their sender, and no call fails.
#[tokio::test(start_paused = true)]
async fn requests_that_slow_handlers_hold_are_bounded_and_all_run() {
    let network = Network::new(1);
    let counts = Counts::default();
    let options = LinkOptions::default().max_message_len(MIB).message_memory(8 * MIB);
    let server = builder(1, &Runs::default()).link_options(options).serve(StoreServer::new(counts.clone()));
    let server = bind(&network, SERVER, server);
    let mut calls = JoinSet::new();
    for number in 0..4_u8 {
        let caller = bind(&network, &format!("10.0.1.{number}:7000"), builder(10 + number, &Runs::default()));
        let store = StoreClient::secure(&caller, server.local_addr(), peer(1));
        for _ in 0..10 {
            let call = store.put(vec![7; MIB - 2_000], 1_000).timeout(Duration::from_secs(300));
            calls.spawn(async move { assert_eq!(call.await.unwrap(), MIB - 2_000) });
        }
        calls.spawn(async move {
            // Keeps the endpoint.
            sleep(Duration::from_secs(100)).await;
            drop(caller);
        });
    }
    let mut most = (0, 0);
    while !calls.is_empty() {
        sleep(ms(10)).await;
        while calls.try_join_next().map(Result::unwrap).is_some() {}
        let bytes = server.link_stats().arriving_bytes;
        assert!(bytes <= 8 << 20, "{bytes} bytes");
        most = most.max((bytes, server.stats().requests.running));
    }
    // A quarter for each key, less a response.
    assert_eq!((most.1, counts.get(), server.link_stats().arriving_bytes), (4, (40, 40), 0), "{most:?}");
}

#[tokio::test(start_paused = true)]
async fn memory_of_a_request_is_free_when_its_handler_ends_in_any_way() {
    let world = World::new(1);
    world.network.set_conditions(Conditions::default());
    let kept = world.store.put(vec![7; MIB], 10_000);
    let call = tokio::spawn(kept);
    sleep(Duration::from_secs(5)).await;
    assert_eq!(world.server.link_stats().arriving_bytes / 1_000, 1_048);
    call.abort();
    world.assert_empty().await;
    // Refused, decoded wrongly, and run inline.
    let wrong =
        rpcudp::DynamicMethod::new("put").call::<u8>(&world.caller, world.server.local_addr(), &vec![7_u16; MIB]);
    assert!(matches!(wrong.secure(peer(1)).await, Err(CallError::Refused { .. })));
    let unknown =
        rpcudp::DynamicMethod::new("none").call::<u8>(&world.caller, world.server.local_addr(), &vec![7_u8; MIB]);
    assert!(matches!(unknown.secure(peer(1)).await, Err(CallError::Refused { .. })));
    let vault = VaultClient::secure(&world.caller, world.server.local_addr(), peer(1));
    assert_eq!(vault.echo(vec![7; MIB]).await.unwrap().len(), MIB);
    world.assert_empty().await;
}

#[tokio::test(start_paused = true)]
async fn requests_beyond_the_memory_of_their_caller_end_at_once() {
    // Before the link is up, and after.
    for is_up in [false, true] {
        let network = Network::new(1);
        network.set_conditions(Conditions::default().latency(ms(20)));
        let server = bind(&network, SERVER, builder(1, &Runs::default()).serve(StoreServer::new(Counts::default())));
        let options = LinkOptions::default().max_message_len(MIB).message_memory(8 * MIB);
        let caller = bind(&network, CALLER, builder(2, &Runs::default()).link_options(options));
        let store = StoreClient::secure(&caller, server.local_addr(), peer(1));
        if is_up {
            store.put(Vec::new(), 0).await.unwrap();
        }
        let mut calls = JoinSet::new();
        (0..12).for_each(|_| _ = calls.spawn(store.put(vec![7; MIB - 2_000], 0)));
        let ended = calls.join_all().await;
        let failed: Vec<_> = ended.into_iter().filter_map(Result::err).collect();
        let is_full =
            |error: &CallError| matches!(error, CallError::Io { source, .. } if source.kind() == ErrorKind::WouldBlock);
        assert!((3..5).contains(&failed.len()) && failed.iter().all(is_full), "{failed:?}");
    }
}
