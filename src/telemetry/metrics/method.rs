use std::mem;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use metrics::{Counter, Histogram, Label, counter, histogram};

use super::super::metric_names as names;
use super::super::outcome::Outcome;
use crate::clock::now;
use crate::lock::Lock;

/// The counts and sampled durations of a method in this process, at its client or its server.
///
/// There is one for each name in a contract of the program. It is never dropped, and no peer can
/// add one.
pub(super) struct Method {
    side: Side,
    name: &'static str,
    stripes: [Stripe; Stripe::COUNT],
    /// Bits that must be 0 in the number of a call for the call to be sampled: a power of two, less
    /// one.
    sample_mask: AtomicU64,
    pending: Lock<Pending>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

/// The counts of a quarter of the threads. Separate cache lines keep threads from contending.
#[derive(Default)]
#[repr(align(128))]
struct Stripe {
    begun: AtomicU64,
    ended: [AtomicU64; Outcome::COUNT],
}

/// The figures that the recorder does not have yet.
struct Pending {
    samples: Vec<Sample>,
    /// The counts that the recorder has.
    recorded: [u64; Outcome::COUNT],
    recorded_at: Option<Instant>,
}

/// The outcome of a sampled call or request, and its duration in seconds.
pub(super) type Sample = (Outcome, f64);

static METHODS: Lock<Vec<&'static Method>> = Lock::new(Vec::new());

impl Stripe {
    const COUNT: usize = 4;
}

impl Method {
    /// Samples of one method between two visits of the publisher, which are at most a second apart.
    /// An exporter spends about 100 ns on each sample and keeps it until it is scraped, so a peer
    /// must not decide how many there are.
    const MAX_SAMPLES: usize = 2_048;

    pub(super) fn of(side: Side, name: &'static str) -> &'static Self {
        let mut methods = METHODS.lock();
        if let Some(known) = methods.iter().find(|method| method.side == side && method.name == name) {
            return known;
        }
        let method = Box::leak(Box::new(Self {
            side,
            name,
            stripes: Default::default(),
            sample_mask: AtomicU64::new(0),
            pending: Lock::new(Pending {
                samples: Self::sample_buffer(),
                recorded: [0; Outcome::COUNT],
                recorded_at: None,
            }),
        }));
        methods.push(method);
        method
    }

    /// Returns all methods.
    pub(super) fn all() -> Vec<&'static Self> {
        METHODS.lock().clone()
    }

    /// Returns an empty buffer with room for as many samples as a method keeps.
    pub(super) fn sample_buffer() -> Vec<Sample> {
        Vec::with_capacity(Self::MAX_SAMPLES)
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// Counts the start of a call or request. Returns whether it is sampled.
    pub(super) fn begin(&self) -> bool {
        self.stripe().begun.fetch_add(1, Ordering::Relaxed) & self.sample_mask.load(Ordering::Relaxed) == 0
    }

    pub(super) fn end(&self, outcome: Outcome, seconds: Option<f64>) {
        self.stripe().ended[outcome.index()].fetch_add(1, Ordering::Relaxed);
        let Some(seconds) = seconds else { return };
        let mut pending = self.pending.lock();
        if pending.samples.len() < Self::MAX_SAMPLES {
            pending.samples.push((outcome, seconds));
        }
        if pending.samples.len() == Self::MAX_SAMPLES {
            // More calls a second than ever before: sample half as many.
            let mask = self.sample_mask.load(Ordering::Relaxed);
            self.sample_mask.store((mask << 1 | 1).min(u64::from(u32::MAX)), Ordering::Relaxed);
        }
    }

    /// Passes the new figures to the recorder. `buffer` is from
    /// [`sample_buffer`](Self::sample_buffer) and is empty again afterwards.
    pub(super) fn publish(&self, buffer: &mut Vec<Sample>) {
        let mut new = [0; Outcome::COUNT];
        let mut pending = self.pending.lock();
        for (index, (recorded, new)) in pending.recorded.iter_mut().zip(&mut new).enumerate() {
            let count: u64 = self.stripes.iter().map(|stripe| stripe.ended[index].load(Ordering::Relaxed)).sum();
            // Another publisher may have read a later count before.
            *new = count.saturating_sub(*recorded);
            *recorded += *new;
        }
        mem::swap(&mut pending.samples, buffer);
        let recorded_at = pending.recorded_at.replace(now());
        drop(pending);
        if let Some(recorded_at) = recorded_at {
            self.adapt_sampling(new.iter().sum(), recorded_at);
        }
        for (outcome, count) in Outcome::all().zip(new).filter(|(_, count)| *count > 0) {
            self.counter(outcome).increment(count);
        }
        let mut histograms = [const { None }; Outcome::COUNT];
        for (outcome, seconds) in buffer.drain(..) {
            histograms[outcome.index()].get_or_insert_with(|| self.histogram(outcome)).record(seconds);
        }
    }

    /// Sets the sampling rate so that half of the allowed samples are taken if calls go on at the
    /// rate of the last interval, in which `count` calls ended.
    fn adapt_sampling(&self, count: u64, since: Instant) {
        const MIN_SECONDS: f64 = 0.5;

        let seconds = now().saturating_duration_since(since).as_secs_f64();
        // Several endpoints may publish shortly after each other. A short interval says too little.
        if seconds > MIN_SECONDS {
            let ratio = count as f64 / seconds / (Self::MAX_SAMPLES / 2) as f64;
            let one_in = (ratio.min(f64::from(u32::MAX)) as u64).max(1).next_power_of_two();
            self.sample_mask.store(one_in - 1, Ordering::Relaxed);
        }
    }

    fn counter(&self, outcome: Outcome) -> Counter {
        let labels = self.labels(outcome);
        match self.side {
            Side::Client => counter!(names::CLIENT_CALLS, labels),
            Side::Server => counter!(names::SERVER_CALLS, labels),
        }
    }

    fn histogram(&self, outcome: Outcome) -> Histogram {
        let labels = self.labels(outcome);
        match self.side {
            Side::Client => histogram!(names::CLIENT_CALL_DURATION, labels),
            Side::Server => histogram!(names::SERVER_CALL_DURATION, labels),
        }
    }

    fn labels(&self, outcome: Outcome) -> Vec<Label> {
        let mut labels = vec![
            Label::from_static_parts(names::SYSTEM_LABEL, names::SYSTEM),
            Label::from_static_parts(names::METHOD_LABEL, self.name),
        ];
        labels.extend(outcome.error().map(|error| Label::from_static_parts(names::ERROR_LABEL, error)));
        labels
    }

    fn stripe(&self) -> &Stripe {
        thread_local! {
            static STRIPE: usize = {
                static THREAD_COUNT: AtomicUsize = AtomicUsize::new(0);
                THREAD_COUNT.fetch_add(1, Ordering::Relaxed) % Stripe::COUNT
            };
        }
        // A thread that is ending counts in the first stripe.
        &self.stripes[STRIPE.try_with(|stripe| *stripe).unwrap_or_default()]
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_method_is_identified_by_side_and_name() {
        let method = Method::of(Side::Client, "known");
        assert!(std::ptr::eq(method, Method::of(Side::Client, "known")));
        assert!(!std::ptr::eq(method, Method::of(Side::Server, "known")));
        assert!(!std::ptr::eq(method, Method::of(Side::Client, "other")));
    }

    #[test]
    fn every_call_is_counted_and_samples_are_bounded() {
        let method = Method::of(Side::Client, "flooded");
        let mut buffer = Method::sample_buffer();
        let capacity = buffer.capacity();
        for _ in 0..1_000_000 {
            let sampled = method.begin();
            method.end(Outcome::Completed, sampled.then_some(0.001));
        }
        let sample_count = method.pending.lock().samples.len();
        assert!(sample_count <= Method::MAX_SAMPLES, "{sample_count}");
        method.publish(&mut buffer);
        assert_eq!(method.pending.lock().recorded[Outcome::Completed.index()], 1_000_000);
        assert!(buffer.is_empty());
        assert_eq!([buffer.capacity(), method.pending.lock().samples.capacity()], [capacity; 2]);
        // Fewer calls are sampled until a second with few calls has passed.
        assert!(method.sample_mask.load(Ordering::Relaxed) > 0);
        method.adapt_sampling(10, now().checked_sub(Duration::from_secs(1)).unwrap());
        assert_eq!(method.sample_mask.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn the_sampling_rate_follows_the_call_rate() {
        let method = Method::of(Side::Client, "sampled");
        let a_second_ago = now().checked_sub(Duration::from_secs(1)).unwrap();
        for (count, one_in) in [(0, 1), (1_000, 1), (2_047, 1), (3_000, 2), (100_000, 128), (1_000_000, 1_024)] {
            method.adapt_sampling(count, a_second_ago);
            assert_eq!(method.sample_mask.load(Ordering::Relaxed) + 1, one_in, "{count}");
        }
    }
}
