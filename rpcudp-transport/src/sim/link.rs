use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, RngExt};
use tokio::time::Instant;

use super::conditions::{Conditions, Rate, Routes};

/// The state of a link that lasts from datagram to datagram: its burst of loss, its queue and its
/// route.
#[derive(Debug, Default)]
pub(super) struct Link {
    is_in_burst: bool,
    /// The time at which the link has transmitted all queued bytes.
    idle_at: Option<Instant>,
    route: Option<Route>,
}

/// The route that a link uses, and the time of the next change.
#[derive(Clone, Copy, Debug)]
struct Route {
    is_long: bool,
    changes_at: Instant,
}

/// The reason why a datagram does not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// The datagram, or one of its fragments, was lost at random.
    Random,
    /// The queue had no room for the datagram, or for one of its fragments.
    QueueFull,
}

/// The travel of one copy of a datagram, from the end of its transmission on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Travel {
    pub(super) time: Duration,
    pub(super) is_held_back: bool,
}

/// The part of the extra delay of a held-back datagram that does not depend on the latency: long
/// enough for later datagrams to overtake it even without latency.
const HELD_BACK: Duration = Duration::from_millis(10);

impl Link {
    /// Sends a datagram, fragment by fragment. Returns the time at which the link has transmitted
    /// it.
    pub(super) fn transmit(
        &mut self,
        conditions: &Conditions,
        now: Instant,
        len: usize,
        rng: &mut StdRng,
    ) -> Result<Instant, Loss> {
        let mut transmitted = Ok(now);
        let mut unsent_len = len;
        loop {
            let fragment_len = unsent_len.min(conditions.fragment_len);
            // The sender does not know of a loss, so it sends the other fragments too.
            match self.transmit_fragment(conditions, now, fragment_len, rng) {
                Ok(at) => transmitted = transmitted.and(Ok(at)),
                Err(loss) => transmitted = transmitted.and(Err(loss)),
            }
            unsent_len -= fragment_len;
            if unsent_len == 0 {
                return transmitted;
            }
        }
    }

    fn transmit_fragment(
        &mut self,
        conditions: &Conditions,
        now: Instant,
        len: usize,
        rng: &mut StdRng,
    ) -> Result<Instant, Loss> {
        let transmitted = match conditions.rate {
            Some(rate) => self.queue(rate, now, len).ok_or(Loss::QueueFull)?,
            None => now,
        };
        if self.loses(conditions, rng) { Err(Loss::Random) } else { Ok(transmitted) }
    }

    /// Queues a fragment, unless the queue is full. Returns the time at which it is transmitted.
    fn queue(&mut self, rate: Rate, now: Instant, len: usize) -> Option<Instant> {
        let begins_at = self.idle_at.map_or(now, |idle_at| idle_at.max(now));
        let wait = begins_at - now;
        if !wait.is_zero() && queued_len(rate, wait) + len as u128 > rate.queue_bytes as u128 {
            return None;
        }
        let idle_at = begins_at + transmission_time(rate, len);
        self.idle_at = Some(idle_at);
        Some(idle_at)
    }

    fn loses(&mut self, conditions: &Conditions, rng: &mut StdRng) -> bool {
        let loss = match conditions.burst {
            None => conditions.loss,
            Some(burst) => {
                let changes = rng.random_bool(if self.is_in_burst { burst.leave } else { burst.enter });
                self.is_in_burst ^= changes;
                if self.is_in_burst { burst.loss } else { conditions.loss }
            }
        };
        rng.random_bool(loss)
    }

    /// Draws the travel of one copy of a datagram.
    pub(super) fn travel(&mut self, conditions: &Conditions, now: Instant, rng: &mut StdRng) -> Travel {
        let detour = match conditions.routes {
            Some(routes) => self.detour(routes, now, rng),
            None => Duration::ZERO,
        };
        let time = conditions.latency + detour + up_to(conditions.jitter, rng);
        let is_held_back = rng.random_bool(conditions.reordering);
        let extra = if is_held_back { up_to(conditions.latency + HELD_BACK, rng) } else { Duration::ZERO };
        Travel { time: time + extra, is_held_back }
    }

    /// Returns the extra latency of the route at this time.
    fn detour(&mut self, routes: Routes, now: Instant, rng: &mut StdRng) -> Duration {
        /// Changes to go through one by one. After a longer silence, the route is a new one.
        const MAX_CHANGES: u32 = 1_000;

        // Uniform, so that the mean is the interval.
        let mut next_change = |from: Instant| from + up_to(routes.interval * 2, rng);
        let mut route = self.route.unwrap_or_else(|| Route { is_long: false, changes_at: next_change(now) });
        for _ in 0..MAX_CHANGES {
            if route.changes_at > now {
                break;
            }
            route = Route { is_long: !route.is_long, changes_at: next_change(route.changes_at) };
        }
        if route.changes_at <= now {
            route.changes_at = next_change(now);
        }
        self.route = Some(route);
        if route.is_long { routes.extra_latency } else { Duration::ZERO }
    }
}

/// Returns the number of bytes that the link transmits in this time, rounded up.
fn queued_len(rate: Rate, time: Duration) -> u128 {
    (time.as_nanos() * u128::from(rate.bytes_per_second)).div_ceil(NANOS_PER_SECOND)
}

fn transmission_time(rate: Rate, len: usize) -> Duration {
    let nanos = len as u128 * NANOS_PER_SECOND / u128::from(rate.bytes_per_second);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

const NANOS_PER_SECOND: u128 = 1_000_000_000;

fn up_to(limit: Duration, rng: &mut StdRng) -> Duration {
    limit.mul_f64(f64::from(rng.next_u32()) / f64::from(u32::MAX))
}
