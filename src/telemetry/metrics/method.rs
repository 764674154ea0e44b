use std::mem;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use metrics::{Counter, Histogram, Label, counter, histogram};

use crate::endpoint::shared::now;
use crate::telemetry::metric_names as names;
use crate::telemetry::outcome::Conclusion;

/// What this process has seen of a method, as its client or as its server.
///
/// There is one for each name that a contract of the program has, and it is never dropped: no peer makes one.
pub(super) struct Method {
    side: Side,
    name: &'static str,
    stripes: [Stripe; Stripe::COUNT],
    /// One in a power of two is timed; this is the power, less one.
    sparing: AtomicU64,
    pending: Mutex<Pending>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

/// The counts of some threads: two that count in the same place would wait for each other each time.
#[derive(Default)]
#[repr(align(128))]
struct Stripe {
    begun: AtomicU64,
    ended: [AtomicU64; CONCLUSION_COUNT],
}

/// What the recorder has not been told.
struct Pending {
    timed: Vec<Timed>,
    /// How many of the counts it has been told.
    told: [u64; CONCLUSION_COUNT],
    told_at: Option<Instant>,
}

/// How something ended that was timed, and after how many seconds.
pub(super) type Timed = (Conclusion, f64);

const CONCLUSION_COUNT: usize = Conclusion::ALL.len();

static METHODS: Mutex<Vec<&'static Method>> = Mutex::new(Vec::new());

impl Stripe {
    const COUNT: usize = 4;
}

impl Method {
    /// How many are timed, of one method and between two looks of a publisher, which are a second apart at most. An
    /// exporter takes some 100 ns for each, and keeps each until it is asked for them: no peer is to decide how many.
    const MAX_TIMED: usize = 2_048;

    pub(super) fn of(side: Side, name: &'static str) -> &'static Self {
        let mut methods = lock(&METHODS);
        if let Some(known) = methods.iter().find(|method| method.side == side && method.name == name) {
            return known;
        }
        let method = Box::leak(Box::new(Self {
            side,
            name,
            stripes: Default::default(),
            sparing: AtomicU64::new(0),
            pending: Mutex::new(Pending { timed: Self::room(), told: [0; CONCLUSION_COUNT], told_at: None }),
        }));
        methods.push(method);
        method
    }

    /// All there are.
    pub(super) fn all() -> Vec<&'static Self> {
        lock(&METHODS).clone()
    }

    /// A place for all that may be timed, so that none is made on a call's way.
    pub(super) fn room() -> Vec<Timed> {
        Vec::with_capacity(Self::MAX_TIMED)
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// Whether this one is to be timed.
    pub(super) fn begin(&self) -> bool {
        self.stripe().begun.fetch_add(1, Ordering::Relaxed) & self.sparing.load(Ordering::Relaxed) == 0
    }

    pub(super) fn end(&self, conclusion: Conclusion, seconds: Option<f64>) {
        self.stripe().ended[conclusion as usize].fetch_add(1, Ordering::Relaxed);
        let Some(seconds) = seconds else { return };
        let mut pending = lock(&self.pending);
        if pending.timed.len() < Self::MAX_TIMED {
            pending.timed.push((conclusion, seconds));
        }
        if pending.timed.len() == Self::MAX_TIMED {
            // Faster than anybody has known yet.
            let sparing = self.sparing.load(Ordering::Relaxed);
            self.sparing.store((sparing << 1 | 1).min(u64::from(u32::MAX)), Ordering::Relaxed);
        }
    }

    /// Tells the recorder what there is to tell. `room` is what [`Self::room`] makes, and is left so.
    pub(super) fn publish(&self, room: &mut Vec<Timed>) {
        let mut new = [0; CONCLUSION_COUNT];
        let mut pending = lock(&self.pending);
        for (index, (told, new)) in pending.told.iter_mut().zip(&mut new).enumerate() {
            let count: u64 = self.stripes.iter().map(|stripe| stripe.ended[index].load(Ordering::Relaxed)).sum();
            // One that is read a little earlier than another may have told more.
            *new = count.saturating_sub(*told);
            *told += *new;
        }
        mem::swap(&mut pending.timed, room);
        let told_at = pending.told_at.replace(now());
        drop(pending);
        if let Some(told_at) = told_at {
            self.spare(new.iter().sum(), told_at);
        }
        for (conclusion, count) in Conclusion::ALL.into_iter().zip(new).filter(|(_, count)| *count > 0) {
            self.count_of(conclusion).increment(count);
        }
        let mut durations = [const { None }; CONCLUSION_COUNT];
        for (conclusion, seconds) in room.drain(..) {
            durations[conclusion as usize].get_or_insert_with(|| self.duration_of(conclusion)).record(seconds);
        }
    }

    /// Sees to it that about half as many are timed from here on as may be, if as many come as came since `then`.
    fn spare(&self, count: u64, then: Instant) {
        const MIN_SECONDS: f64 = 0.5;

        let seconds = now().saturating_duration_since(then).as_secs_f64();
        // Too little time, as where several endpoints publish, says too little.
        if seconds > MIN_SECONDS {
            let in_each = count as f64 / seconds / (Self::MAX_TIMED / 2) as f64;
            let one_in = (in_each.min(f64::from(u32::MAX)) as u64).max(1).next_power_of_two();
            self.sparing.store(one_in - 1, Ordering::Relaxed);
        }
    }

    fn count_of(&self, conclusion: Conclusion) -> Counter {
        let labels = self.labels(conclusion);
        match self.side {
            Side::Client => counter!(names::CLIENT_CALLS, labels),
            Side::Server => counter!(names::SERVER_CALLS, labels),
        }
    }

    fn duration_of(&self, conclusion: Conclusion) -> Histogram {
        let labels = self.labels(conclusion);
        match self.side {
            Side::Client => histogram!(names::CLIENT_CALL_DURATION, labels),
            Side::Server => histogram!(names::SERVER_CALL_DURATION, labels),
        }
    }

    fn labels(&self, conclusion: Conclusion) -> Vec<Label> {
        let mut labels = vec![
            Label::from_static_parts(names::SYSTEM_LABEL, names::SYSTEM),
            Label::from_static_parts(names::METHOD_LABEL, self.name),
        ];
        labels.extend(conclusion.error().map(|error| Label::from_static_parts(names::ERROR_LABEL, error)));
        labels
    }

    fn stripe(&self) -> &Stripe {
        thread_local! {
            static STRIPE: usize = {
                static THREAD_COUNT: AtomicUsize = AtomicUsize::new(0);
                THREAD_COUNT.fetch_add(1, Ordering::Relaxed) % Stripe::COUNT
            };
        }
        // A thread that is ending counts with the first.
        &self.stripes[STRIPE.try_with(|stripe| *stripe).unwrap_or_default()]
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No code of anybody else's runs while one of these is held.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_is_known_by_its_side_and_its_name() {
        let method = Method::of(Side::Client, "known");
        assert!(std::ptr::eq(method, Method::of(Side::Client, "known")));
        assert!(!std::ptr::eq(method, Method::of(Side::Server, "known")));
        assert!(!std::ptr::eq(method, Method::of(Side::Client, "other")));
    }

    #[test]
    fn everything_is_counted_and_no_more_is_timed_than_may_be() {
        let method = Method::of(Side::Client, "flooded");
        let mut room = Method::room();
        let capacity = room.capacity();
        for _ in 0..1_000_000 {
            let timed = method.begin();
            method.end(Conclusion::Answered, timed.then_some(0.001));
        }
        let timed_count = lock(&method.pending).timed.len();
        assert!(timed_count <= Method::MAX_TIMED, "{timed_count}");
        method.publish(&mut room);
        assert_eq!(lock(&method.pending).told[Conclusion::Answered as usize], 1_000_000);
        assert!(room.is_empty());
        assert_eq!([room.capacity(), lock(&method.pending).timed.capacity()], [capacity; 2]);
        // Those that come after are spared, until a second has shown that there are few.
        assert!(method.sparing.load(Ordering::Relaxed) > 0);
        method.spare(10, now().checked_sub(std::time::Duration::from_secs(1)).unwrap());
        assert_eq!(method.sparing.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn as_many_are_timed_as_are_worth_it() {
        let method = Method::of(Side::Client, "sampled");
        let a_second_ago = now().checked_sub(std::time::Duration::from_secs(1)).unwrap();
        for (count, one_in) in [(0, 1), (1_000, 1), (2_047, 1), (3_000, 2), (100_000, 128), (1_000_000, 1_024)] {
            method.spare(count, a_second_ago);
            assert_eq!(method.sparing.load(Ordering::Relaxed) + 1, one_in, "{count}");
        }
    }
}
