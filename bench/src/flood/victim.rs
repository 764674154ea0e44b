//! What a stranger who names a victim draws out of an endpoint.

use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rpcudp::transport::{Udp, UdpOptions};
use rpcudp::{Endpoint, Stats};
use tokio::runtime;

use super::callers::{TargetServer, TargetService};
use super::flooder::{Condition, Flooder};
use super::forged_flood::{FloodedTransport, ForgedFlood, ForgedTraffic};
use super::scenario::dropped_between;
use super::socket_flood::request;
use crate::measuring::BoxError;

/// How many bytes each answer has: a datagram of its own on every path, and forty times its request.
const RESPONSE_LEN: u32 = 1_200;

/// What is documented for the defaults, for each second.
pub(super) const DOCUMENTED: u64 = 1_048_576;

/// How many seconds' worth of it may come at once.
pub(super) const BURST_SECONDS: u64 = 4;

/// What the victim would have been sent.
#[derive(Debug)]
pub(super) struct VictimTraffic {
    pub(super) seconds: f64,
    /// In the first second, which has the burst.
    pub(super) first: u64,
    /// In all.
    pub(super) total: u64,
    /// Requests that were sent in the victim's name, in each second.
    pub(super) requests_per_second: f64,
    /// Of these, those that were dropped, and why, in each second.
    pub(super) dropped: Vec<(String, f64)>,
}

impl VictimTraffic {
    /// Lets a thread ask in one victim's name for so long, as fast as it can. All settings are the defaults.
    ///
    /// # Errors
    ///
    /// Where a socket cannot be had.
    pub(super) fn measure(time: Duration, seed: u64) -> Result<Self, BoxError> {
        let runtime = runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let traffic = ForgedTraffic::new(request("expand", &RESPONSE_LEN)?, 1);
        let target = runtime.block_on(async {
            let udp = Udp::bind("127.0.0.1:0".parse()?, &UdpOptions::default())?;
            let builder = Endpoint::builder().serve(TargetServer::new(TargetService));
            Ok::<_, BoxError>(builder.bind_transport(FloodedTransport::new(udp, Arc::clone(&traffic)))?)
        })?;
        let flood = ForgedFlood::new(Arc::clone(&traffic), seed);
        let mut flooder = Flooder::new(Condition::Flooded, None, || Ok(flood));
        let begin = Instant::now();
        flooder.begin();
        sleep(time.min(Duration::from_secs(1)));
        let first = traffic.max_victim_bytes();
        sleep(time.saturating_sub(begin.elapsed()));
        // The time is read after the bytes: the bound is that of a time which is no shorter.
        let (total, sent, lost, stats) = (traffic.max_victim_bytes(), flooder.sent(), traffic.lost(), target.stats());
        let seconds = begin.elapsed().as_secs_f64();
        flooder.stop()?;
        Ok(Self {
            seconds,
            first,
            total,
            requests_per_second: (sent - lost) as f64 / seconds,
            dropped: dropped_between(&Stats::default(), &stats, seconds),
        })
    }

    /// The most that may have been traffic in that time: what is documented.
    pub(super) fn bound(&self) -> f64 {
        DOCUMENTED as f64 * (self.seconds + BURST_SECONDS as f64)
    }

    /// What came in each second beyond the burst.
    pub(super) fn beyond_burst(&self) -> f64 {
        (self.total as f64 - (DOCUMENTED * BURST_SECONDS) as f64) / self.seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_victim_is_sent_no_more_than_is_documented() {
        let traffic = VictimTraffic::measure(Duration::from_millis(300), 7).unwrap();
        assert!(traffic.total as f64 <= traffic.bound(), "{traffic:?}");
        assert!(traffic.total > 0, "{traffic:?}");
    }
}
