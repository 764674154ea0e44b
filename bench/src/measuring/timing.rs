use std::time::Duration;

use clap::Args;

/// The number of rounds, the times of each cell, and the conditions under which samples count.
#[derive(Args, Clone, Debug)]
pub(crate) struct Timing {
    /// Number of rounds, each of which measures every cell once [default: 5, quick: 2]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    /// Measured time of each cell, in seconds [default: 2, quick: 0.3]
    #[arg(long, value_parser = seconds)]
    seconds: Option<Duration>,
    /// Unmeasured time before that, in seconds [default: 0.5, quick: 0.1]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    warm_up: Option<Duration>,
    /// Make a short run to check that everything works; its figures are rough
    #[arg(long)]
    pub(crate) quick: bool,
    /// Cores count as near if a cache line makes a round trip between them in less than this
    #[arg(long, value_name = "NANOSECONDS", default_value_t = 200)]
    near_below: u64,
    /// Samples count if other processes used no more than this of one core meanwhile, in per cent
    #[arg(long, value_name = "PERCENT", default_value_t = 5)]
    max_others: u32,
}

impl Timing {
    pub(crate) fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.quick { 2 } else { 5 }) as usize
    }

    pub(crate) fn window(&self) -> Duration {
        self.seconds.unwrap_or_else(|| Duration::from_millis(if self.quick { 300 } else { 2000 }))
    }

    pub(crate) fn warm_up(&self) -> Duration {
        self.warm_up.unwrap_or_else(|| Duration::from_millis(if self.quick { 100 } else { 500 }))
    }

    pub(crate) fn near_below(&self) -> Duration {
        Duration::from_nanos(self.near_below)
    }

    /// Returns the limit on other processes as a share of one core.
    pub(crate) fn max_others(&self) -> f64 {
        f64::from(self.max_others) / 100.0
    }
}

#[cfg(test)]
impl Default for Timing {
    fn default() -> Self {
        use clap::Parser;

        #[derive(Parser)]
        struct Line {
            #[command(flatten)]
            timing: Timing,
        }

        Line::parse_from(["bench"]).timing
    }
}

/// Parses a number of seconds above zero.
///
/// # Errors
///
/// Returns a message for the user.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let duration = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    duration
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| format!("{text:?} is not a number of seconds above 0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_must_be_above_zero() {
        assert_eq!(seconds("0.25"), Ok(Duration::from_millis(250)));
        for text in ["0", "-1", "a", "", "inf", "NaN"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
