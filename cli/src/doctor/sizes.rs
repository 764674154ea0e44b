use std::time::Duration;

use rpcudp_core::Dialect;
use rpcudp_core::limits::{HEADER_LEN, MAX_REQUEST_BODY_LEN};

use super::probe::Probe;
use super::prober::{Prober, WaitFor};
use super::report::{Check, Fault, Report};
use crate::exit::Failure;
use crate::output::grouped;

/// What passes everywhere in one piece, tunnels included.
const ONE_PIECE: usize = 1_400;

/// How many datagrams of a size are sent. It passes if one of them is answered.
const TRIES: usize = 3;

/// Looks whether large requests arrive, and if not, up to which size they do.
pub(super) async fn check(
    prober: &mut Prober,
    probe: &Probe,
    wait: Duration,
    report: &mut Report,
) -> Result<(), Failure> {
    let mut sizes = Sizes { prober, probe, wait };
    let small = probe.len();
    let (middle, large) = (ONE_PIECE.max(small), largest(probe.dialect()).max(small));
    let passes_middle = sizes.passes(middle).await;
    let passes_large = sizes.passes(large).await;
    let check = if passes_middle && passes_large {
        let (middle, body) = (grouped(middle), grouped(large - HEADER_LEN));
        Check::ok("sizes", format!("datagrams of {middle} bytes arrive, and requests of {body}, the largest there are"))
            .with_data("largest", large)
    } else {
        let (from, to) = if passes_middle { (middle, large) } else { (small, middle) };
        // A size that passes beyond one that does not says that sizes are not what it depends on.
        let limit = if passes_large { None } else { Some(sizes.limit(from, to).await) };
        too_large(middle, large, passes_middle, limit)
    };
    report.add(check)
}

/// The largest datagram that a peer takes for a request: Twisted cuts what it receives, header and all.
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
            format!("datagrams of {lost} bytes were lost, and larger ones were not"),
        )
        .advise("the path loses datagrams whatever their size: see the loss");
    };
    let says =
        format!("datagrams of up to {} bytes arrive, larger ones are dropped ({lost} bytes were)", grouped(limit));
    let check = Check::fault("sizes", Fault::Size, says).with_data("largest", limit);
    let check = if (1_200..=1_500).contains(&limit) {
        check.advise(
            "that is about what a link carries in one piece: a firewall, a tunnel or a NAT on the way drops fragments",
        )
    } else {
        check.advise("something on the way, or the peer, takes no larger datagrams")
    };
    check.advise(format!(
        "keep requests and answers below {} bytes: split what is larger over several calls, or mend the path",
        grouped(limit)
    ))
}

struct Sizes<'a> {
    prober: &'a mut Prober,
    probe: &'a Probe,
    wait: Duration,
}

impl Sizes<'_> {
    async fn passes(&mut self, len: usize) -> bool {
        let tries = vec![self.probe.padded(len); TRIES];
        // Apart, so that no burst loses them all; an answer to the first keeps the others from being sent.
        let results = self.prober.send_probes(&tries, self.wait / 4, WaitFor::First(self.wait)).await;
        results.received().next().is_some()
    }

    /// The largest size that passes, of those from one that does to one that does not.
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
