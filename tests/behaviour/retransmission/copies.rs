//! Copies of quick calls: none without a cause, and a copy soon after a loss.

use std::time::Duration;

use rpcudp::sim::Conditions;
use tokio::time::{Instant, sleep};

use super::fixture::{Measurements, Path, steady};
use crate::support::{Wire, ms, over_each_wire};

over_each_wire!(
    path_with_steady_delay_gets_no_copies,
    concurrent_calls_on_a_path_with_steady_delay_get_no_copies,
    path_with_jitter_gets_few_copies,
    lost_datagram_is_replaced_within_three_round_trips_and_50_ms,
    tenth_of_datagrams_lost_costs_few_requests_per_call,
    change_to_a_longer_route_causes_copies_for_a_few_calls_only,
    change_to_a_shorter_route_shortens_the_time_to_a_copy,
);

const ROUND_TRIPS_MS: [u64; 12] = [2, 10, 20, 40, 48, 60, 80, 100, 150, 200, 250, 300];

const CALL_COUNT: u64 = 2_000;

async fn path_with_steady_delay_gets_no_copies(wire: Wire) {
    let mut measured = Measurements::default();
    for round_trip in ROUND_TRIPS_MS {
        let seed = round_trip;
        let path = Path::new(wire, seed, steady(ms(round_trip), 0.0));
        path.call(wire.call_count(CALL_COUNT)).await;
        measured.at_most(&format!("copies, {round_trip} ms, seed {seed}"), path.copy_count() as f64, 0.0);
    }
    measured.assert_kept();
}

async fn concurrent_calls_on_a_path_with_steady_delay_get_no_copies(wire: Wire) {
    let mut measured = Measurements::default();
    for round_trip in ROUND_TRIPS_MS {
        let seed = 1_000 + round_trip;
        let path = Path::new(wire, seed, steady(ms(round_trip), 0.0));
        let call = || path.call(wire.call_count(CALL_COUNT / 8));
        tokio::join!(call(), call(), call(), call(), call(), call(), call(), call());
        measured.at_most(&format!("copies, {round_trip} ms, 8 callers, seed {seed}"), path.copy_count() as f64, 0.0);
    }
    measured.assert_kept();
}

async fn path_with_jitter_gets_few_copies(wire: Wire) {
    let mut measured = Measurements::default();
    for round_trip in [2, 10, 40, 100, 200, 300] {
        for (jitter, limit) in [(0.02, 0.01), (0.05, 0.01), (0.1, 0.01), (0.2, 0.03), (0.3, 0.03), (0.5, 0.03)] {
            let seed = round_trip;
            let path = Path::new(wire, seed, steady(ms(round_trip), jitter));
            path.call(wire.call_count(CALL_COUNT)).await;
            let share = path.copy_count() as f64 / wire.call_count(CALL_COUNT) as f64;
            measured.at_most(&format!("copies per call, {round_trip} ms, jitter {jitter}, seed {seed}"), share, limit);
        }
    }
    measured.assert_kept();
}

/// A request or a response is lost.
#[derive(Clone, Copy, Debug)]
enum Lost {
    Request,
    Response,
}

async fn lost_datagram_is_replaced_within_three_round_trips_and_50_ms(wire: Wire) {
    let mut measured = Measurements::default();
    for (round_trip, jitter) in ROUND_TRIPS_MS.into_iter().flat_map(|round_trip| [(round_trip, 0.0), (round_trip, 0.1)])
    {
        for lost in [Lost::Request, Lost::Response] {
            let seed = round_trip;
            let conditions = steady(ms(round_trip), jitter);
            let path = Path::new(wire, seed, conditions.clone());
            path.call(20).await;
            let mut longest = Duration::ZERO;
            for _ in 0..wire.call_count(100) {
                path.call(5).await;
                longest = longest.max(time_to_copy(&path, &conditions, lost).await);
            }
            let longest_round_trip = round_trip as f64 * (1.0 + jitter);
            measured.at_most(
                &format!("ms to a copy, {round_trip} ms, jitter {jitter}, {lost:?}, seed {seed}"),
                longest.as_secs_f64() * 1e3,
                3.0 * longest_round_trip + 50.0,
            );
        }
    }
    measured.assert_kept();
}

/// Loses a datagram of a call, and returns the time from the call's start to its first copy. The
/// conditions are those of the path.
async fn time_to_copy(path: &Path, conditions: &Conditions, lost: Lost) -> Duration {
    let lossy = Conditions::default().loss(1.0);
    match lost {
        Lost::Request => path.pair.set_request_conditions(lossy),
        Lost::Response => path.pair.set_response_conditions(lossy),
    }
    let (start, copy_count) = (Instant::now(), path.copy_count());
    let call = tokio::spawn(path.client.repeat(7, b""));
    while path.copy_count() == copy_count {
        sleep(ms(1)).await;
    }
    let time = start.elapsed();
    path.pair.set_request_conditions(conditions.clone());
    path.pair.set_response_conditions(conditions.clone());
    assert_eq!(call.await.unwrap().unwrap(), 7);
    time
}

async fn tenth_of_datagrams_lost_costs_few_requests_per_call(wire: Wire) {
    let mut measured = Measurements::default();
    for round_trip in [2, 20, 100, 200, 300] {
        for jitter in [0.0, 0.1] {
            let seed = round_trip;
            let path = Path::new(wire, seed, steady(ms(round_trip), jitter).loss(0.1));
            path.call(wire.call_count(CALL_COUNT)).await;
            let call_count = wire.call_count(CALL_COUNT);
            let requests_per_call = (call_count + path.copy_count()) as f64 / call_count as f64;
            // 1 / 0.81 = 1.235 is the least.
            measured.at_most(
                &format!("requests per call, {round_trip} ms, jitter {jitter}, loss 0.1, seed {seed}"),
                requests_per_call,
                1.35,
            );
        }
    }
    measured.assert_kept();
}

async fn change_to_a_longer_route_causes_copies_for_a_few_calls_only(wire: Wire) {
    let mut measured = Measurements::default();
    for seed in 0..20 {
        let path = Path::new(wire, seed, steady(ms(20), 0.0));
        path.call(100).await;
        path.pair.network.set_conditions(steady(ms(200), 0.0));
        let mut copies = Vec::new();
        for _ in 0..50 {
            let before = path.copy_count();
            path.call(1).await;
            copies.push(path.copy_count() - before);
        }
        let late_count: u64 = copies[5..].iter().sum();
        measured.at_most(
            &format!("copies after the fifth call, seed {seed}, {:?}", &copies[..12]),
            late_count as f64,
            0.0,
        );
    }
    measured.assert_kept();
}

async fn change_to_a_shorter_route_shortens_the_time_to_a_copy(wire: Wire) {
    let mut measured = Measurements::default();
    for seed in 0..20 {
        let path = Path::new(wire, seed, steady(ms(200), 0.0));
        path.call(100).await;
        let conditions = steady(ms(20), 0.0);
        path.pair.network.set_conditions(conditions.clone());
        path.call(100).await;
        measured.at_most(&format!("copies, seed {seed}"), path.copy_count() as f64, 0.0);
        let time = time_to_copy(&path, &conditions, Lost::Request).await;
        measured.at_most(&format!("ms to a copy, seed {seed}"), time.as_secs_f64() * 1e3, 3.0 * 20.0 + 50.0);
    }
    measured.assert_kept();
}
