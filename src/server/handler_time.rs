//! The time between the arrival of a request and its response, which the response reports.

use std::time::{Duration, Instant};

use rpcudp_core::Trailer;

use crate::clock::now;

/// Returns the time since a request arrived, if it is long enough to be reported.
pub(crate) fn since(arrived: Instant) -> Option<Duration> {
    Some(now().saturating_duration_since(arrived)).filter(|elapsed| *elapsed >= Trailer::MIN_HANDLER_TIME)
}

/// A clock for requests that the receive loop answers, which arrived together.
///
/// Reading the time costs 22 to 35 ns, and a batch of quick methods takes some 300 ns for each. So
/// while no time is long enough to be reported, only every eighth response reads it. After one that
/// is, all others of the batch do.
#[derive(Debug)]
pub(crate) struct BatchClock {
    arrived: Instant,
    /// The number of responses until the time is read again.
    skip_count: u8,
}

impl BatchClock {
    const MAX_SKIP_COUNT: u8 = 7;

    pub(crate) fn new() -> Self {
        Self { arrived: now(), skip_count: 0 }
    }

    /// Sets the time at which the next request arrived. Another time begins another batch.
    pub(crate) fn set_arrived(&mut self, arrived: Instant) {
        if self.arrived != arrived {
            *self = Self { arrived, skip_count: 0 };
        }
    }

    /// Returns the handler's time for the response that is about to be written.
    pub(crate) fn handler_time(&mut self) -> Option<Duration> {
        if self.skip_count > 0 {
            self.skip_count -= 1;
            return None;
        }
        let time = since(self.arrived);
        self.skip_count = if time.is_some() { 0 } else { Self::MAX_SKIP_COUNT };
        time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn quick_batch_reads_the_time_at_every_eighth_response_and_a_slow_one_at_each() {
        let mut clock = BatchClock::new();
        clock.set_arrived(now());
        let mut times = Vec::new();
        for _ in 0..20 {
            times.push(clock.handler_time().map(|time| time.as_micros()));
            tokio::time::advance(Duration::from_micros(125)).await;
        }
        let slow = (16..20).map(|index| Some(index * 125));
        assert!(times[..8].iter().all(Option::is_none));
        assert_eq!(times[8], Some(1_000));
        assert!(times[9..16].iter().all(Option::is_some) && times[16..].iter().copied().eq(slow));
        clock.set_arrived(now());
        assert_eq!(clock.handler_time(), None, "another batch");
    }
}
