//! Very many calls that wait at once for peers that say nothing: what each takes, and whether all end on time.

mod round;

use std::env;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use clap::Args;

use self::round::Outcome;
use crate::measuring::{BoxError, Machine, Progress, publish, spread};

/// How many calls wait, for whom, and for how long.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// How many calls wait at once [default: 1000000, quick: 100000]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    calls: Option<u32>,
    /// For how many seconds each waits; all have to begin within that time
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=600), default_value_t = 5)]
    timeout: u32,
    /// For how many peers they wait
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1_000_000), default_value_t = 1_000)]
    peers: u32,
    /// Bytes that each sends
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(0..=8_180), default_value_t = 32)]
    size: u32,
    /// How often all of that is done, each time in a process of its own [default: 3, quick: 1]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    /// A short run that shows that everything works; its figures are rough
    #[arg(long)]
    quick: bool,
    /// Where the table goes, besides standard output
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Does one round in this process and prints what came of it for the process that asked
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

/// What is shown of the rounds, how, and with how many decimals.
const ROWS: [Row; 12] = [
    Row { title: "calls that waited at once", decimals: 0, value: |outcome| outcome.at_once as f64 },
    Row { title: "seconds until all had begun", decimals: 2, value: |outcome| outcome.begin_seconds },
    Row { title: "resident bytes per call, all included", decimals: 0, value: |outcome| outcome.resident_per_call },
    Row {
        title: "of these, the future that its caller holds",
        decimals: 0,
        value: |outcome| outcome.future_len as f64,
    },
    Row {
        title: "the request's datagram, which is not kept",
        decimals: 0,
        value: |outcome| outcome.datagram_len as f64,
    },
    Row { title: "CPU while they waited, % of one core", decimals: 1, value: |outcome| outcome.waiting_cpu * 100.0 },
    Row { title: "CPU until all had ended, us per call", decimals: 2, value: |outcome| outcome.ending_cpu_micros },
    Row { title: "seconds from the first end to the last", decimals: 2, value: |outcome| outcome.end_seconds },
    Row { title: "how late they ended, p50 ms", decimals: 2, value: |outcome| outcome.late_millis[0] },
    Row { title: "how late they ended, p99 ms", decimals: 2, value: |outcome| outcome.late_millis[1] },
    Row { title: "how late they ended, at most, ms", decimals: 2, value: |outcome| outcome.late_millis[2] },
    Row { title: "ended otherwise or early", decimals: 0, value: |outcome| outcome.failed as f64 },
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
/// Where a round cannot be done, or the table's file cannot be written.
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
        let outcome = in_another_process()?;
        let Outcome { at_once, resident_per_call, late_millis: [p50, _, max], .. } = outcome;
        progress.end(&format!(
            "round {round}/{rounds}  {at_once} at once  {resident_per_call:.0} bytes each  late by {p50:.1} ms, at most \
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
    let mut complaints = Vec::new();
    for outcome in &outcomes {
        if outcome.at_once + outcome.failed < calls {
            complaints.push(format!(
                "FAILED: {} calls waited at once and not {calls}: the first timed out before the last began. A longer \
                 --timeout gives more time to begin.",
                outcome.at_once
            ));
        }
        if let Some(fault) = &outcome.first_failure {
            complaints
                .push(format!("FAILED: {} calls ended otherwise than by timeout; the first: {fault}", outcome.failed));
        }
    }
    for complaint in &complaints {
        writeln!(text, "\n{complaint}")?;
    }
    publish(&text, options.markdown.as_ref())?;
    Ok(if complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A round in a process of its own: memory that one round has freed would be used by the next without showing.
fn in_another_process() -> Result<Outcome, BoxError> {
    let mut command = Command::new(env::current_exe()?);
    command.args(env::args_os().skip(1)).arg("--one-round").stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command.output()?;
    if !output.status.success() {
        return Err(format!("a round ended with {}", output.status).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
