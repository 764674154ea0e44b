use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rpcudp::Progress;
use tokio::time::{Instant, interval_at};

use crate::output::grouped;

/// A progress bar of the request and the response of a call. Printed to standard error, and only if
/// that is a terminal and the call takes a while.
pub(crate) struct TransferDisplay {
    bar: ProgressBar,
    /// The progress of the latest call.
    latest: Mutex<Option<Progress>>,
}

/// The bytes of a message that have passed, and of the whole.
#[derive(Clone, Copy, Debug)]
struct Passed {
    len: u64,
    total: u64,
}

impl TransferDisplay {
    /// The time between two drawings, and before the first.
    const REDRAW_INTERVAL: Duration = Duration::from_millis(200);

    /// The length of the shortest message that has a bar. Shorter ones pass at once.
    const MIN_LEN: u64 = 64 << 10;

    pub(crate) fn new(is_quiet: bool) -> Self {
        if is_quiet || !std::io::stderr().is_terminal() {
            return Self::with_target(ProgressDrawTarget::hidden());
        }
        Self::with_target(ProgressDrawTarget::stderr())
    }

    fn with_target(target: ProgressDrawTarget) -> Self {
        let bar = ProgressBar::with_draw_target(None, target);
        let style = ProgressStyle::with_template("{prefix:>8} [{bar:40.cyan}] {bytes} of {total_bytes}");
        bar.set_style(style.expect("the template is well-formed").progress_chars("=> "));
        Self { bar, latest: Mutex::default() }
    }

    /// Draws the progress of a call until it has ended.
    pub(crate) fn follow(&self, progress: Progress) {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(progress.clone());
        let bar = self.bar.clone();
        tokio::spawn(async move {
            let mut ticks = interval_at(Instant::now() + Self::REDRAW_INTERVAL, Self::REDRAW_INTERVAL);
            while !progress.is_ended() {
                ticks.tick().await;
                let [sent, received] = Passed::of(&progress);
                draw(&bar, sent, received);
            }
        });
    }

    /// Ends the display. Returns advice for the latest call if it has timed out during the transfer
    /// of a large message.
    pub(crate) fn finish(&self) -> Option<String> {
        self.bar.finish_and_clear();
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let [sent, received] = Passed::of(latest.as_ref()?);
        timeout_advice(sent, received)
    }
}

impl Passed {
    /// Returns the progress of the request and of the response, as far as their lengths are known.
    fn of(progress: &Progress) -> [Option<Self>; 2] {
        let passed = |len, total: Option<u64>| total.map(|total| Self { len, total });
        [passed(progress.sent(), progress.request_len()), passed(progress.received(), progress.response_len())]
    }

    fn is_large(self) -> bool {
        self.total >= TransferDisplay::MIN_LEN
    }
}

/// Draws the response if it has begun to arrive, and else the request.
fn draw(bar: &ProgressBar, sent: Option<Passed>, received: Option<Passed>) {
    let (prefix, message) = if received.is_some() { ("received", received) } else { ("sent", sent) };
    let Some(Passed { len, total }) = message.filter(|message| message.is_large()) else { return };
    if !bar.is_finished() {
        bar.set_prefix(prefix);
        bar.set_length(total);
        bar.set_position(len);
        bar.tick();
    }
}

/// The largest message that a peer takes by default, in bytes.
const DEFAULT_MAX_LEN: u64 = 16 << 20;

/// Returns advice for a call that has timed out before a large message had passed.
fn timeout_advice(sent: Option<Passed>, received: Option<Passed>) -> Option<String> {
    let (passed, message) = if received.is_some() { (received?, "response") } else { (sent?, "request") };
    let is_unfinished = passed.is_large() && passed.len < passed.total;
    is_unfinished.then(|| {
        let [len, total] = [passed.len, passed.total].map(grouped);
        let advice = format!("{len} of {total} bytes of the {message} had passed: pass more time with --timeout");
        if passed.total <= DEFAULT_MAX_LEN {
            return advice;
        }
        format!("{advice}; a peer takes at most 16 MiB unless its `LinkOptions::max_message_len` is larger")
    })
}

#[cfg(test)]
mod tests {
    use indicatif::InMemoryTerm;

    use super::*;

    #[test]
    fn bar_shows_the_request_and_then_the_response() {
        let term = InMemoryTerm::new(20, 100);
        let target = ProgressDrawTarget::term_like_with_hz(Box::new(term.clone()), 255);
        let display = TransferDisplay::with_target(target);
        let [small, large] = [1_000, 4 << 20].map(|total| Some(Passed { len: total / 2, total }));
        draw(&display.bar, small, None);
        assert_eq!(term.contents(), "");
        draw(&display.bar, large, None);
        display.bar.force_draw();
        assert!(term.contents().starts_with("    sent [====================>"), "{}", term.contents());
        assert!(term.contents().ends_with("] 2.00 MiB of 4.00 MiB"), "{}", term.contents());
        draw(&display.bar, large, large);
        display.bar.force_draw();
        assert!(term.contents().starts_with("received ["), "{}", term.contents());
        assert_eq!(display.finish(), None, "no call was made");
        assert_eq!(term.contents(), "");
        draw(&display.bar, large, None);
        assert_eq!(term.contents(), "", "a late drawing does not show the bar again");
    }

    #[test]
    fn timeout_in_a_transfer_advises_more_time() {
        let advice = |sent: (u64, u64), received: Option<(u64, u64)>| {
            let passed = |(len, total)| Passed { len, total };
            timeout_advice(Some(passed(sent)), received.map(passed))
        };
        let time = "pass more time with --timeout";
        let expected = format!("65,536 of 1,000,000 bytes of the request had passed: {time}");
        assert_eq!(advice((65_536, 1_000_000), None), Some(expected));
        let expected = format!("1 of 70,000 bytes of the response had passed: {time}");
        assert_eq!(advice((10, 10), Some((1, 70_000))), Some(expected));
        let too_large = advice((65_536, 17 << 20), None).unwrap();
        assert!(too_large.ends_with("a peer takes at most 16 MiB unless its `LinkOptions::max_message_len` is larger"));
        assert_eq!((advice((1_000_000, 1_000_000), None), advice((0, 100), None)), (None, None));
    }
}
