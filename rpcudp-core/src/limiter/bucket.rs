/// How fast something comes, and how much of it is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    /// How long one takes to come, in nanoseconds with [`FRACTION_BITS`](Self::FRACTION_BITS) behind the point; `None` where
    /// there is no limit.
    interval: Option<u64>,
    /// How long all that is kept takes to come, in nanoseconds.
    kept: u64,
}

impl Rate {
    /// What comes four billion times a second takes a quarter of a nanosecond.
    const FRACTION_BITS: u32 = 16;

    /// So many `per_second`, kept for `seconds`.
    pub(super) fn new(per_second: u32, seconds: u64) -> Self {
        let interval = (SECOND << Self::FRACTION_BITS).div_ceil(u64::from(per_second.max(1)));
        let kept = if per_second > 0 { seconds * SECOND } else { 0 };
        Self { interval: (per_second < u32::MAX).then_some(interval), kept }
    }
}

/// A token bucket, as the time at which it will be full again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bucket {
    full_at: u64,
}

impl Bucket {
    /// Takes `count` of what comes at this rate, if there is as much.
    pub(super) fn take(&mut self, count: u64, now: u64, rate: &Rate) -> bool {
        let Some(full_at) = self.full_after(count, now, rate) else { return false };
        self.full_at = full_at;
        true
    }

    /// Whether as much is left, or as much as is ever kept.
    pub(super) fn has(self, count: u64, now: u64, rate: &Rate) -> bool {
        self.full_after(count, now, rate).is_some() || (rate.kept > 0 && self.full_at <= now)
    }

    /// How many can be taken.
    pub(super) fn left(self, now: u64, rate: &Rate) -> u64 {
        let Some(interval) = rate.interval else { return u64::MAX };
        let Some(room) = rate.kept.checked_sub(self.full_at.saturating_sub(now)) else { return 0 };
        if rate.kept > 0 { (((room + 1) << Rate::FRACTION_BITS) - 1) / interval } else { 0 }
    }

    /// When it is full again after as much was taken, if there is as much.
    fn full_after(self, count: u64, now: u64, rate: &Rate) -> Option<u64> {
        let Some(interval) = rate.interval else { return Some(self.full_at) };
        let full_at = self.full_at.max(now) + (count.saturating_mul(interval) >> Rate::FRACTION_BITS);
        (full_at - now <= rate.kept).then_some(full_at)
    }
}

/// In nanoseconds.
const SECOND: u64 = 1_000_000_000;
