use std::time::Duration;

use rpcudp_core::Dialect;
use rpcudp_core::limits::{HEADER_LEN, MAX_REQUEST_BODY_LEN};

use super::probe::Probe;
use super::prober::{Prober, WaitFor};
use super::report::{Check, Fault, Report};
use crate::exit::Failure;
use crate::output::grouped;

/// A size that passes every common path without fragmentation, including tunnels.
const UNFRAGMENTED_LEN: usize = 1_400;

/// The number of datagrams sent of each size. A size passes if one of them gets a response.
const TRIES: usize = 3;

/// Checks that large requests arrive, or finds the largest size that does.
pub(super) async fn check(
    prober: &mut Prober,
    probe: &Probe,
    wait: Duration,
    report: &mut Report,
) -> Result<(), Failure> {
    let mut sizes = Sizes { prober, probe, wait };
    let small = probe.len();
    let (middle, large) = (UNFRAGMENTED_LEN.max(small), largest(probe.dialect()).max(small));
    let passes_middle = sizes.passes(middle).await;
    let passes_large = sizes.passes(large).await;
    let check = if passes_middle && passes_large {
        let (middle, body) = (grouped(middle), grouped(large - HEADER_LEN));
        Check::ok(
            "sizes",
            format!("datagrams of {middle} bytes arrive, and so do requests of {body} bytes, the largest allowed"),
        )
        .with_data("largest", large)
    } else {
        let (from, to) = if passes_middle { (middle, large) } else { (small, middle) };
        // If the larger size passes and the smaller one does not, the size is not the cause.
        let limit = if passes_large { None } else { Some(sizes.limit(from, to).await) };
        too_large(middle, large, passes_middle, limit)
    };
    report.add(check)
}

/// Returns the length of the largest datagram that a peer accepts as a request. Twisted truncates
/// datagrams to this length, including the header.
fn largest(dialect: Dialect) -> usize {
    if dialect == Dialect::Storj { MAX_REQUEST_BODY_LEN } else { HEADER_LEN + MAX_REQUEST_BODY_LEN }
}

fn too_large(middle: usize, large: usize, passes_middle: bool, limit: Option<usize>) -> Check {
    let lost = if passes_middle { large } else { middle };
    let lost = grouped(lost);
    let Some(limit) = limit else {
        return Check::fault(
            "sizes",
            Fault::Loss,
            format!("datagrams of {lost} bytes were lost, but larger ones arrived"),
        )
        .advise("the path loses datagrams of any size: see the check `loss`");
    };
    let message =
        format!("datagrams of up to {} bytes arrive, larger ones are dropped (tested: {lost} bytes)", grouped(limit));
    let check = Check::fault("sizes", Fault::Size, message).with_data("largest", limit);
    let check = if (1_200..=1_500).contains(&limit) {
        check.advise("this is about the MTU of a link: a firewall, a tunnel or a NAT on the path drops fragments")
    } else {
        check.advise("a device on the path, or the peer, drops larger datagrams")
    };
    check.advise(format!(
        "keep requests and responses below {} bytes: split larger ones over several calls, or fix the path",
        grouped(limit)
    ))
}

/// The probe whose padded copies test the sizes.
struct Sizes<'a> {
    prober: &'a mut Prober,
    probe: &'a Probe,
    wait: Duration,
}

impl Sizes<'_> {
    /// Returns whether a datagram of `len` bytes gets a response.
    async fn passes(&mut self, len: usize) -> bool {
        let tries = vec![self.probe.padded(len); TRIES];
        // Sent at intervals, so that one burst of loss does not drop all of them. A response to one
        // keeps the remaining ones from being sent.
        let results = self.prober.send_probes(&tries, self.wait / 4, WaitFor::First(self.wait)).await;
        results.received().next().is_some()
    }

    /// Finds the largest size that passes, between one that passes and one that fails.
    async fn limit(&mut self, mut passes: usize, mut fails: usize) -> usize {
        while fails - passes > 1 {
            let middle = passes.midpoint(fails);
            if self.passes(middle).await {
                passes = middle;
            } else {
                fails = middle;
            }
        }
        passes
    }
}
