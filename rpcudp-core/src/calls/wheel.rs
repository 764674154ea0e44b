//! Deadlines of very many things at once: a timer wheel.
//!
//! Setting, moving and clearing a timer take constant time and no heap, however many there are. A wheel has one bucket
//! for each millisecond of a rotation of about four seconds; a timer that is due in a later rotation waits in its
//! bucket and is passed over. The timers themselves live with whatever they belong to: the wheel links them into lists
//! by their index.

/// Milliseconds since the owner's origin.
pub(crate) type Tick = u64;

/// Buckets of a wheel: a rotation of 4,096 ms takes in most timeouts at once, for 16 KiB of memory.
const BUCKET_COUNT: usize = 4_096;
const WORD_COUNT: usize = BUCKET_COUNT / 64;

const NONE: u32 = u32::MAX;

/// The part of a timer that the wheel keeps, embedded in what the timer belongs to. As many of them wait as calls do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timer {
    previous: u32,
    next: u32,
    /// Its tick, if it is in the bucket of that, or [`IDLE`](Self::IDLE) or [`DUE`](Self::DUE).
    at: Tick,
}

impl Timer {
    /// In no list.
    const IDLE: Tick = Tick::MAX;

    /// In the list of those that are due.
    const DUE: Tick = Tick::MAX - 1;

    /// When it goes off, if it is set and has not.
    pub(crate) fn tick(&self) -> Option<Tick> {
        (self.at < Self::DUE).then_some(self.at)
    }
}

impl Default for Timer {
    fn default() -> Self {
        Self { previous: NONE, next: NONE, at: Self::IDLE }
    }
}

/// What the wheel's indices point into.
pub(crate) trait Timers {
    fn timer(&mut self, index: u32) -> &mut Timer;
}

#[derive(Debug)]
pub(crate) struct Wheel {
    buckets: Box<[u32; BUCKET_COUNT]>,
    /// A bit for each bucket that has a timer.
    occupied: [u64; WORD_COUNT],
    /// Timers that are due and not taken yet.
    due: u32,
    /// Every tick before this one has been looked at.
    cursor: Tick,
}

impl Wheel {
    pub(crate) fn new() -> Self {
        Self { buckets: Box::new([NONE; BUCKET_COUNT]), occupied: [0; WORD_COUNT], due: NONE, cursor: 0 }
    }

    /// Sets an idle timer.
    pub(crate) fn set(&mut self, timers: &mut impl Timers, index: u32, tick: Tick) {
        debug_assert_eq!(timers.timer(index).at, Timer::IDLE);
        self.link(timers, index, tick.clamp(self.cursor, Timer::DUE - 1));
    }

    /// Clears a timer; an idle one stays idle.
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
        } else if at == Timer::DUE {
            self.due = next;
        } else {
            let bucket = bucket(at);
            self.buckets[bucket] = next;
            if next == NONE {
                self.occupied[bucket / 64] &= !(1 << (bucket % 64));
            }
        }
        *timers.timer(index) = Timer::default();
    }

    /// Takes one timer whose tick is not after `now`. It is idle then.
    pub(crate) fn take_due(&mut self, timers: &mut impl Timers, now: Tick) -> Option<u32> {
        self.advance(timers, now);
        let index = self.due;
        if index == NONE {
            return None;
        }
        self.clear(timers, index);
        Some(index)
    }

    /// The first tick at which [`take_due`](Self::take_due) may find something: never later than the earliest timer,
    /// and earlier only by whole rotations.
    pub(crate) fn next_tick(&self) -> Option<Tick> {
        if self.due != NONE {
            return Some(0);
        }
        self.occupied_between(self.cursor, self.cursor + BUCKET_COUNT as Tick)
    }

    /// Moves what is due from the buckets up to `now` into the list of due timers.
    fn advance(&mut self, timers: &mut impl Timers, now: Tick) {
        // After a whole rotation every bucket has been seen.
        let end = (now + 1).min(self.cursor + BUCKET_COUNT as Tick);
        let mut from = self.cursor;
        while let Some(tick) = self.occupied_between(from, end) {
            let mut index = self.buckets[bucket(tick)];
            while index != NONE {
                let Timer { next, at, .. } = *timers.timer(index);
                if at <= now {
                    self.clear(timers, index);
                    self.link(timers, index, Timer::DUE);
                }
                index = next;
            }
            from = tick + 1;
        }
        self.cursor = self.cursor.max(now + 1);
    }

    /// The first tick from `from` up to but not including `end` whose bucket has a timer.
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
        let head = if at == Timer::DUE {
            &mut self.due
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

    fn all_due(wheel: &mut Wheel, timers: &mut Vec<Timer>, now: Tick) -> Vec<u32> {
        let mut due: Vec<_> = std::iter::from_fn(|| wheel.take_due(timers, now)).collect();
        due.sort_unstable();
        due
    }

    proptest! {
        #[test]
        fn fires_as_a_sorted_list_would(steps in proptest::collection::vec(step(), 1..120)) {
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
                        prop_assert_eq!(all_due(&mut wheel, &mut timers, now), expected);
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
    fn what_is_due_may_be_cleared_before_it_is_taken() {
        let mut wheel = Wheel::new();
        let mut timers = vec![Timer::default(); 3];
        for index in 0..3 {
            wheel.set(&mut timers, index, 5);
        }
        let first = wheel.take_due(&mut timers, 5).expect("three are due");
        let other = (0..3).find(|index| *index != first).expect("there are three");
        assert_eq!(wheel.next_tick(), Some(0));
        wheel.clear(&mut timers, other);
        assert_eq!(all_due(&mut wheel, &mut timers, 5).len(), 1);
        assert_eq!(wheel.next_tick(), None);
    }
}
