//! Measures retransmission on the simulated network, in virtual time: needless copies, requests per
//! success, and latencies. The figures depend on the seed and not on the machine.

mod path;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use self::path::{Outcome, Path};
use crate::measuring::{BoxError, Progress, publish};

/// The paths, and the calls on each.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Round trips without jitter, in milliseconds, separated by commas
    #[arg(long, value_name = "MILLISECONDS", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(0..=60_000), default_value = "1,10,40,100,300")]
    round_trips: Vec<u32>,
    /// Maximum jitter, in per cent of the round trip, separated by commas
    #[arg(long, value_name = "PERCENT", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(0..=1_000), default_value = "0,10,25,50")]
    jitter: Vec<u32>,
    /// Datagrams lost each way, in per cent, separated by commas
    #[arg(long, value_name = "PERCENT", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(0..=90), default_value = "0,1,10,30")]
    loss: Vec<u32>,
    /// Calls on each path [default: 10000, quick: 200]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    calls: Option<u32>,
    /// Calls in flight
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=10_000), default_value_t = 1)]
    in_flight: u32,
    /// Seed of losses, delays and retransmission times
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Make a short run to check that everything works; its figures are rough
    #[arg(long)]
    quick: bool,
    /// Write the table to this file as well as to standard output
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

/// A path and the outcome of the calls on it.
#[derive(Clone, Debug)]
struct Sample {
    path: Path,
    outcome: Outcome,
}

/// Measures, and prints the table.
///
/// # Errors
///
/// Returns an error if the table's file cannot be written.
pub(crate) fn run(options: &Options) -> Result<ExitCode, BoxError> {
    let call_count = options.calls.unwrap_or(if options.quick { 200 } else { 10_000 });
    let paths = options.paths();
    let progress = Progress::new(paths.len());
    let mut samples = Vec::new();
    for path in paths {
        progress.begin(&path.to_string());
        let outcome = path.measure(options.seed, call_count, options.in_flight)?;
        progress.end(&format!("{path}  {:.3} requests per success", outcome.requests_per_success()));
        samples.push(Sample { path, outcome });
    }
    drop(progress);
    publish(&table::render(&samples, &options.loss, options), options.markdown.as_ref())?;
    // No call may fail: its timeout is longer than any series of losses.
    let failed: u32 = samples.iter().map(|sample| sample.outcome.failed).sum();
    Ok(if failed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

impl Options {
    /// Returns the paths, ordered by round trip, then jitter, then loss.
    fn paths(&self) -> Vec<Path> {
        let mut paths = Vec::new();
        for &round_trip_ms in &self.round_trips {
            for &jitter_percent in &self.jitter {
                let path = |&loss_percent: &u32| Path { round_trip_ms, jitter_percent, loss_percent };
                paths.extend(self.loss.iter().map(path));
            }
        }
        paths
    }
}
