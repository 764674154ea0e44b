use std::time::Duration;

use rpcudp::{CallError, DidRun, Peers, Refusal};
use tokio::time::{Instant, sleep};

use super::fixture::{Group, WorkClient, addr};
use crate::support::{ms, seeds};

#[tokio::test(start_paused = true)]
async fn unreachable_peers_cost_no_call() {
    for seed in seeds(10) {
        let mut group = Group::new(seed, 4);
        group.kill(0).await;
        group.kill(1).await;
        let client = group.client();
        for number in 0..40 {
            let start = Instant::now();
            match number % 3 {
                0 => client.maybe(number).await.unwrap(),
                1 => client.repeat(number).await.unwrap(),
                _ => client.once(number).await.unwrap(),
            };
            assert!(start.elapsed() <= ms(40), "seed {seed}: {:?}", start.elapsed());
            assert_eq!(group.log.runs_of(number), 1, "seed {seed}");
        }
        let stats = group.caller.stats();
        assert!(stats.calls.moved >= 1, "seed {seed}: {stats:?}");
        assert_eq!((stats.calls.started, stats.calls.completed), (40, 40), "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn busy_and_closing_peers_cost_no_call() {
    for seed in seeds(10) {
        let mut group = Group::new(seed, 3);
        group.kill(0).await;
        group.start(0, Duration::ZERO, |builder| builder.max_handlers(1));
        let (busy, closing) = (WorkClient::new(&group.caller, addr(0)), WorkClient::new(&group.caller, addr(1)));
        let occupied =
            [tokio::spawn(busy.maybe_slowly(1_000, 3_000)), tokio::spawn(closing.maybe_slowly(1_001, 3_000))];
        sleep(ms(20)).await;
        let closed = group.servers[1].take().unwrap().close(Duration::from_secs(10));
        let refused = [busy.maybe_slowly(0, 1).await, closing.maybe_slowly(0, 1).await];
        assert!(matches!(&refused[0], Err(CallError::Refused { reason: Refusal::Busy, .. })), "{refused:?}");
        assert!(matches!(&refused[1], Err(CallError::Refused { reason: Refusal::Closing, .. })), "{refused:?}");
        let client = group.client();
        for number in 1..40 {
            match number % 3 {
                0 => client.maybe_slowly(number, 1).await.unwrap(),
                1 => client.repeat_slowly(number, 1).await.unwrap(),
                _ => client.once_slowly(number, 1).await.unwrap(),
            };
            assert_eq!(group.log.runs_of(number), 1, "seed {seed}");
        }
        assert!(group.caller.stats().calls.moved >= 1, "seed {seed}");
        for occupied in occupied {
            occupied.await.unwrap().unwrap();
        }
        closed.await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_costs_an_idempotent_call_three_transmissions_and_others_their_timeout() {
    for seed in seeds(10) {
        let group = Group::new(seed, 2);
        let client = group.client();
        for number in 0..10 {
            client.repeat(number).await.unwrap();
        }
        group.network.partition([addr(0).ip()]);
        let (mut timed_out, mut left) = (0, 0);
        for number in 10..20 {
            let start = Instant::now();
            client.repeat(number).await.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            assert!(start.elapsed() < ms(400), "seed {seed}: {:?}", start.elapsed());
            left += u32::from(start.elapsed() > ms(20));
            let once = client.once(100 + number).await;
            timed_out += u32::from(once.is_err());
            match once {
                Ok(_) => assert_eq!(group.log.runs_of(100 + number), 1),
                Err(error) => assert!(error.is_timeout() && error.did_run() == DidRun::Maybe, "seed {seed}: {error:?}"),
            }
        }
        assert!((1..=5).contains(&(timed_out + left)), "seed {seed}: five in a row eject the peer");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_handler_runs_at_one_peer() {
    for seed in seeds(10) {
        let group = Group::new(seed, 3);
        let client = group.client();
        for number in 0..5 {
            client.repeat_slowly(number, 4_000).await.unwrap();
            assert_eq!(group.log.runs_of(number), 1, "seed {seed}");
        }
        assert_eq!(group.caller.stats().calls.moved, 0, "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_response_of_a_silent_peer_counts() {
    let group = Group::new(3, 2);
    let client = group.client();
    for number in 0..20 {
        client.repeat(number).await.unwrap();
    }
    // Responses take two seconds, so that the call leaves the first peer, and the second too.
    let slow = rpcudp::sim::Conditions::default().latency(ms(2_000));
    for server in 0..2 {
        group.network.set_link(addr(server).ip(), group.caller.local_addr().ip(), slow.clone());
    }
    let start = Instant::now();
    assert_eq!(client.repeat(100).await.unwrap(), 100);
    assert_eq!(start.elapsed(), ms(2_005));
    assert_eq!(group.caller.stats().calls.moved, 1);
    sleep(Duration::from_secs(5)).await;
    assert_eq!(client.peers().iter().map(|peer| peer.in_flight).sum::<u64>(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_peers_are_all_unreachable_ends_with_that() {
    let mut group = Group::new(1, 3);
    for server in 0..3 {
        group.kill(server).await;
    }
    let client = group.client();
    for _ in 0..10 {
        let start = Instant::now();
        let error = client.maybe(1).await.unwrap_err();
        assert!(matches!(error, CallError::Unreachable { did_run: DidRun::No, .. }), "{error:?}");
        assert!(start.elapsed() < ms(100));
    }
    let error = client.repeat(1).await.unwrap_err();
    assert!(matches!(error, CallError::Unreachable { .. }), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_ready_outlasts_all_its_peers() {
    for seed in seeds(10) {
        let mut group = Group::new(seed, 2);
        group.kill(0).await;
        group.kill(1).await;
        let client = group.client();
        let calls = [
            tokio::spawn(client.maybe(1).wait_for_ready()),
            tokio::spawn(client.repeat(2).wait_for_ready().without_delivery()),
            tokio::spawn(client.once(3).wait_for_ready()),
        ];
        sleep(ms(2_000)).await;
        group.start(1, Duration::ZERO, |builder| builder);
        for call in calls {
            let number = call.await.unwrap().unwrap_or_else(|error| panic!("seed {seed}: {error:?}"));
            assert_eq!(group.log.runs_of(number), 1, "seed {seed}");
        }
        group.kill(1).await;
        let start = Instant::now();
        let error = client.maybe(4).wait_for_ready().await.unwrap_err();
        // The report about the last attempt may be too late.
        let is_expected = matches!(error, CallError::Unreachable { did_run: DidRun::No, .. }) || error.is_timeout();
        assert!(is_expected, "seed {seed}: {error:?}");
        assert!(start.elapsed().abs_diff(Duration::from_secs(5)) <= ms(2), "seed {seed}: {:?}", start.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_ends_when_its_endpoint_closes() {
    let group = Group::new(1, 0);
    let client = WorkClient::group(&group.caller, Peers::fixed([]));
    let call = tokio::spawn(client.maybe(1).wait_for_ready().timeout(Duration::from_secs(60)));
    sleep(ms(200)).await;
    group.caller.close(Duration::ZERO).await;
    assert!(matches!(call.await.unwrap(), Err(CallError::Closed)));
}

#[tokio::test(start_paused = true)]
async fn call_that_returns_to_a_silent_peer_is_still_retransmitted_and_moved() {
    for seed in seeds(20) {
        let mut group = Group::new(seed, 2);
        group.network.partition([addr(0).ip()]);
        group.kill(1).await;
        group.start(1, Duration::ZERO, |builder| builder.max_handlers(0));
        // If the first peer is the silent one, the call goes on to the busy one and returns.
        let call = group.client().repeat_slowly(7, 1).wait_for_ready().timeout(Duration::from_secs(20));
        let call = tokio::spawn(call.into_future());
        sleep(Duration::from_secs(3)).await;
        group.network.heal();
        group.kill(0).await;
        group.kill(1).await;
        group.start(1, Duration::ZERO, |builder| builder);
        assert_eq!(call.await.unwrap().unwrap(), 7, "seed {seed}");
    }
}
