mod bucket;
mod limits;
mod prefix;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use self::bucket::{Bucket, Rate};
pub use self::limits::Limits;
use self::prefix::Prefix;
use crate::DropReason;
use crate::lru_map::Recent;

/// Keeps [`Limits`].
///
/// It remembers 4,096 sources in 196 KiB at the most, those that are known longer than others; one that was forgotten
/// starts anew.
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
    sources: Recent<Prefix, Source>,
    strangers: Bucket,
    requests_per_source: Rate,
    requests_from_unvalidated: Rate,
    response_bytes_per_source: Rate,
}

/// What a source may do now.
#[derive(Clone, Copy, Debug)]
pub struct Admission {
    /// How many of its requests are admitted.
    pub requests: usize,
    /// How many bytes of answers it may be sent; `u64::MAX` where nothing is charged. What is sent to it is still to be
    /// charged, by [`Limiter::admit_response`].
    pub answer_bytes: u64,
    /// Why further requests are dropped until later.
    pub drop_reason: DropReason,
}

/// What is known of a source.
#[derive(Clone, Copy, Debug, Default)]
struct Source {
    requests: Bucket,
    answer_bytes: Bucket,
    /// Until when it is known, in nanoseconds since the origin.
    known_until: u64,
}

impl Limiter {
    /// How many sources are remembered.
    const CAPACITY: usize = 4_096;

    /// For how long a source is known after it has answered a call.
    const KNOWN_FOR: Duration = Duration::from_secs(600);

    /// A request is not worth reading where not even as many bytes may be answered.
    pub const MIN_RESPONSE_LEN: u64 = 1_024;

    /// How many seconds' worth of answers may go at once.
    const ANSWER_SECONDS: u64 = 4;

    /// `origin` is a time before any that it will be told of, and `secret` a random number.
    #[must_use]
    pub fn new(limits: Limits, origin: Instant, secret: u64) -> Self {
        Self {
            requests_per_source: Rate::new(limits.requests_per_source, 1),
            requests_from_unvalidated: Rate::new(limits.requests_from_unvalidated, 1),
            response_bytes_per_source: Rate::new(limits.response_bytes_per_source, Self::ANSWER_SECONDS),
            limits,
            origin,
            sources: Recent::new(Self::CAPACITY, secret),
            strangers: Bucket::default(),
        }
    }

    /// Admits as many of `count` requests as may come now, which came together from `source`.
    pub fn admit(&mut self, source: SocketAddr, count: usize, now: Instant) -> Admission {
        let refused = |drop_reason| Admission { requests: 0, answer_bytes: 0, drop_reason };
        if !self.limits.applies_to(source) {
            return Admission { requests: count, answer_bytes: u64::MAX, drop_reason: DropReason::TooManyRequests };
        }
        let now = self.nanos(now);
        let prefix = Prefix::of(source.ip());
        // Nobody is pushed out of memory by those who are too many: they are forged as a rule, and never come again.
        if !self.strangers.has(1, now, &self.requests_from_unvalidated)
            && self.sources.get(prefix, prefix.hash()).is_none()
        {
            return refused(DropReason::TooManyUnvalidated);
        }
        let known = source_of(&mut self.sources, prefix, now);
        let is_known = known.known_until > now;
        if !is_known && !known.answer_bytes.has(Self::MIN_RESPONSE_LEN, now, &self.response_bytes_per_source) {
            return refused(DropReason::ResponseBudget);
        }
        let (mut requests, mut drop_reason) = (count as u64, DropReason::TooManyRequests);
        requests = requests.min(known.requests.left(now, &self.requests_per_source));
        let mut answer_bytes = u64::MAX;
        if !is_known {
            let of_strangers = self.strangers.left(now, &self.requests_from_unvalidated);
            if of_strangers < requests {
                (requests, drop_reason) = (of_strangers, DropReason::TooManyUnvalidated);
            }
            self.strangers.take(requests, now, &self.requests_from_unvalidated);
            answer_bytes = known.answer_bytes.left(now, &self.response_bytes_per_source);
        }
        known.requests.take(requests, now, &self.requests_per_source);
        Admission { requests: requests as usize, answer_bytes, drop_reason }
    }

    /// Whether an answer of `len` bytes may go to `destination`; what may is charged.
    pub fn admit_response(&mut self, destination: SocketAddr, len: usize, now: Instant) -> bool {
        if !self.limits.applies_to(destination) {
            return true;
        }
        let now = self.nanos(now);
        let source = source_of(&mut self.sources, Prefix::of(destination.ip()), now);
        source.known_until > now || source.answer_bytes.take(len as u64, now, &self.response_bytes_per_source)
    }

    /// Notes that `source` has answered a call, and so receives what is sent to it.
    pub fn validate(&mut self, source: SocketAddr, now: Instant) {
        if self.limits.applies_to(source) {
            let now = self.nanos(now);
            source_of(&mut self.sources, Prefix::of(source.ip()), now).known_until =
                now + Self::KNOWN_FOR.as_nanos() as u64;
        }
    }

    fn nanos(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.origin).as_nanos() as u64
    }
}

fn source_of(sources: &mut Recent<Prefix, Source>, prefix: Prefix, now: u64) -> &mut Source {
    sources.entry(prefix, prefix.hash(), |source| source.known_until > now)
}

#[cfg(test)]
mod tests;
