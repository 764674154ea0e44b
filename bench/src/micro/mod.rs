//! The codec, the frame and the table of calls by themselves, on one thread.

mod operations;
mod timer;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use self::timer::Timer;
use crate::measuring::{BoxError, Machine, publish, spread};

/// How often each operation is timed.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// How many runs each operation's median is of [default: 31, quick: 5]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    runs: Option<u32>,
    /// A short run that shows that everything works; its figures are rough
    #[arg(long)]
    quick: bool,
    /// Where the table goes, besides standard output
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

/// Times each operation, and prints the table.
///
/// # Errors
///
/// Where the table's file cannot be written.
pub(crate) fn run(options: &Options) -> Result<ExitCode, BoxError> {
    let machine = Machine::this();
    let runs = options.runs.unwrap_or(if options.quick { 5 } else { 31 });
    let mut timer = Timer::new(runs, operations::COUNT);
    operations::time_all(&mut timer);
    let mut text = format!("{machine}\n\n| operation | ns |\n| --- | --- |\n");
    for (name, runs) in timer.into_results() {
        text += &format!("| {name} | {} |\n", spread(runs, 1));
    }
    publish(&text, options.markdown.as_ref())?;
    Ok(ExitCode::SUCCESS)
}
