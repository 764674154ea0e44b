use std::fs;
use std::io::{self, Write};
use std::time::Duration;

use rpcudp_kademlia::swarm::FindReport;
use serde_json::json;

use crate::options::SwarmOptions;

/// The measurements of a swarm.
pub(crate) struct Report<'a> {
    pub(crate) options: &'a SwarmOptions,
    /// The wall-clock time until all nodes had joined.
    pub(crate) join_time: Duration,
    pub(crate) set_time: Duration,
    pub(crate) find_time: Duration,
    pub(crate) lookup_time: Duration,
    pub(crate) find_report: FindReport,
    pub(crate) lookup_hops: Vec<u32>,
    /// The number of queries that the lookups of random ids have sent.
    pub(crate) lookup_queries: u64,
    /// The bytes of memory for each node after all had joined, if the system reports it.
    pub(crate) memory_len: Option<u64>,
    pub(crate) datagram_count: u64,
    pub(crate) contacts_per_node: u64,
}

impl Report<'_> {
    pub(crate) fn print(&self, out: &mut impl Write, as_json: bool) -> io::Result<()> {
        let Self { options, find_report, .. } = self;
        let (mut hops, mut times) = (find_report.hops.clone(), find_report.times.clone());
        let (hop, time) = (Quantiles::of(&mut hops), Quantiles::of(&mut times));
        let mean_hops = mean(&find_report.hops);
        if as_json {
            let lookups = json!({
                "count": self.lookup_hops.len(),
                "seconds": self.lookup_time.as_secs_f64(),
                "per_second": per_second(self.lookup_hops.len(), self.lookup_time),
                "mean_hops": mean(&self.lookup_hops),
                "mean_requests": self.queries_each(),
            });
            let report = json!({
                "nodes": options.nodes,
                "simulated": options.simulated,
                "seed": options.seed,
                "loss": options.loss,
                "joining_seconds": self.join_time.as_secs_f64(),
                "set": options.keys,
                "setting_seconds": self.set_time.as_secs_f64(),
                "found": find_report.found_count(),
                "missing": find_report.missing,
                "finding_seconds": self.find_time.as_secs_f64(),
                "hops": { "median": hop.median, "p99": hop.p99, "mean": mean_hops },
                "latency_ms": { "median": millis(time.median), "p99": millis(time.p99) },
                "lookups": lookups,
                "datagrams": self.datagram_count,
                "contacts_per_node": self.contacts_per_node,
                "bytes_per_node": self.memory_len,
            });
            return writeln!(out, "{report}");
        }
        let network = if options.simulated { "a simulated network" } else { "loopback" };
        writeln!(out, "{} nodes on {network}, seed {}", options.nodes, options.seed)?;
        writeln!(out, "  joined    in {:.1?}", self.join_time)?;
        writeln!(out, "  set       {} keys in {:.1?}", options.keys, self.set_time)?;
        let missing = match find_report.missing.len() {
            0 => "none missing".into(),
            count => format!("{count} missing"),
        };
        writeln!(
            out,
            "  found     {} of {} in {:.1?}, {missing}",
            find_report.found_count(),
            options.keys,
            self.find_time
        )?;
        writeln!(out, "  hops      median {}, p99 {}, mean {mean_hops:.2}", hop.median, hop.p99)?;
        let time_kind = if options.simulated { " of virtual time" } else { "" };
        writeln!(out, "  latency   median {:.1?}, p99 {:.1?}{time_kind}", time.median, time.p99)?;
        if !self.lookup_hops.is_empty() {
            let (count, each) = (self.lookup_hops.len(), per_second(self.lookup_hops.len(), self.lookup_time));
            let queries = self.queries_each();
            writeln!(
                out,
                "  lookups   {count} in {:.1?}: {each:.0} a second, {queries:.1} queries each",
                self.lookup_time
            )?;
        }
        writeln!(out, "  datagrams {}", self.datagram_count)?;
        writeln!(out, "  contacts  {} in each routing table", self.contacts_per_node)?;
        if let Some(len) = self.memory_len {
            writeln!(out, "  memory    {} KiB for each node", len >> 10)?;
        }
        out.flush()
    }

    fn queries_each(&self) -> f64 {
        self.lookup_queries as f64 / self.lookup_hops.len().max(1) as f64
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

/// Returns the resident memory of this process in bytes, if the system reports it.
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
