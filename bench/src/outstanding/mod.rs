//! Measures a very large number of pending calls to silent peers: the memory and processor time of
//! each, and whether all time out on time.

mod round;

use std::env;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use clap::Args;

use self::round::Outcome;
use crate::measuring::{BoxError, Machine, Progress, publish, spread};

/// The number of calls and peers, and the timeout.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Number of calls in flight at once [default: 1000000, quick: 100000]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    calls: Option<u32>,
    /// Timeout of each call in seconds; all calls must begin within this time
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=600), default_value_t = 5)]
    timeout: u32,
    /// Number of silent peers
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1_000_000), default_value_t = 1_000)]
    peers: u32,
    /// Payload of each call in bytes
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(0..=8_180), default_value_t = 32)]
    size: u32,
    /// Number of rounds, each in a process of its own [default: 3, quick: 1]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    /// Make a short run to check that everything works; its figures are rough
    #[arg(long)]
    quick: bool,
    /// Write the table to this file as well as to standard output
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Run one round in this process, and print its outcome for the parent process
    #[arg(long, hide = true)]
    one_round: bool,
}

impl Options {
    fn calls(&self) -> usize {
        self.calls.unwrap_or(if self.quick { 100_000 } else { 1_000_000 }) as usize
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout.into())
    }
}

/// The rows of the table, with their formatting.
const ROWS: [Row; 12] = [
    Row { title: "calls in flight at once", decimals: 0, value: |outcome| outcome.at_once as f64 },
    Row { title: "seconds until all had begun", decimals: 2, value: |outcome| outcome.begin_seconds },
    Row { title: "resident bytes per call, in total", decimals: 0, value: |outcome| outcome.resident_per_call },
    Row {
        title: "of these, the future that the caller holds",
        decimals: 0,
        value: |outcome| outcome.future_len as f64,
    },
    Row {
        title: "length of the request's datagram, which is not kept",
        decimals: 0,
        value: |outcome| outcome.datagram_len as f64,
    },
    Row {
        title: "CPU while all were pending, % of one core",
        decimals: 1,
        value: |outcome| outcome.waiting_cpu * 100.0,
    },
    Row { title: "CPU until all had ended, us per call", decimals: 2, value: |outcome| outcome.ending_cpu_micros },
    Row { title: "seconds from the first end to the last", decimals: 2, value: |outcome| outcome.end_seconds },
    Row { title: "timeout late by, p50 ms", decimals: 2, value: |outcome| outcome.late_millis[0] },
    Row { title: "timeout late by, p99 ms", decimals: 2, value: |outcome| outcome.late_millis[1] },
    Row { title: "timeout late by, maximum ms", decimals: 2, value: |outcome| outcome.late_millis[2] },
    Row { title: "calls that ended early or without a timeout", decimals: 0, value: |outcome| outcome.failed as f64 },
];

#[derive(Clone, Copy, Debug)]
struct Row {
    title: &'static str,
    decimals: usize,
    value: fn(&Outcome) -> f64,
}

/// Measures, and prints the table.
///
/// # Errors
///
/// Returns an error if a round fails, or if the table's file cannot be written.
pub(crate) fn run(options: &Options) -> Result<ExitCode, BoxError> {
    if options.one_round {
        let outcome = round::run(options.calls(), options.peers, options.size as usize, options.timeout())?;
        println!("{}", serde_json::to_string(&outcome)?);
        return Ok(ExitCode::SUCCESS);
    }
    let machine = Machine::this();
    let rounds = options.rounds.unwrap_or(if options.quick { 1 } else { 3 });
    let progress = Progress::new(rounds as usize);
    let mut outcomes = Vec::new();
    for round in 1..=rounds {
        progress.begin(&format!("round {round}/{rounds}"));
        let outcome = run_in_child_process()?;
        let Outcome { at_once, resident_per_call, late_millis: [p50, _, max], .. } = outcome;
        progress.end(&format!(
            "round {round}/{rounds}  {at_once} at once  {resident_per_call:.0} bytes each  late by {p50:.1} ms, maximum \
             {max:.1}"
        ));
        outcomes.push(outcome);
    }
    drop(progress);

    let (calls, peers, timeout, size) = (options.calls(), options.peers, options.timeout(), options.size);
    let mut text =
        format!("{machine}\n{calls} calls of {size} bytes to {peers} silent peers, timeout {timeout:?}.\n\n");
    text += "| | |\n| --- | --- |\n";
    for Row { title, decimals, value } in ROWS {
        writeln!(text, "| {title} | {} |", spread(outcomes.iter().map(value), decimals))?;
    }
    let mut failures = Vec::new();
    for outcome in &outcomes {
        if outcome.at_once + outcome.failed < calls {
            failures.push(format!(
                "FAILED: {} calls were in flight at once instead of {calls}: the first timed out before the last began. \
                 Use a longer --timeout.",
                outcome.at_once
            ));
        }
        if let Some(error) = &outcome.first_failure {
            failures
                .push(format!("FAILED: {} calls ended early or without a timeout; the first: {error}", outcome.failed));
        }
    }
    for failure in &failures {
        writeln!(text, "\n{failure}")?;
    }
    publish(&text, options.markdown.as_ref())?;
    Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs a round in a process of its own. In one process, a round would reuse the memory that the
/// round before it freed, and the growth would not show.
fn run_in_child_process() -> Result<Outcome, BoxError> {
    let mut command = Command::new(env::current_exe()?);
    command.args(env::args_os().skip(1)).arg("--one-round").stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command.output()?;
    if !output.status.success() {
        return Err(format!("a round ended with {}", output.status).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
