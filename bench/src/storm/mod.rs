//! Five servers in trouble, called by a group of rpcudp and by tonic's `balance_list`. Each server
//! is a process on a host of its own (a network namespace), and the network loses packets.

mod calls;
mod contender;
mod hosts;
mod server;
mod trouble;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use tokio::runtime;

use self::calls::Outcome;
use self::contender::Contender;
use self::hosts::Hosts;
pub(crate) use self::server::Options as ServerOptions;
pub(crate) use self::server::run as run_server;
use self::trouble::Trouble;
use crate::measuring::{BoxError, Machine, Progress, publish};

/// The calls, and the loss of the network.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Calls of a run, one every 8 ms; the trouble takes 15 s [default: 2500, quick: 500]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    calls: Option<u32>,
    /// Packets that each host loses on arrival, in per cent
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=90), default_value_t = 20)]
    loss: u8,
    /// Runs of each contender, in turn [default: 3, quick: 1]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: Option<u32>,
    /// Make a short run to check that everything works; its figures are rough
    #[arg(long)]
    quick: bool,
    /// Write the table to this file as well as to standard output
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

/// The runs of a contender under one trouble, together.
struct Row {
    contender: Contender,
    trouble: Trouble,
    outcome: Outcome,
}

/// Measures, and prints the table.
///
/// # Errors
///
/// Returns an error if this machine cannot have the hosts, a server does not start, or the table's
/// file cannot be written.
pub(crate) fn run(options: &Options) -> Result<ExitCode, BoxError> {
    let Some(hosts) = Hosts::of_this_process()? else { return hosts::run_inside(options.loss) };
    let call_count = options.calls.unwrap_or(if options.quick { 500 } else { 2_500 });
    let rounds = options.rounds.unwrap_or(if options.quick { 1 } else { 3 });
    let mut rows: Vec<_> = Trouble::ALL
        .into_iter()
        .flat_map(|trouble| Contender::ALL.map(|contender| Row { contender, trouble, outcome: Outcome::default() }))
        .collect();
    let progress = Progress::new(rows.len() * rounds as usize);
    for _ in 0..rounds {
        for row in &mut rows {
            progress.begin(&format!("{} {}", row.contender.name(), row.trouble.name()));
            let runtime = runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
            let outcome = runtime.block_on(trouble::run(&hosts, row.contender, row.trouble, call_count))?;
            // Connections of the contender may have tasks that wait.
            runtime.shutdown_timeout(Duration::from_secs(1));
            progress.end(&format!("{} {}: {outcome}", row.contender.name(), row.trouble.name()));
            row.outcome.add(&outcome)?;
        }
    }
    drop(progress);
    publish(&table(&rows, options.loss), options.markdown.as_ref())?;
    Ok(ExitCode::SUCCESS)
}

fn table(rows: &[Row], loss: u8) -> String {
    let mut text = format!(
        "{}\nEach host loses {loss} % of the packets that it receives.\n\n| servers | caller | calls | failed | p50 ms | p99 ms | \
         longest ms |\n|{}\n",
        Machine::this(),
        " --- |".repeat(7)
    );
    for Row { contender, trouble, outcome } in rows {
        let [p50, p99, longest] = [0.5, 0.99, 1.0].map(|share| outcome.millis(share));
        text += &format!(
            "| {} | {} | {} | {} | {p50:.0} | {p99:.0} | {longest:.0} |\n",
            trouble.name(),
            contender.name(),
            outcome.count(),
            outcome.failed
        );
    }
    text
}
