use std::fs;
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};

/// The processor time used so far, by this process and by all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProcessorTime {
    /// The time that this process used, in user and system mode.
    ours: Duration,
    /// The time that all processes on this machine used, and the time that other machines on its
    /// host took. Zero if the system does not report it.
    all: Duration,
}

impl ProcessorTime {
    /// Reads the processor time used until now.
    pub(crate) fn now() -> Self {
        let usage = getrusage(UsageWho::RUSAGE_SELF).expect("a process can read its own resource usage");
        let micros = [usage.user_time(), usage.system_time()].map(|time| time.tv_sec() * 1_000_000 + time.tv_usec());
        let ours = Duration::from_micros(micros.iter().sum::<i64>().unsigned_abs());
        let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
        Self { ours, all: busy(&stat).unwrap_or_default() }
    }

    /// Returns the processor time that this process used since `begin`.
    pub(crate) fn ours_since(self, begin: Self) -> Duration {
        self.ours.saturating_sub(begin.ours)
    }

    /// Returns the processor time that others used since `begin`.
    pub(crate) fn others_since(self, begin: Self) -> Duration {
        self.all.saturating_sub(begin.all).saturating_sub(self.ours_since(begin))
    }
}

/// Returns the time that the cores have been busy, from the first line of `/proc/stat`.
fn busy(stat: &str) -> Option<Duration> {
    let mut ticks = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace().map(str::parse);
    let mut next = || ticks.next()?.ok();
    let [user, nice, system, _idle, _wait, interrupts, soft_interrupts, stolen]: [u64; 8] =
        [next()?, next()?, next()?, next()?, next()?, next()?, next()?, next()?];
    Some(Duration::from_millis((user + nice + system + interrupts + soft_interrupts + stolen) * MILLIS_PER_TICK))
}

/// The unit of `/proc/stat`: a hundredth of a second, independent of the kernel's own tick.
const MILLIS_PER_TICK: u64 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busy_time_excludes_idle_and_waiting_time() {
        let stat = "cpu  1 20 300 4000 50000 600000 7000000 80000000 9 9\ncpu0 1 1 1 1 1 1 1 1 1 1\n";
        assert_eq!(busy(stat), Some(Duration::from_millis(876_003_210)));
        assert_eq!(busy(""), None);
        assert_eq!(busy("cpu  1 2 3"), None);
    }
}
