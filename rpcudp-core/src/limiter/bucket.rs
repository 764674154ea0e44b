/// The rate and the burst of a token bucket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    /// The time per token in nanoseconds, a fixed-point number with
    /// [`FRACTION_BITS`](Self::FRACTION_BITS) fractional bits. `None` if there is no limit.
    interval: Option<u64>,
    /// The time in which an empty bucket fills, in nanoseconds.
    burst: u64,
}

impl Rate {
    /// The number of fractional bits. At four billion tokens per second, a token takes a quarter of
    /// a nanosecond.
    const FRACTION_BITS: u32 = 16;

    /// Creates a rate of `per_second` tokens, with a burst of `seconds` of them.
    pub(super) fn new(per_second: u32, seconds: u64) -> Self {
        let interval = (SECOND << Self::FRACTION_BITS).div_ceil(u64::from(per_second.max(1)));
        let burst = if per_second > 0 { seconds * SECOND } else { 0 };
        Self { interval: (per_second < u32::MAX).then_some(interval), burst }
    }
}

/// A token bucket, stored as the time at which it will be full.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bucket {
    full_at: u64,
}

impl Bucket {
    /// Takes `count` tokens and returns `true` if there are as many.
    pub(super) fn take(&mut self, count: u64, now: u64, rate: &Rate) -> bool {
        let Some(full_at) = self.full_after(count, now, rate) else { return false };
        self.full_at = full_at;
        true
    }

    /// Whether the bucket has `count` tokens, or is full.
    pub(super) fn has(self, count: u64, now: u64, rate: &Rate) -> bool {
        self.full_after(count, now, rate).is_some() || (rate.burst > 0 && self.full_at <= now)
    }

    /// Returns the number of tokens.
    pub(super) fn available(self, now: u64, rate: &Rate) -> u64 {
        let Some(interval) = rate.interval else { return u64::MAX };
        let Some(room) = rate.burst.checked_sub(self.full_at.saturating_sub(now)) else { return 0 };
        if rate.burst > 0 { (((room + 1) << Rate::FRACTION_BITS) - 1) / interval } else { 0 }
    }

    /// Takes tokens until the bucket has no more than `other`.
    pub(super) fn limit_to(&mut self, other: Self) {
        self.full_at = self.full_at.max(other.full_at);
    }

    /// Returns the time at which the bucket is full after `count` tokens are taken. `None` if it
    /// has fewer.
    fn full_after(self, count: u64, now: u64, rate: &Rate) -> Option<u64> {
        let Some(interval) = rate.interval else { return Some(self.full_at) };
        let full_at = self.full_at.max(now) + (count.saturating_mul(interval) >> Rate::FRACTION_BITS);
        (full_at - now <= rate.burst).then_some(full_at)
    }
}

/// A second in nanoseconds.
const SECOND: u64 = 1_000_000_000;
