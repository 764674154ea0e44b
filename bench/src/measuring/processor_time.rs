use std::fs;
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};

/// Processor time that has been used, by whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProcessorTime {
    /// By this process, in user and system mode.
    ours: Duration,
    /// By everyone on this machine, and by other machines on its host. Nothing where the system does not say.
    all: Duration,
}

impl ProcessorTime {
    /// What has been used until now.
    pub(crate) fn now() -> Self {
        let usage = getrusage(UsageWho::RUSAGE_SELF).expect("the system knows what this process has used");
        let micros = [usage.user_time(), usage.system_time()].map(|time| time.tv_sec() * 1_000_000 + time.tv_usec());
        let ours = Duration::from_micros(micros.iter().sum::<i64>().unsigned_abs());
        let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
        Self { ours, all: busy(&stat).unwrap_or_default() }
    }

    /// What this process has used since then.
    pub(crate) fn ours_since(self, begin: Self) -> Duration {
        self.ours.saturating_sub(begin.ours)
    }

    /// What others have used since then.
    pub(crate) fn others_since(self, begin: Self) -> Duration {
        self.all.saturating_sub(begin.all).saturating_sub(self.ours_since(begin))
    }
}

/// How long the cores have been busy, according to the first line of `/proc/stat`.
fn busy(stat: &str) -> Option<Duration> {
    let mut ticks = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace().map(str::parse);
    let mut next = || ticks.next()?.ok();
    let [user, nice, system, _idle, _wait, interrupts, soft_interrupts, stolen]: [u64; 8] =
        [next()?, next()?, next()?, next()?, next()?, next()?, next()?, next()?];
    Some(Duration::from_millis((user + nice + system + interrupts + soft_interrupts + stolen) * MILLIS_PER_TICK))
}

/// Linux counts in hundredths of a second here, whatever its own clock ticks.
const MILLIS_PER_TICK: u64 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cores_are_busy_when_they_neither_idle_nor_wait() {
        let stat = "cpu  1 20 300 4000 50000 600000 7000000 80000000 9 9\ncpu0 1 1 1 1 1 1 1 1 1 1\n";
        assert_eq!(busy(stat), Some(Duration::from_millis(876_003_210)));
        assert_eq!(busy(""), None);
        assert_eq!(busy("cpu  1 2 3"), None);
    }
}
