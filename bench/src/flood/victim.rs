//! Measures the traffic that an attacker can direct to a victim by forging requests from its
//! address.

use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rpcudp::transport::{Udp, UdpOptions};
use rpcudp::{Endpoint, Stats};
use tokio::runtime;

use super::flooder::{Condition, Flooder};
use super::forged_flood::{FloodedTransport, ForgedFlood, ForgedTraffic, Forgery, MAX_VICTIMS, Order};
use super::scenario::dropped_between;
use super::socket_flood::request;
use super::target::{TargetClient, TargetServer, TargetService};
use crate::measuring::BoxError;

/// The length of each response in bytes: it fits one datagram on every path, and is forty times as
/// long as its request.
const RESPONSE_LEN: u32 = 1_200;

/// The documented burst, in seconds of the bound.
pub(super) const BURST_SECONDS: u64 = 4;

/// A way in which an attacker forges a victim's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attack {
    /// Requests in the victim's name only.
    Alone,
    /// Requests in the name of others as well, so that the endpoint evicts what it remembers of the
    /// victim. As many as an endpoint admits from unvalidated sources.
    Churned,
    /// Requests in the name of a victim that has responded to a call of the endpoint.
    Validated,
}

impl Attack {
    pub(super) const ALL: [Self; 3] = [Self::Alone, Self::Churned, Self::Validated];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Alone => "one victim",
            Self::Churned => "one victim among others",
            Self::Validated => "one validated victim",
        }
    }

    /// Returns the documented bound for the default settings, in bytes per second.
    pub(super) fn documented(self) -> u64 {
        match self {
            Self::Alone | Self::Churned => 1_048_576,
            Self::Validated => 16_777_216,
        }
    }

    /// Returns the rate of the forged requests, `None` for as many as a thread can forge.
    fn rate(self) -> Option<u32> {
        (self == Self::Churned).then_some(490_000)
    }
}

/// The traffic that would have been sent to the victim.
#[derive(Debug)]
pub(super) struct VictimTraffic {
    pub(super) attack: Attack,
    pub(super) seconds: f64,
    /// The bytes of the first second, which includes the burst.
    pub(super) first: u64,
    /// The bytes of the whole time.
    pub(super) total: u64,
    /// The forged requests per second.
    pub(super) requests_per_second: f64,
    /// The dropped requests per second, by reason.
    pub(super) dropped: Vec<(String, f64)>,
}

impl VictimTraffic {
    /// Forges requests from one victim's address for this time, to an endpoint with default
    /// settings.
    ///
    /// # Errors
    ///
    /// Returns an error if a socket cannot be bound.
    pub(super) fn measure(attack: Attack, time: Duration, seed: u64) -> Result<Self, BoxError> {
        let runtime = runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let (victim_count, order) = match attack {
            Attack::Alone | Attack::Validated => (1, Order::Random),
            Attack::Churned => (MAX_VICTIMS, Order::Churn),
        };
        let traffic = ForgedTraffic::new(Forgery::Request(request("expand", &RESPONSE_LEN)?), victim_count);
        let target = runtime.block_on(async {
            let udp = Udp::bind("127.0.0.1:0".parse()?, &UdpOptions::default())?;
            let builder = Endpoint::builder().serve(TargetServer::new(TargetService));
            Ok::<_, BoxError>(builder.bind_transport(FloodedTransport::new(udp, Arc::clone(&traffic)))?)
        })?;
        if attack == Attack::Validated {
            runtime.block_on(async { TargetClient::new(&target, ForgedTraffic::victim(0)).echo(b"").await })?;
            traffic.reset();
        }
        let flood = ForgedFlood::new(Arc::clone(&traffic), order, seed);
        let mut flooder = Flooder::new(Condition::Flooded, attack.rate(), || Ok(flood));
        let begin = Instant::now();
        flooder.begin();
        sleep(time.min(Duration::from_secs(1)));
        let first = traffic.max_victim_bytes();
        sleep(time.saturating_sub(begin.elapsed()));
        // Read the time after the bytes, so that the bound is for a time that is not too short.
        let (total, sent, lost, stats) = (traffic.max_victim_bytes(), flooder.sent(), traffic.lost(), target.stats());
        let seconds = begin.elapsed().as_secs_f64();
        flooder.stop()?;
        Ok(Self {
            attack,
            seconds,
            first,
            total,
            requests_per_second: (sent - lost) as f64 / seconds,
            dropped: dropped_between(&Stats::default(), &stats, seconds),
        })
    }

    /// Returns the documented bound for the whole time, in bytes.
    pub(super) fn bound(&self) -> f64 {
        self.attack.documented() as f64 * (self.seconds + BURST_SECONDS as f64)
    }

    /// Returns the bytes per second beyond the burst.
    pub(super) fn beyond_burst(&self) -> f64 {
        (self.total as f64 - (self.attack.documented() * BURST_SECONDS) as f64) / self.seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traffic_to_a_victim_stays_within_the_documented_bound() {
        for attack in Attack::ALL {
            let traffic = VictimTraffic::measure(attack, Duration::from_millis(300), 7).unwrap();
            assert!(traffic.total as f64 <= traffic.bound(), "{traffic:?}");
            assert!(traffic.total > 0, "{traffic:?}");
        }
    }
}
