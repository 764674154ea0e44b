mod bucket;
mod limits;
mod prefix;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use self::bucket::{Bucket, Rate};
pub use self::limits::Limits;
pub(crate) use self::prefix::Prefix;
use crate::DropReason;
use crate::lru_map::LruMap;

/// Enforces [`Limits`].
///
/// Keeps the state of 4,096 sources in at most 196 KiB. Validated sources are evicted after others.
/// An evicted source starts again with full buckets.
///
/// ```
/// use rpcudp_core::{DropReason, Limiter, Limits};
/// use std::time::Instant;
///
/// let now = Instant::now();
/// let mut limiter = Limiter::new(Limits::default().requests_per_source(2), now, 7);
/// let source = "192.0.2.1:7000".parse()?;
/// assert_eq!(limiter.admit(source, 1, now).requests, 1);
/// let rest = limiter.admit(source, 5, now);
/// assert_eq!((rest.requests, rest.drop_reason), (1, DropReason::TooManyRequests));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Debug)]
pub struct Limiter {
    limits: Limits,
    origin: Instant,
    sources: LruMap<Prefix, Source>,
    unvalidated: Bucket,
    requests_per_source: Rate,
    requests_from_unvalidated: Rate,
    response_bytes_per_source: Rate,
}

/// The requests and response bytes that a source is admitted.
#[derive(Clone, Copy, Debug)]
pub struct Admission {
    /// The number of admitted requests.
    pub requests: usize,
    /// The number of response bytes that the source may be sent. `u64::MAX` if responses to it are
    /// not charged. Admitting does not charge them: [`Limiter::admit_response`] does.
    pub response_bytes: u64,
    /// The reason to drop the requests that are not admitted.
    pub drop_reason: DropReason,
}

/// The state of a source.
#[derive(Clone, Copy, Debug, Default)]
struct Source {
    requests: Bucket,
    response_bytes: Bucket,
    /// The end of its validation, in nanoseconds since the origin.
    validated_until: u64,
}

impl Limiter {
    /// The number of sources in the map.
    const CAPACITY: usize = 4_096;

    /// The time for which a source is validated after it has responded to a call.
    const VALIDATION_LIFETIME: Duration = Duration::from_secs(600);

    /// The minimum response budget in bytes. A request of a source with less left is dropped
    /// unread.
    pub const MIN_RESPONSE_LEN: u64 = 1_024;

    /// The burst of responses, in seconds.
    const RESPONSE_BURST_SECONDS: u64 = 4;

    /// Creates a limiter. `origin` must not be after any time that the limiter is used with, and
    /// `secret` must be random.
    #[must_use]
    pub fn new(limits: Limits, origin: Instant, secret: u64) -> Self {
        Self {
            requests_per_source: Rate::new(limits.requests_per_source, 1),
            requests_from_unvalidated: Rate::new(limits.requests_from_unvalidated, 1),
            response_bytes_per_source: Rate::new(limits.response_bytes_per_source, Self::RESPONSE_BURST_SECONDS),
            limits,
            origin,
            sources: LruMap::new(Self::CAPACITY, secret),
            unvalidated: Bucket::default(),
        }
    }

    /// Admits as many of `count` requests from `source` as the limits allow now.
    pub fn admit(&mut self, source: SocketAddr, count: usize, now: Instant) -> Admission {
        let none_admitted = |drop_reason| Admission { requests: 0, response_bytes: 0, drop_reason };
        if !self.limits.applies_to(source) {
            return Admission { requests: count, response_bytes: u64::MAX, drop_reason: DropReason::TooManyRequests };
        }
        let now = self.nanos(now);
        let prefix = Prefix::of(source.ip());
        // Surplus unvalidated sources evict no others: most are forged and never send again.
        if !self.unvalidated.has(1, now, &self.requests_from_unvalidated)
            && self.sources.get(prefix, prefix.hash()).is_none()
        {
            return none_admitted(DropReason::TooManyUnvalidated);
        }
        let state = source_of(&mut self.sources, prefix, now);
        let is_validated = state.validated_until > now;
        if !is_validated && !state.response_bytes.has(Self::MIN_RESPONSE_LEN, now, &self.response_bytes_per_source) {
            return none_admitted(DropReason::ResponseBudget);
        }
        let (mut requests, mut drop_reason) = (count as u64, DropReason::TooManyRequests);
        requests = requests.min(state.requests.available(now, &self.requests_per_source));
        let mut response_bytes = u64::MAX;
        if !is_validated {
            let available = self.unvalidated.available(now, &self.requests_from_unvalidated);
            if available < requests {
                (requests, drop_reason) = (available, DropReason::TooManyUnvalidated);
            }
            self.unvalidated.take(requests, now, &self.requests_from_unvalidated);
            response_bytes = state.response_bytes.available(now, &self.response_bytes_per_source);
        }
        state.requests.take(requests, now, &self.requests_per_source);
        Admission { requests: requests as usize, response_bytes, drop_reason }
    }

    /// Charges a response of `len` bytes to `destination` and returns `true` if its budget allows
    /// it.
    pub fn admit_response(&mut self, destination: SocketAddr, len: usize, now: Instant) -> bool {
        if !self.limits.applies_to(destination) {
            return true;
        }
        let now = self.nanos(now);
        let source = source_of(&mut self.sources, Prefix::of(destination.ip()), now);
        source.validated_until > now || source.response_bytes.take(len as u64, now, &self.response_bytes_per_source)
    }

    /// Validates `source`. Call it when the source has responded to a call, and so receives
    /// datagrams at its address.
    pub fn validate(&mut self, source: SocketAddr, now: Instant) {
        if self.limits.applies_to(source) {
            let now = self.nanos(now);
            source_of(&mut self.sources, Prefix::of(source.ip()), now).validated_until =
                now + Self::VALIDATION_LIFETIME.as_nanos() as u64;
        }
    }

    fn nanos(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.origin).as_nanos() as u64
    }
}

fn source_of(sources: &mut LruMap<Prefix, Source>, prefix: Prefix, now: u64) -> &mut Source {
    sources.entry(prefix, prefix.hash(), |source| source.validated_until > now)
}

#[cfg(test)]
mod tests;
