//! The promises of delivery over links, on bad paths.

use std::time::Duration;

use rpcudp::sim::Conditions;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::fixture::{VaultClient, World};
use crate::support::{ms, seeds};

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

#[tokio::test(start_paused = true)]
async fn same_seed_gives_the_same_run() {
    async fn run(seed: u64) -> (String, Duration) {
        let begun = Instant::now();
        let world = World::new(seed);
        let World { network, vault, caller, server, .. } = &world;
        network.set_conditions(bad_path());
        let any = VaultClient::secure(server, caller.local_addr(), rpcudp::AnyPeer);
        for number in 0..30 {
            let calls = (vault.repeat(number), vault.once(number, vec![7; 3_000]), any.once_slowly(number, 20));
            let ended = tokio::join!(calls.0, calls.1, calls.2);
            assert_eq!((ended.0.unwrap(), ended.1.unwrap(), ended.2.unwrap()), (number, number, number));
        }
        sleep(Duration::from_secs(60)).await;
        let took = begun.elapsed();
        (format!("{:?} {:?} {:?}", network.stats(), caller.stats(), server.stats().datagrams), took)
    }
    for seed in 1..4 {
        let first = run(seed).await;
        assert_eq!(first, run(seed).await);
        assert_ne!(first, run(seed + 100).await);
    }
}
