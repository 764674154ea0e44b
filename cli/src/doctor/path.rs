use std::time::Duration;

use super::probe::Probe;
use super::prober::{Prober, WaitFor};
use super::report::{Check, Fault, Report};
use crate::exit::Failure;
use crate::latencies::{Latencies, percent};

/// How soon one call follows the other: slow enough for every limit, and for a burst to be over.
const PACE: Duration = Duration::from_millis(20);

/// Measures the round-trip time and the loss, and gives the slowest answer.
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
    let (count, answered) = (u64::from(count), latencies.count());
    let lost = count - answered;
    if answered > 0 {
        let summary = latencies.summary();
        report.add(Check::ok("round trip", summary).with_data("ms", latencies.as_json()))?;
    }
    let check = match lost {
        0 => Check::ok("loss", format!("none of {count} requests or their answers was lost")),
        _ => Check::fault(
            "loss",
            Fault::Loss,
            format!("{lost} of {count} requests, or their answers, were lost ({:.1}%)", percent(lost, count)),
        )
        .advise("call what may run more than once with --retry, in a contract with `#[rpc(at_least_once)]` or `at_most_once`")
        .advise("look for a full link, a Wi-Fi, or a receive buffer that overflows (`ss -uamn` on the peer's host)")
        .advise("a peer that limits strangers drops what is too much (`Limits`): its statistics count them"),
    };
    report.add(check.with_data("sent", count).with_data("lost", lost).with_data("percent", percent(lost, count)))?;
    Ok(slowest)
}
