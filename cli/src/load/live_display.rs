use std::collections::VecDeque;
use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::histogram;
use super::tally::{Tally, per_second};
use crate::output::grouped;

/// A progress bar with the calls per second and the histogram below it. Printed to standard error,
/// and only if that is a terminal.
pub(crate) struct LiveDisplay {
    bar: ProgressBar,
    /// The times and response counts of the latest drawings, from which the current rate is
    /// computed.
    recent: Mutex<VecDeque<(Duration, u64)>>,
}

impl LiveDisplay {
    /// The number of drawings over which the current rate is computed.
    const RECENT: usize = 5;

    pub(crate) fn new(planned: Duration, is_quiet: bool) -> Self {
        if is_quiet || !std::io::stderr().is_terminal() {
            return Self::with_target(ProgressDrawTarget::hidden(), planned);
        }
        Self::with_target(ProgressDrawTarget::stderr(), planned)
    }

    fn with_target(target: ProgressDrawTarget, planned: Duration) -> Self {
        let bar = ProgressBar::with_draw_target(Some(millis(planned)), target);
        let style = ProgressStyle::with_template("{prefix} [{bar:40.cyan}] {percent:>3}%\n{msg}");
        bar.set_style(style.expect("the template is well-formed").progress_chars("=> "));
        Self { bar, recent: Mutex::default() }
    }

    pub(crate) fn draw(&self, total: &Tally, elapsed: Duration) {
        let responses = total.response_count();
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.push_back((elapsed, responses));
        if recent.len() > Self::RECENT + 1 {
            recent.pop_front();
        }
        let (from, before) = recent[0];
        let now = per_second(responses - before, elapsed.saturating_sub(from));
        let [now, average] = [now, per_second(responses, elapsed)].map(|rate| grouped(rate.round() as u64));
        let mut lines = vec![format!("{now} calls a second now, {average} on average")];
        let lost = total.count() - responses;
        if lost > 0 {
            lines.push(format!("{lost} calls lost"));
        }
        if responses > 0 {
            lines.push(total.latencies.summary());
            lines.extend(histogram::lines(&total.latencies));
        }
        self.bar.set_prefix(format!("{:>5.1} s", elapsed.as_secs_f64()));
        self.bar.set_message(lines.join("\n"));
        self.bar.set_position(millis(elapsed));
        self.bar.tick();
    }

    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use indicatif::{InMemoryTerm, TermLike};

    use super::*;
    use crate::outcome::Outcome;

    #[test]
    fn the_rate_and_the_histogram_are_drawn_and_cleared() {
        let term = InMemoryTerm::new(20, 100);
        let live = LiveDisplay::with_target(
            ProgressDrawTarget::term_like_with_hz(Box::new(term.clone()), 255),
            Duration::from_secs(10),
        );
        let mut tally = Tally::new();
        for second in 1..=5 {
            for _ in 0..200 * second {
                tally.record(Outcome { name: "answered", is_response: true }, Duration::from_micros(70), None);
            }
            live.draw(&tally, Duration::from_secs(second));
        }
        // The draw target skips drawings in quick succession, including the last one.
        live.bar.force_draw();
        let drawn = term.contents();
        let lines: Vec<_> = drawn.lines().collect();
        assert!(lines[0].starts_with("  5.0 s [====================>"), "{drawn}");
        assert!(lines[0].ends_with("50%"), "{drawn}");
        assert_eq!(lines[1], "700 calls a second now, 600 on average");
        assert!(lines[2].starts_with("min 0.0"), "{drawn}");
        assert_eq!(lines[3], format!("  50 µs to  100 µs |{}| 100.00%", "█".repeat(40)));
        live.clear();
        assert_eq!(term.contents(), "");
        assert_eq!(term.width(), 100);
    }
}
