//! Handlers that take longer than the round trip, beside quick calls.

use rpcudp::sim::Conditions;
use tokio::time::sleep;

use super::fixture::{Measurements, Path, steady};
use crate::support::{Wire, ms, over_each_wire};

over_each_wire!(
    slow_handler_runs_once_per_call_and_gets_few_copies_without_loss,
    slow_handler_runs_hardly_more_than_once_per_call_under_loss,
    lost_response_of_a_slow_handler_fails_no_call,
);

const CALL_COUNT: u64 = 100;

const HANDLER_TIMES_MS: [u64; 3] = [200, 1_000, 3_000];

/// The runs and the copies of slow calls.
struct Slow {
    runs_per_call: f64,
    copies_per_call: f64,
}

/// Makes slow calls, four at a time. Quick calls go to the same server every 10 ms meanwhile.
async fn measure((wire, seed): (Wire, u64), conditions: Conditions, is_at_most_once: bool, millis: u64) -> Slow {
    let path = Path::new(wire, seed, conditions);
    let call_count = wire.call_count(CALL_COUNT);
    let quick_client = path.client.clone();
    let quick = tokio::spawn(async move {
        loop {
            tokio::spawn(quick_client.repeat(u64::MAX, b"").retransmit(false));
            sleep(ms(10)).await;
        }
    });
    let mut callers = tokio::task::JoinSet::new();
    for first in 0..4 {
        let client = path.client.clone();
        callers.spawn(async move {
            for number in (first..call_count).step_by(4) {
                let call = match is_at_most_once {
                    true => client.once_slowly(number, millis),
                    false => client.repeat_slowly(number, millis).without_delivery(),
                };
                assert_eq!(call.await.unwrap(), number);
            }
        });
    }
    callers.join_all().await;
    quick.abort();
    Slow {
        runs_per_call: path.runs.total_below(call_count) as f64 / call_count as f64,
        copies_per_call: path.copy_count() as f64 / call_count as f64,
    }
}

/// Measures calls of each handler time and delivery at several round trips, and checks each
/// measurement. `check` also gets its subject, and whether the method is at-most-once.
async fn measure_all(wire: Wire, loss: f64, check: impl Fn(&mut Measurements, &str, bool, &Slow)) {
    let mut measured = Measurements::default();
    for round_trip in [2, 40, 200] {
        for millis in HANDLER_TIMES_MS {
            for is_at_most_once in [false, true] {
                let conditions = steady(ms(round_trip), 0.0).loss(loss);
                let slow = measure((wire, millis), conditions, is_at_most_once, millis).await;
                let subject = format!(
                    "{millis} ms, at most once: {is_at_most_once}, {round_trip} ms, loss {loss}, seed {millis}"
                );
                check(&mut measured, &subject, is_at_most_once, &slow);
            }
        }
    }
    measured.assert_kept();
}

/// The server says that the request runs, and then the caller asks again every few seconds only.
async fn slow_handler_runs_once_per_call_and_gets_few_copies_without_loss(wire: Wire) {
    measure_all(wire, 0.0, |measured, subject, _, slow| {
        measured.at_most(&format!("runs per call, {subject}"), slow.runs_per_call, 1.0);
        measured.at_most(&format!("copies per call, {subject}"), slow.copies_per_call, 2.0);
    })
    .await;
}

async fn slow_handler_runs_hardly_more_than_once_per_call_under_loss(wire: Wire) {
    measure_all(wire, 0.1, |measured, subject, is_at_most_once, slow| {
        let limit = if is_at_most_once { 1.0 } else { 1.05 };
        measured.at_most(&format!("runs per call, {subject}"), slow.runs_per_call, limit);
    })
    .await;
}

/// After a notice that the handler runs, the caller asks again several times before its deadline.
async fn lost_response_of_a_slow_handler_fails_no_call(wire: Wire) {
    for seed in wire.seeds(5) {
        let path = Path::new(wire, seed, steady(ms(2), 0.0).loss(0.1));
        for number in 0..wire.call_count(CALL_COUNT) {
            let call = path.client.repeat_slowly(number, 200).timeout(ms(5_000));
            assert_eq!(call.await.unwrap_or_else(|error| panic!("seed {seed}: {error}")), number);
        }
    }
}
