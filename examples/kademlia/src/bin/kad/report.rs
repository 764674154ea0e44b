use std::fs;
use std::time::Duration;

use rpcudp_kademlia::swarm::FindReport;
use serde_json::json;

use crate::options::SwarmOptions;

/// What came of a swarm.
pub(crate) struct Report<'a> {
    pub(crate) options: &'a SwarmOptions,
    /// How long it took, by the clock on the wall.
    pub(crate) joining: Duration,
    pub(crate) setting: Duration,
    pub(crate) finding: Duration,
    pub(crate) looking_up: Duration,
    pub(crate) findings: FindReport,
    pub(crate) lookup_hops: Vec<u32>,
    /// How many requests these lookups have made.
    pub(crate) lookup_requests: u64,
    /// Bytes of memory that each node took after all had joined, where the system says.
    pub(crate) memory_len: Option<u64>,
    pub(crate) datagram_count: u64,
    pub(crate) contacts_per_node: u64,
}

impl Report<'_> {
    pub(crate) fn print(&self, as_json: bool) {
        let Self { options, findings, .. } = self;
        let (mut hops, mut times) = (findings.hops.clone(), findings.times.clone());
        let (hop, time) = (Quantiles::of(&mut hops), Quantiles::of(&mut times));
        let mean_hops = mean(&findings.hops);
        if as_json {
            let lookups = json!({
                "count": self.lookup_hops.len(),
                "seconds": self.looking_up.as_secs_f64(),
                "per_second": per_second(self.lookup_hops.len(), self.looking_up),
                "mean_hops": mean(&self.lookup_hops),
                "mean_requests": self.requests_each(),
            });
            let report = json!({
                "nodes": options.nodes,
                "simulated": options.simulated,
                "seed": options.seed,
                "loss": options.loss,
                "joining_seconds": self.joining.as_secs_f64(),
                "set": options.keys,
                "setting_seconds": self.setting.as_secs_f64(),
                "found": findings.found_count(),
                "missing": findings.missing,
                "finding_seconds": self.finding.as_secs_f64(),
                "hops": { "median": hop.median, "p99": hop.p99, "mean": mean_hops },
                "latency_ms": { "median": millis(time.median), "p99": millis(time.p99) },
                "lookups": lookups,
                "datagrams": self.datagram_count,
                "contacts_per_node": self.contacts_per_node,
                "bytes_per_node": self.memory_len,
            });
            println!("{report}");
            return;
        }
        let place = if options.simulated { "a simulated network" } else { "loopback" };
        println!("{} nodes on {place}, seed {}", options.nodes, options.seed);
        println!("  joined    in {:.1?}", self.joining);
        println!("  set       {} keys in {:.1?}", options.keys, self.setting);
        let missing = match findings.missing.len() {
            0 => "none missing".into(),
            count => format!("{count} missing"),
        };
        println!("  found     {} of {} in {:.1?}, {missing}", findings.found_count(), options.keys, self.finding);
        println!("  hops      median {}, p99 {}, mean {mean_hops:.2}", hop.median, hop.p99);
        let time_kind = if options.simulated { " of virtual time" } else { "" };
        println!("  latency   median {:.1?}, p99 {:.1?}{time_kind}", time.median, time.p99);
        if !self.lookup_hops.is_empty() {
            let (count, each) = (self.lookup_hops.len(), per_second(self.lookup_hops.len(), self.looking_up));
            let requests = self.requests_each();
            println!("  lookups   {count} in {:.1?}: {each:.0} a second, {requests:.1} requests each", self.looking_up);
        }
        println!("  datagrams {}", self.datagram_count);
        println!("  contacts  {} in a table", self.contacts_per_node);
        if let Some(len) = self.memory_len {
            println!("  memory    {} KiB for each node", len >> 10);
        }
    }

    fn requests_each(&self) -> f64 {
        self.lookup_requests as f64 / self.lookup_hops.len().max(1) as f64
    }
}

#[derive(Default)]
struct Quantiles<T> {
    median: T,
    p99: T,
}

impl<T: Ord + Copy + Default> Quantiles<T> {
    fn of(samples: &mut [T]) -> Self {
        samples.sort_unstable();
        let at = |hundredths: usize| samples.get((samples.len() * hundredths / 100).min(samples.len().wrapping_sub(1)));
        Self { median: at(50).copied().unwrap_or_default(), p99: at(99).copied().unwrap_or_default() }
    }
}

/// How much memory this process has in use, where the system says.
pub(crate) fn resident_len() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib << 10)
}

fn mean(hops: &[u32]) -> f64 {
    hops.iter().copied().map(f64::from).sum::<f64>() / hops.len().max(1) as f64
}

fn per_second(count: usize, elapsed: Duration) -> f64 {
    if count == 0 { 0.0 } else { count as f64 / elapsed.as_secs_f64() }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
