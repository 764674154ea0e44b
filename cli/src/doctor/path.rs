use std::time::Duration;

use super::probe::Probe;
use super::prober::{Prober, WaitFor};
use super::report::{Check, Fault, Report};
use crate::exit::Failure;
use crate::latencies::{Latencies, percent};

/// The interval of the calls: long enough to stay below every rate limit, and for a burst of loss
/// to hit only a few of them.
pub(super) const PACE: Duration = Duration::from_millis(20);

/// Measures the round-trip time and the loss. Returns the longest round trip.
pub(super) async fn check(
    prober: &mut Prober,
    probe: &Probe,
    count: u16,
    timeout: Duration,
    slowest: Duration,
    report: &mut Report,
) -> Result<Duration, Failure> {
    let probes = vec![probe.clone(); count.into()];
    let results = prober.send_probes(&probes, PACE, WaitFor::All(timeout)).await;
    let mut latencies = Latencies::new();
    let mut slowest = slowest;
    for response in results.received() {
        latencies.record(response.round_trip);
        slowest = slowest.max(response.round_trip);
    }
    self::report(&latencies, count.into(), report)?;
    Ok(slowest)
}

/// Reports the round-trip times of the calls that got a response, and the loss among `count` calls.
pub(super) fn report(latencies: &Latencies, count: u64, report: &mut Report) -> Result<(), Failure> {
    let received = latencies.count();
    let lost = count - received;
    if received > 0 {
        let summary = latencies.summary();
        report.add(Check::ok("round trip", summary).with_data("ms", latencies.as_json()))?;
    }
    let check = match lost {
        0 => Check::ok("loss", format!("none of {count} requests or responses was lost")),
        _ => Check::fault(
            "loss",
            Fault::Loss,
            format!("{lost} of {count} requests or responses were lost ({:.1}%)", percent(lost, count)),
        )
        .advise(
            "retransmit: pass --retry for methods that may run more than once; in a contract, use \
             `#[rpc(at_least_once)]` or `#[rpc(at_most_once)]`",
        )
        .advise("look for a saturated link, Wi-Fi, or a receive buffer that overflows (`ss -uamn` on the peer's host)")
        .advise("check the peer's statistics: a peer drops and counts requests that exceed its `Limits`"),
    };
    report.add(check.with_data("sent", count).with_data("lost", lost).with_data("percent", percent(lost, count)))
}
