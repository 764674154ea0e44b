mod bucket;
mod evicted;
mod limits;
mod prefix;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use self::bucket::{Bucket, Rate};
use self::evicted::{Buckets, EvictedBuckets};
pub use self::limits::Limits;
pub(crate) use self::prefix::Prefix;
use crate::DropReason;
use crate::lru_map::{LruMap, mix};

/// Enforces [`Limits`].
///
/// Keeps the state of 4,096 sources in at most 228 KiB. Validated sources are evicted after others.
/// The buckets of evicted sources are kept in 384 KiB, in which some sources share a place, so that
/// no source gets a full bucket by being evicted.
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
    sources: Sources,
    unvalidated: Bucket,
    requests_per_source: Rate,
    requests_from_unvalidated: Rate,
    response_bytes_per_source: Rate,
    response_bytes_per_validated_source: Rate,
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
    /// Whether the source is validated. `false` for a source that is exempt from the limits.
    pub is_validated: bool,
    /// A hash of the source that peers cannot predict, equal for all addresses of the source.
    pub source_hash: u64,
}

/// The sources with requests or responses of late.
#[derive(Debug)]
struct Sources {
    map: LruMap<Prefix, Source>,
    evicted: EvictedBuckets,
    secret: u64,
}

/// The state of a source.
#[derive(Clone, Copy, Debug, Default)]
struct Source {
    buckets: Buckets,
    /// The end of its validation, in nanoseconds since the origin.
    validated_until: u64,
}

impl Limiter {
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
        let response_rate = |per_second| Rate::new(per_second, Self::RESPONSE_BURST_SECONDS);
        Self {
            requests_per_source: Rate::new(limits.requests_per_source, 1),
            requests_from_unvalidated: Rate::new(limits.requests_from_unvalidated, 1),
            response_bytes_per_source: response_rate(limits.response_bytes_per_source),
            response_bytes_per_validated_source: response_rate(limits.response_bytes_per_validated_source),
            limits,
            origin,
            sources: Sources::new(secret),
            unvalidated: Bucket::default(),
        }
    }

    /// Admits as many of `count` requests from `source` as the limits allow now.
    pub fn admit(&mut self, source: SocketAddr, count: usize, now: Instant) -> Admission {
        let prefix = Prefix::of(source.ip());
        let source_hash = self.sources.hash(prefix);
        let mut admission = Admission {
            requests: 0,
            response_bytes: 0,
            drop_reason: DropReason::TooManyRequests,
            is_validated: false,
            source_hash,
        };
        if !self.limits.applies_to(source) {
            return Admission { requests: count, response_bytes: u64::MAX, ..admission };
        }
        let now = self.nanos(now);
        // Surplus unvalidated sources evict no others: most are forged and never send again.
        if !self.unvalidated.has(1, now, &self.requests_from_unvalidated) && !self.sources.contains(prefix) {
            return Admission { drop_reason: DropReason::TooManyUnvalidated, ..admission };
        }
        let state = self.sources.entry(prefix, now);
        admission.is_validated = state.validated_until > now;
        let (response_bytes, response_rate) = if admission.is_validated {
            (state.buckets.validated_response_bytes, &self.response_bytes_per_validated_source)
        } else {
            (state.buckets.response_bytes, &self.response_bytes_per_source)
        };
        if !response_bytes.has(Self::MIN_RESPONSE_LEN, now, response_rate) {
            return Admission { drop_reason: DropReason::ResponseBudget, ..admission };
        }
        let mut requests = state.buckets.requests.available(now, &self.requests_per_source).min(count as u64);
        if !admission.is_validated {
            let available = self.unvalidated.available(now, &self.requests_from_unvalidated);
            if available < requests {
                (requests, admission.drop_reason) = (available, DropReason::TooManyUnvalidated);
            }
            self.unvalidated.take(requests, now, &self.requests_from_unvalidated);
        }
        state.buckets.requests.take(requests, now, &self.requests_per_source);
        let response_bytes = response_bytes.available(now, response_rate);
        Admission { requests: requests as usize, response_bytes, ..admission }
    }

    /// Charges a response of `len` bytes to `destination` and returns `true` if its budget allows
    /// it.
    pub fn admit_response(&mut self, destination: SocketAddr, len: usize, now: Instant) -> bool {
        if !self.limits.applies_to(destination) {
            return true;
        }
        let now = self.nanos(now);
        let Source { buckets, validated_until } = self.sources.entry(Prefix::of(destination.ip()), now);
        if *validated_until > now {
            buckets.validated_response_bytes.take(len as u64, now, &self.response_bytes_per_validated_source)
        } else {
            buckets.response_bytes.take(len as u64, now, &self.response_bytes_per_source)
        }
    }

    /// Returns whether `source` is validated.
    #[must_use]
    pub fn is_validated(&self, source: SocketAddr, now: Instant) -> bool {
        self.sources.validated_until(Prefix::of(source.ip())) > self.nanos(now)
    }

    /// Validates `source`. Call it when the source has responded to a call that was made to it, and
    /// so receives datagrams at its address.
    pub fn validate(&mut self, source: SocketAddr, now: Instant) {
        if self.limits.applies_to(source) {
            let now = self.nanos(now);
            self.sources.entry(Prefix::of(source.ip()), now).validated_until =
                now + Self::VALIDATION_LIFETIME.as_nanos() as u64;
        }
    }

    fn nanos(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.origin).as_nanos() as u64
    }
}

impl Sources {
    /// The number of sources in the map.
    const CAPACITY: usize = 4_096;

    fn new(secret: u64) -> Self {
        Self { map: LruMap::new(Self::CAPACITY, secret), evicted: EvictedBuckets::default(), secret }
    }

    /// Returns a hash that depends on the secret.
    fn hash(&self, prefix: Prefix) -> u64 {
        mix(prefix.hash() ^ self.secret)
    }

    /// Returns the end of a source's validation, or 0 if the source is not in the map.
    fn validated_until(&self, prefix: Prefix) -> u64 {
        self.map.get(prefix, prefix.hash()).map_or(0, |source| source.validated_until)
    }

    fn contains(&self, prefix: Prefix) -> bool {
        self.map.get(prefix, prefix.hash()).is_some()
    }

    /// Returns the state of a source. A source that is new or returns has no more tokens than were
    /// left when a source in its place was evicted.
    fn entry(&mut self, prefix: Prefix, now: u64) -> &mut Source {
        let Self { map, evicted, secret } = self;
        map.entry_with(
            prefix,
            prefix.hash(),
            |source| source.validated_until > now,
            |previous| {
                if let Some((prefix, source)) = previous {
                    evicted.store(mix(prefix.hash() ^ *secret), &source.buckets);
                }
                Source { buckets: evicted.load(mix(prefix.hash() ^ *secret)), validated_until: 0 }
            },
        )
    }
}

#[cfg(test)]
mod tests;
