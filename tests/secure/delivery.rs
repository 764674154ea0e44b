//! The promises of delivery over links, on bad paths.

use std::future::IntoFuture;
use std::time::Duration;

use rpcudp::sim::{Conditions, Network};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::fixture::{Runs, VaultClient, World, builder, peer};
use crate::support::{CALLER, CheckedWire, SERVER, ms, seeds};
use crate::trace::{Entry, Trace};

const SEED_COUNT: u64 = 20;

fn bad_path() -> Conditions {
    Conditions::default().latency(ms(20)).jitter(ms(30)).loss(0.15).duplication(0.1).reordering(0.1)
}

#[tokio::test(start_paused = true)]
async fn retransmitted_calls_succeed_and_run_as_their_contract_says() {
    for seed in seeds(SEED_COUNT) {
        let world = World::new(seed);
        let World { network, vault, runs, .. } = &world;
        network.set_conditions(bad_path());
        let mut calls = JoinSet::new();
        for number in 0..60_u64 {
            let call = match number % 4 {
                0 => vault.repeat(number).without_delivery(),
                1 => vault.once(number, vec![7; 50]).without_delivery(),
                2 => vault.once(number, vec![7; 20_000]).without_delivery(),
                _ => vault.once_slowly(number, 500).without_delivery(),
            };
            calls.spawn(async move { assert_eq!(call.await.unwrap(), number) });
            sleep(ms(10)).await;
        }
        calls.join_all().await;
        for number in 0..60 {
            let count = runs.begun(number);
            assert!(if number % 4 == 0 { count >= 1 } else { count == 1 }, "seed {seed}: {number} ran {count} times");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn call_that_is_sent_once_runs_at_most_once_and_may_be_lost() {
    let (mut ended_well, mut timed_out) = (0, 0);
    for seed in seeds(SEED_COUNT) {
        let world = World::new(seed);
        let World { network, vault, runs, .. } = &world;
        vault.echo(Vec::new()).await.unwrap();
        network.set_conditions(bad_path());
        for number in 0..20 {
            match vault.slow(number, 1).timeout(Duration::from_secs(2)).await {
                Ok(_) => ended_well += 1,
                Err(error) => {
                    assert!(error.is_timeout(), "{error}");
                    timed_out += 1;
                }
            }
            vault.note(100 + number).await.unwrap();
        }
        sleep(Duration::from_secs(5)).await;
        assert!((0..200).all(|number| runs.begun(number) <= 1));
    }
    assert!(ended_well > 2 * timed_out && timed_out > 0, "{ended_well} {timed_out}");
}

/// Packets are duplicated below QUIC, which drops the copies.
#[tokio::test(start_paused = true)]
async fn request_that_is_sent_once_runs_once_although_packets_are_duplicated() {
    let world = World::new(1);
    let World { network, vault, runs, .. } = &world;
    network.set_conditions(Conditions::default().duplication(1.0).reordering(0.5));
    for number in 0..50 {
        assert_eq!(vault.slow(number, 1).await.unwrap(), number);
        vault.note(100 + number).await.unwrap();
    }
    sleep(ms(100)).await;
    assert!((0..50).all(|number| (runs.begun(number), runs.begun(100 + number)) == (1, 1)));
}

/// All that an observer of the network sees: the time, the direction and the length of each packet.
#[tokio::test(start_paused = true)]
async fn same_seed_gives_the_same_packets() {
    async fn run(seed: u64) -> Vec<Vec<Entry>> {
        println!("seed {seed}");
        let network = Network::new(seed);
        let traces = [Trace::new(), Trace::new()];
        let bind = |number: u8, addr| {
            let transport = traces[usize::from(number) - 1].of(CheckedWire::links(network.bind(addr).unwrap()));
            builder(number, &Runs::default()).bind_transport(transport).unwrap()
        };
        let nat = network.nat([198, 51, 100, 1].into(), [[10, 0, 0, 2].into()], Duration::from_secs(30));
        let (mut server, caller) = (bind(1, SERVER), bind(2, CALLER));
        let vault = VaultClient::secure(&caller, server.local_addr(), peer(1));
        network.set_conditions(bad_path());
        for number in 0..40 {
            match number {
                10 => nat.rebind(),
                20 => {
                    server.close(ms(0)).await;
                    server = bind(1, SERVER);
                }
                30 => {
                    network.partition([server.local_addr().ip()]);
                    sleep(Duration::from_secs(35)).await;
                    network.heal();
                }
                _ => {}
            }
            let mut calls = JoinSet::new();
            calls.spawn(vault.repeat(number).without_delivery().into_future());
            calls.spawn(vault.once(number, vec![7; 3_000]).without_delivery().into_future());
            calls.spawn(vault.once_slowly(number, 20).without_delivery().into_future());
            drop(vault.slow(number, 1_000));
            calls.join_all().await.into_iter().for_each(|ended| assert_eq!(ended.unwrap(), number));
        }
        sleep(Duration::from_secs(60)).await;
        traces.iter().map(Trace::entries).collect()
    }
    for seed in 1..4 {
        let first = run(seed).await;
        assert!(first[0].len() > 500, "{}", first[0].len());
        assert_eq!(first, run(seed).await);
        assert_ne!(first, run(seed + 100).await);
    }
}
