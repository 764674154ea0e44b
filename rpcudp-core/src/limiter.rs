use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use crate::DropReason;
use crate::recent::Recent;

/// How much an endpoint does for whom it does not know.
///
/// A source is a prefix: an IPv4 address, or the /64 of an IPv6 address, which is what one host or household has. A source
/// is known for ten minutes after it has answered one of our calls: what is sent there arrives there, and nobody has forged
/// its address. Loopback addresses are exempt unless [`limit_loopback`](Self::limit_loopback) says otherwise.
///
/// The defaults are for the open internet: high enough for a busy node of a distributed hash table, and for a Python peer
/// that sends as fast as it can.
///
/// ```
/// use rpcudp::{Endpoint, Limits};
///
/// let limits = Limits::default().requests_per_source(1_000).answer_bytes_per_source(100_000);
/// let builder = Endpoint::builder().limits(limits);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    requests_per_source: u32,
    requests_of_strangers: u32,
    answer_bytes_per_source: u32,
    limits_loopback: bool,
    is_none: bool,
}

impl Limits {
    /// No limits: for a network whose members trust one another.
    #[must_use]
    pub fn none() -> Self {
        Self {
            requests_per_source: u32::MAX,
            requests_of_strangers: u32::MAX,
            answer_bytes_per_source: u32::MAX,
            limits_loopback: false,
            is_none: true,
        }
    }

    /// How many requests a source may send in a second, known or not; as many may come at once. Default: 50,000.
    #[must_use]
    pub fn requests_per_source(mut self, per_second: u32) -> Self {
        self.requests_per_source = per_second;
        self.is_none = false;
        self
    }

    /// How many requests all sources that are not known may send in a second, together; as many may come at once. Default:
    /// 500,000.
    #[must_use]
    pub fn requests_of_strangers(mut self, per_second: u32) -> Self {
        self.requests_of_strangers = per_second;
        self.is_none = false;
        self
    }

    /// How many bytes of answers go to a source in a second that is not known; four times as many may go at once.
    /// Default: 1,048,576.
    ///
    /// Whoever forges a victim's address has this much sent to the victim, and no more.
    #[must_use]
    pub fn answer_bytes_per_source(mut self, per_second: u32) -> Self {
        self.answer_bytes_per_source = per_second;
        self.is_none = false;
        self
    }

    /// Whether loopback addresses are limited like others. Default: no.
    #[must_use]
    pub fn limit_loopback(mut self, limit: bool) -> Self {
        self.limits_loopback = limit;
        self
    }

    /// Whether they limit this source at all.
    #[must_use]
    pub fn concern(&self, source: SocketAddr) -> bool {
        !self.is_none && (self.limits_loopback || !source.ip().is_loopback())
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests_per_source: 50_000,
            requests_of_strangers: 500_000,
            answer_bytes_per_source: 1 << 20,
            limits_loopback: false,
            is_none: false,
        }
    }
}

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
/// assert_eq!(limiter.request(source, now), Ok(()));
/// assert_eq!(limiter.request(source, now), Ok(()));
/// assert_eq!(limiter.request(source, now), Err(DropReason::TooManyRequests));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Debug)]
pub struct Limiter {
    limits: Limits,
    origin: Instant,
    sources: Recent<Prefix, Source>,
    strangers: Bucket,
}

/// Whom a limit is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Prefix {
    V4(u32),
    V6(u64),
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
    const LEAST_ANSWER: u64 = 1_024;

    /// How many seconds' worth of answers may go at once.
    const ANSWER_SECONDS: u64 = 4;

    /// `origin` is a time before any that it will be told of, and `secret` a random number.
    #[must_use]
    pub fn new(limits: Limits, origin: Instant, secret: u64) -> Self {
        Self { limits, origin, sources: Recent::new(Self::CAPACITY, secret), strangers: Bucket::default() }
    }

    /// Admits a request from `source`, or says why not.
    ///
    /// # Errors
    ///
    /// The reason to drop it: the source or all strangers together send too many, or too much was sent to the source.
    pub fn request(&mut self, source: SocketAddr, now: Instant) -> Result<(), DropReason> {
        if !self.limits.concern(source) {
            return Ok(());
        }
        let now = self.nanos(now);
        let Self { limits, sources, strangers, .. } = self;
        let source = source_of(sources, source, now);
        let is_known = source.known_until > now;
        let per_source = u64::from(limits.requests_per_source);
        if !is_known {
            let rate = u64::from(limits.answer_bytes_per_source);
            let least = Self::LEAST_ANSWER.min(Self::ANSWER_SECONDS * rate);
            if !source.answer_bytes.has(least, now, rate, Self::ANSWER_SECONDS) {
                return Err(DropReason::AnswerBudget);
            }
        }
        if !source.requests.take(1, now, per_source, 1) {
            return Err(DropReason::TooManyRequests);
        }
        let in_all = u64::from(limits.requests_of_strangers);
        if !is_known && !strangers.take(1, now, in_all, 1) {
            return Err(DropReason::TooManyStrangers);
        }
        Ok(())
    }

    /// Whether an answer of `len` bytes may go to `destination`; what may is charged.
    pub fn answer(&mut self, destination: SocketAddr, len: usize, now: Instant) -> bool {
        if !self.limits.concern(destination) {
            return true;
        }
        let now = self.nanos(now);
        let rate = u64::from(self.limits.answer_bytes_per_source);
        let source = source_of(&mut self.sources, destination, now);
        source.known_until > now || source.answer_bytes.take(len as u64, now, rate, Self::ANSWER_SECONDS)
    }

    /// Notes that `source` has answered a call, and so receives what is sent to it.
    pub fn prove(&mut self, source: SocketAddr, now: Instant) {
        if self.limits.concern(source) {
            let now = self.nanos(now);
            source_of(&mut self.sources, source, now).known_until = now + Self::KNOWN_FOR.as_nanos() as u64;
        }
    }

    fn nanos(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.origin).as_nanos() as u64
    }
}

fn source_of(sources: &mut Recent<Prefix, Source>, addr: SocketAddr, now: u64) -> &mut Source {
    let prefix = Prefix::of(addr.ip());
    sources.entry(prefix, prefix.hash(), |source| source.known_until > now)
}

impl Prefix {
    fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => Self::V4(ip.to_bits()),
            IpAddr::V6(ip) => Self::V6((ip.to_bits() >> 64) as u64),
        }
    }

    fn hash(self) -> u64 {
        match self {
            Self::V4(bits) => u64::from(bits) | 1 << 32,
            Self::V6(bits) => bits,
        }
    }
}

/// A token bucket, as the time at which it will be full again.
#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    full_at: u64,
}

impl Bucket {
    /// Takes `count` of what comes at `rate` a second and is kept for `seconds`, if there is as much.
    fn take(&mut self, count: u64, now: u64, rate: u64, seconds: u64) -> bool {
        if rate == u64::from(u32::MAX) {
            return true;
        }
        let full_at = self.full_at.max(now).saturating_add(count.saturating_mul(SECOND) / rate.max(1));
        let has_enough = rate > 0 && full_at - now <= seconds * SECOND;
        if has_enough {
            self.full_at = full_at;
        }
        has_enough
    }

    /// Whether as much is left.
    fn has(self, count: u64, now: u64, rate: u64, seconds: u64) -> bool {
        let mut copy = self;
        copy.take(count, now, rate, seconds)
    }
}

/// In nanoseconds.
const SECOND: u64 = 1_000_000_000;

#[cfg(test)]
mod tests;
