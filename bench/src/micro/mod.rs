//! Times the codec, the frames and the table of calls in isolation, on one thread, and the table
//! under two threads.

mod contention;
mod operations;
mod timer;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use self::timer::Timer;
use crate::measuring::{BoxError, Machine, publish, spread};

/// The number of runs and the output file.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Number of runs of each operation [default: 31, quick: 5]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    runs: Option<u32>,
    /// Make a short run to check that everything works; its figures are rough
    #[arg(long)]
    quick: bool,
    /// Write the table to this file as well as to standard output
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

/// Times each operation, and prints the table.
///
/// # Errors
///
/// Returns an error if the table's file cannot be written.
pub(crate) fn run(options: &Options) -> Result<ExitCode, BoxError> {
    let machine = Machine::this();
    let runs = options.runs.unwrap_or(if options.quick { 5 } else { 31 });
    let mut timer = Timer::new(runs, operations::COUNT + contention::COUNT);
    operations::time_all(&mut timer);
    contention::time_all(&mut timer);
    let mut text = format!("{machine}\n\n| operation | ns |\n| --- | --- |\n");
    for (name, runs) in timer.into_results() {
        text += &format!("| {name} | {} |\n", spread(runs, 1));
    }
    publish(&text, options.markdown.as_ref())?;
    Ok(ExitCode::SUCCESS)
}
