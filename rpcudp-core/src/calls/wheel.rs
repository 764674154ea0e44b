//! A timer wheel: deadlines for a large number of calls.
//!
//! Setting, moving and clearing a timer take constant time and no heap, however many timers there
//! are. The wheel has one bucket for each millisecond of a rotation of about four seconds. A timer
//! of a later rotation stays in its bucket and is skipped. The owner stores the timers, and the
//! wheel links them into lists by index.

/// A time in milliseconds since the owner's origin.
pub(crate) type Tick = u64;

/// The number of buckets. A rotation of 4,096 ms covers most timeouts, for 16 KiB of memory.
const BUCKET_COUNT: usize = 4_096;
const WORD_COUNT: usize = BUCKET_COUNT / 64;

const NONE: u32 = u32::MAX;

/// A timer, embedded in the owner's item. There is one for each call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timer {
    previous: u32,
    next: u32,
    /// The tick if the timer is in a bucket, or [`IDLE`](Self::IDLE) or [`EXPIRED`](Self::EXPIRED).
    at: Tick,
}

impl Timer {
    /// Marks a timer in no list.
    const IDLE: Tick = Tick::MAX;

    /// Marks a timer in the list of expired timers.
    const EXPIRED: Tick = Tick::MAX - 1;

    /// Returns the tick at which the timer expires. `None` if it is idle or has expired.
    pub(crate) fn tick(&self) -> Option<Tick> {
        (self.at < Self::EXPIRED).then_some(self.at)
    }
}

impl Default for Timer {
    fn default() -> Self {
        Self { previous: NONE, next: NONE, at: Self::IDLE }
    }
}

/// The collection of timers that the wheel's indices refer to.
pub(crate) trait Timers {
    fn timer(&mut self, index: u32) -> &mut Timer;
}

/// A timer wheel.
#[derive(Debug)]
pub(crate) struct Wheel {
    buckets: Box<[u32; BUCKET_COUNT]>,
    /// A bit for each bucket, set if the bucket has a timer.
    occupied: [u64; WORD_COUNT],
    /// The list of expired timers that have not been taken.
    expired: u32,
    /// The first tick that has not been processed.
    cursor: Tick,
}

impl Wheel {
    pub(crate) fn new() -> Self {
        Self { buckets: Box::new([NONE; BUCKET_COUNT]), occupied: [0; WORD_COUNT], expired: NONE, cursor: 0 }
    }

    /// Sets an idle timer.
    pub(crate) fn set(&mut self, timers: &mut impl Timers, index: u32, tick: Tick) {
        debug_assert_eq!(timers.timer(index).at, Timer::IDLE);
        self.link(timers, index, tick.clamp(self.cursor, Timer::EXPIRED - 1));
    }

    /// Clears a timer. An idle timer stays idle.
    pub(crate) fn clear(&mut self, timers: &mut impl Timers, index: u32) {
        let Timer { previous, next, at } = *timers.timer(index);
        if at == Timer::IDLE {
            return;
        }
        if next != NONE {
            timers.timer(next).previous = previous;
        }
        if previous != NONE {
            timers.timer(previous).next = next;
        } else if at == Timer::EXPIRED {
            self.expired = next;
        } else {
            let bucket = bucket(at);
            self.buckets[bucket] = next;
            if next == NONE {
                self.occupied[bucket / 64] &= !(1 << (bucket % 64));
            }
        }
        *timers.timer(index) = Timer::default();
    }

    /// Takes one timer that has expired at `now`, and makes it idle.
    pub(crate) fn take_expired(&mut self, timers: &mut impl Timers, now: Tick) -> Option<u32> {
        self.advance(timers, now);
        let index = self.expired;
        if index == NONE {
            return None;
        }
        self.clear(timers, index);
        Some(index)
    }

    /// Returns a tick for the next [`take_expired`](Self::take_expired). It is never later than the
    /// earliest timer, and earlier only by whole rotations.
    pub(crate) fn next_tick(&self) -> Option<Tick> {
        if self.expired != NONE {
            return Some(0);
        }
        self.occupied_between(self.cursor, self.cursor + BUCKET_COUNT as Tick)
    }

    /// Moves the timers up to `now` from the buckets to the list of expired timers.
    fn advance(&mut self, timers: &mut impl Timers, now: Tick) {
        // A whole rotation includes every bucket.
        let end = (now + 1).min(self.cursor + BUCKET_COUNT as Tick);
        let mut from = self.cursor;
        while let Some(tick) = self.occupied_between(from, end) {
            let mut index = self.buckets[bucket(tick)];
            while index != NONE {
                let Timer { next, at, .. } = *timers.timer(index);
                if at <= now {
                    self.clear(timers, index);
                    self.link(timers, index, Timer::EXPIRED);
                }
                index = next;
            }
            from = tick + 1;
        }
        self.cursor = self.cursor.max(now + 1);
    }

    /// Returns the first tick in `from..end` whose bucket has a timer.
    fn occupied_between(&self, from: Tick, end: Tick) -> Option<Tick> {
        let mut tick = from;
        while tick < end {
            let bucket = bucket(tick);
            let word = self.occupied[bucket / 64] >> (bucket % 64);
            if word != 0 {
                let found = tick + Tick::from(word.trailing_zeros());
                return (found < end).then_some(found);
            }
            tick += 64 - (bucket % 64) as Tick;
        }
        None
    }

    fn link(&mut self, timers: &mut impl Timers, index: u32, at: Tick) {
        let head = if at == Timer::EXPIRED {
            &mut self.expired
        } else {
            let bucket = bucket(at);
            self.occupied[bucket / 64] |= 1 << (bucket % 64);
            &mut self.buckets[bucket]
        };
        let next = std::mem::replace(head, index);
        if next != NONE {
            timers.timer(next).previous = index;
        }
        *timers.timer(index) = Timer { previous: NONE, next, at };
    }
}

fn bucket(tick: Tick) -> usize {
    (tick % BUCKET_COUNT as Tick) as usize
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    impl Timers for Vec<Timer> {
        fn timer(&mut self, index: u32) -> &mut Timer {
            &mut self[index as usize]
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Set { index: u32, after: Tick },
        Clear { index: u32 },
        Advance { by: Tick },
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0_u32..40, 0_u64..20_000).prop_map(|(index, after)| Step::Set { index, after }),
            2 => (0_u32..40).prop_map(|index| Step::Clear { index }),
            2 => prop_oneof![0_u64..100, 0_u64..9_000, 0_u64..1_000_000].prop_map(|by| Step::Advance { by }),
        ]
    }

    fn take_all_expired(wheel: &mut Wheel, timers: &mut Vec<Timer>, now: Tick) -> Vec<u32> {
        let mut expired: Vec<_> = std::iter::from_fn(|| wheel.take_expired(timers, now)).collect();
        expired.sort_unstable();
        expired
    }

    proptest! {
        #[test]
        fn timers_expire_as_in_a_sorted_list(steps in proptest::collection::vec(step(), 1..120)) {
            let mut wheel = Wheel::new();
            let mut timers = vec![Timer::default(); 40];
            let mut model = BTreeMap::new();
            let mut now = 0;
            for step in steps {
                match step {
                    Step::Set { index, after } => {
                        wheel.clear(&mut timers, index);
                        wheel.set(&mut timers, index, now + after + 1);
                        model.insert(index, now + after + 1);
                    }
                    Step::Clear { index } => {
                        wheel.clear(&mut timers, index);
                        model.remove(&index);
                    }
                    Step::Advance { by } => {
                        now += by;
                        let expected: Vec<_> = model.iter().filter(|(_, tick)| **tick <= now).map(|(index, _)| *index).collect();
                        model.retain(|_, tick| *tick > now);
                        prop_assert_eq!(take_all_expired(&mut wheel, &mut timers, now), expected);
                    }
                }
                let earliest = model.values().min().copied();
                let next = wheel.next_tick();
                prop_assert_eq!(next.is_some(), earliest.is_some());
                prop_assert!(next <= earliest);
            }
        }
    }

    #[test]
    fn expired_timer_can_be_cleared_before_it_is_taken() {
        let mut wheel = Wheel::new();
        let mut timers = vec![Timer::default(); 3];
        for index in 0..3 {
            wheel.set(&mut timers, index, 5);
        }
        let first = wheel.take_expired(&mut timers, 5).expect("three have expired");
        let other = (0..3).find(|index| *index != first).expect("there are three");
        assert_eq!(wheel.next_tick(), Some(0));
        wheel.clear(&mut timers, other);
        assert_eq!(take_all_expired(&mut wheel, &mut timers, 5).len(), 1);
        assert_eq!(wheel.next_tick(), None);
    }
}
