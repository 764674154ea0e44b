use std::time::Duration;

use rpcudp::sim::Conditions;
use rpcudp::{AnyPeer, Endpoint, Identity, LinkOptions};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::fixture::{Runs, VaultClient, VaultServer, World, bind, builder, peer};
use crate::support::{SERVER, ms};

#[tokio::test(start_paused = true)]
async fn every_kind_of_method_is_called_over_a_link() {
    let world = World::new(1);
    let World { vault, runs, .. } = &world;
    assert_eq!(vault.whoami().await.unwrap(), Some(peer(2).to_string()));
    assert_eq!(vault.echo(vec![7; 100]).await.unwrap(), vec![7; 100]);
    assert_eq!(vault.repeat(1).await.unwrap(), 1);
    assert_eq!(vault.once(2, Vec::new()).await.unwrap(), 2);
    assert_eq!(vault.once_slowly(3, 100).await.unwrap(), 3);
    vault.note(4).await.unwrap();
    sleep(ms(100)).await;
    assert_eq!([1, 2, 3, 4].map(|number| runs.begun(number)), [1; 4]);
}

#[tokio::test(start_paused = true)]
async fn values_of_any_size_travel_over_a_link() {
    let world = World::new(1);
    let World { network, vault, .. } = &world;
    network.set_conditions(Conditions::default().latency(ms(10)).loss(0.01));
    let vault = &vault.with_timeout(Duration::from_secs(60));
    for len in [0, 1_000, 1_150, 1_200, 8_192, 8_193, 65_480, 70_000, 3_000_000] {
        let bytes: Vec<_> = (0..len).map(|at| (at % 251) as u8).collect();
        // A small one is sent once, and may be lost.
        let echoed = loop {
            match vault.echo(bytes.clone()).timeout(Duration::from_secs(20)).await {
                Ok(echoed) => break echoed,
                Err(error) => assert!(error.is_timeout() && len < 1_200, "{len}: {error}"),
            }
        };
        assert!(echoed == bytes, "{len}");
    }
}

#[tokio::test(start_paused = true)]
async fn handler_calls_its_caller_back_over_the_link_of_the_request() {
    let world = World::new(1);
    let World { vault, .. } = &world;
    assert_eq!(vault.mirror(vec![5; 2_000]).await.unwrap(), vec![5; 2_000]);
}

#[tokio::test(start_paused = true)]
async fn peer_id_of_a_client_without_a_pin_is_the_proven_key() {
    let world = World::new(1);
    let World { caller, server, vault, .. } = &world;
    assert_eq!(vault.peer_id(), Some(peer(1)));
    let any = VaultClient::secure(caller, server.local_addr(), AnyPeer);
    assert_eq!(any.peer_id(), None);
    assert_eq!(any.whoami().await.unwrap(), Some(peer(2).to_string()));
    assert_eq!(any.peer_id(), Some(peer(1)));
    assert_eq!(any.repeat(1).await.unwrap(), 1);
    assert_eq!(server.peer_id(), Some(peer(1)));
}

#[tokio::test(start_paused = true)]
async fn single_call_of_a_plain_client_may_take_a_link() {
    let world = World::new(1);
    let World { caller, server, runs, .. } = &world;
    let plain = VaultClient::new(caller, server.local_addr());
    assert_eq!(plain.once(1, Vec::new()).secure(peer(1)).await.unwrap(), 1);
    assert!(plain.once(2, Vec::new()).secure(peer(7)).await.is_err());
    let method = rpcudp::DynamicMethod::new("repeat");
    let call: rpcudp::Call<u64> = method.call(caller, server.local_addr(), &[3]);
    assert_eq!(call.secure(AnyPeer).await.unwrap(), 3);
    let group = VaultClient::group(caller, rpcudp::Peers::fixed([server.local_addr()]));
    assert!(group.once(4, Vec::new()).secure(peer(1)).await.is_err());
    assert_eq!([1, 2, 3, 4].map(|number| runs.begun(number)), [1, 0, 1, 0]);
}

/// The link takes a round trip, and the call another.
#[tokio::test(start_paused = true)]
async fn first_call_takes_two_round_trips_and_others_one() {
    let world = World::new(1);
    let World { network, vault, .. } = &world;
    network.set_conditions(Conditions::default().latency(ms(50)));
    for expected in [200, 100, 100] {
        let begun = Instant::now();
        vault.echo(Vec::new()).await.unwrap();
        let elapsed = begun.elapsed().as_millis();
        assert!((expected..expected + 30).contains(&elapsed), "{elapsed} ms, expected {expected}");
    }
}

#[tokio::test(start_paused = true)]
async fn dropped_call_cancels_its_handler() {
    let world = World::new(1);
    let World { vault, runs, server, .. } = &world;
    vault.echo(Vec::new()).await.unwrap();
    let call = vault.slow(1, 10_000);
    assert!(tokio::time::timeout(ms(500), call).await.is_err());
    sleep(Duration::from_secs(20)).await;
    assert_eq!((runs.begun(1), runs.ended(1)), (1, 0));
    assert_eq!(server.stats().requests.cancelled, 1);
}

#[tokio::test(start_paused = true)]
async fn many_calls_at_once_share_one_link() {
    let world = World::new(1);
    let World { vault, network, .. } = &world;
    network.set_conditions(Conditions::default().latency(ms(20)));
    vault.echo(Vec::new()).await.unwrap();
    let mut calls = JoinSet::new();
    for number in 0..2_000_u64 {
        let call = vault.once(number, number.to_le_bytes().repeat(5));
        calls.spawn(async move { assert_eq!(call.await.unwrap(), number) });
    }
    calls.join_all().await;
}

/// The caller receives four packets in each round, which it would acknowledge at once if the tasks
/// that they wake sent nothing.
#[tokio::test(start_paused = true)]
async fn acknowledgements_leave_with_the_next_requests() {
    let world = World::new(1);
    let World { vault, network, caller, server, .. } = &world;
    network.set_conditions(Conditions::default().latency(ms(20)));
    vault.echo(Vec::new()).await.unwrap();
    let sent = || [caller, server].map(|endpoint| endpoint.stats().datagrams.sent);
    let (before, rounds) = (sent(), 20);
    let mut calls = JoinSet::new();
    for _ in 0..32 {
        let vault = vault.clone();
        calls.spawn(async move {
            for _ in 0..rounds {
                vault.echo(vec![7; 100]).await.unwrap();
            }
        });
    }
    calls.join_all().await;
    let [by_caller, by_server] = [0, 1].map(|side| sent()[side] - before[side]);
    assert!(by_server >= 4 * rounds && by_caller <= by_server + rounds / 2, "{by_caller} and {by_server} datagrams");
}

/// More than the network takes at once, of calls that are sent once: the link keeps the others.
#[tokio::test(start_paused = true)]
async fn burst_before_the_link_is_up_loses_no_call() {
    for len in [32, 1_000, 8_000] {
        let world = World::new(1);
        let World { vault, network, .. } = &world;
        network.set_conditions(Conditions::default().latency(ms(20)));
        let mut calls = JoinSet::new();
        for number in 0..1_000_u64 {
            let call = vault.echo(vec![number as u8; len]).timeout(Duration::from_secs(60));
            calls.spawn(async move { assert_eq!(call.await.unwrap(), vec![number as u8; len]) });
        }
        calls.join_all().await;
    }
}

#[tokio::test(start_paused = true)]
async fn client_of_another_address_keeps_the_pin() {
    let world = World::new(1);
    let World { network, vault, server, runs, .. } = &world;
    let _other = bind(network, "10.0.0.9:7000", builder(9, runs));
    let moved = vault.with_peer("10.0.0.9:7000".parse().unwrap());
    let error = moved.echo(Vec::new()).await.unwrap_err();
    assert!(matches!(error, rpcudp::CallError::WrongPeer { found, .. } if found == peer(9)), "{error}");
    assert_eq!(moved.with_peer(server.local_addr()).repeat(1).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn idle_link_ends_and_the_next_call_opens_another() {
    let world = World::new(1);
    let World { vault, .. } = &world;
    for _ in 0..3 {
        assert_eq!(vault.repeat(1).await.unwrap(), 1);
        sleep(Duration::from_secs(40)).await;
        assert_eq!(vault.echo(Vec::new()).await.unwrap(), Vec::<u8>::new());
    }
}

#[tokio::test(start_paused = true)]
async fn least_used_link_goes_and_comes_back() {
    let World { network, server, caller, runs, vault } = World::new(1);
    drop((server, vault, caller));
    sleep(ms(1)).await;
    let few = builder(1, &runs).link_options(LinkOptions::default().max_links(2));
    let server = bind(&network, SERVER, few);
    let callers: Vec<_> =
        (0..5_u8).map(|number| bind(&network, &format!("10.0.1.{number}:7000"), builder(10 + number, &runs))).collect();
    for round in 0..3 {
        assert!(server.link_stats().up <= 2, "{:?}", server.link_stats());
        for caller in &callers {
            let vault = VaultClient::secure(caller, server.local_addr(), peer(1));
            assert_eq!(vault.repeat(round).await.unwrap(), round);
        }
    }
    assert_eq!((server.link_stats().established, server.link_stats().evicted), (15, 13));
}

/// Real sockets: the datagrams of a link may arrive at any of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_work_on_real_sockets_and_on_several_of_them() {
    for sockets in [1, 3] {
        let runs = Runs::default();
        let server = Endpoint::builder().identity(Identity::from_seed([1; 32])).sockets(sockets);
        let server = server.serve(VaultServer::new(runs.clone())).bind("127.0.0.1:0").await.unwrap();
        let callers = (0..8_u8).map(|number| {
            let (addr, runs) = (server.local_addr(), runs.clone());
            tokio::spawn(async move {
                let caller = Endpoint::builder().identity(Identity::from_seed([10 + number; 32]));
                let caller = caller.serve(VaultServer::new(runs)).bind("127.0.0.1:0").await.unwrap();
                let vault = VaultClient::secure(&caller, addr, peer(1));
                for round in 0..50 {
                    assert_eq!(vault.repeat(round).await.unwrap(), round);
                    assert_eq!(vault.whoami().await.unwrap(), Some(peer(10 + number).to_string()));
                }
                assert_eq!(vault.mirror(vec![7; 300_000]).await.unwrap(), vec![7; 300_000]);
                // Plain calls go on beside.
                let plain = VaultClient::new(&caller, addr);
                assert_eq!(plain.whoami().await.unwrap(), None);
            })
        });
        for caller in callers.collect::<Vec<_>>() {
            caller.await.unwrap();
        }
    }
}

/// The drivers of the other sockets pass datagrams on to one that may have closed already.
#[tokio::test]
async fn endpoint_with_several_sockets_closes_during_traffic_before_its_grace_ends() {
    let server = Endpoint::builder().identity(Identity::from_seed([1; 32])).sockets(3);
    let server = server.serve(VaultServer::new(Runs::default())).bind("127.0.0.1:0").await.unwrap();
    let mut calls = JoinSet::new();
    for number in 10..20 {
        let caller = Endpoint::builder().identity(Identity::from_seed([number; 32])).bind("127.0.0.1:0");
        let caller = caller.await.unwrap();
        let vault = VaultClient::secure(&caller, server.local_addr(), peer(1));
        vault.echo(vec![7; 100]).await.unwrap();
        calls.spawn(async move {
            loop {
                // Also after the server has closed.
                let _ = vault.echo(vec![7; 100]).timeout(ms(1)).await;
                tokio::task::yield_now().await;
            }
        });
    }
    sleep(ms(50)).await;
    let closed = tokio::time::timeout(Duration::from_secs(20), server.close(Duration::from_secs(60))).await;
    assert!(closed.is_ok(), "a driver waits for the end of the grace");
    calls.abort_all();
}
