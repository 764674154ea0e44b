//! How fast rpcudp is. `README.md` says how to run it and how to read it.

mod compare;
mod compile;
mod contenders;
mod flood;
mod limits;
mod measuring;
mod metrics;
mod micro;
mod outstanding;
mod peers;

use std::process::ExitCode;
use std::thread::available_parallelism;

use clap::{Parser, Subcommand};

use crate::measuring::BoxError;

#[cfg(not(target_os = "linux"))]
compile_error!("the bench measures Linux: its batched system calls, its loopback, its /proc");

/// Measures rpcudp beside its peers and beside what the kernel can do.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    compare: compare::Options,
}

/// Each is a file or a folder of its own; `compare` is what runs without any.
#[derive(Debug, Subcommand)]
enum Command {
    /// Echoes over loopback: rpcudp, the raw ceilings, tarpc, tonic and Python's rpcudp by turns (the default)
    Compare(compare::Options),
    /// One endpoint calling one peer, a hundred, and ten thousand
    Peers(peers::Options),
    /// A million calls waiting at once for peers that say nothing: memory, processor time, and how late they end
    Outstanding(outstanding::Options),
    /// Legitimate callers beside floods of garbage, of forged requests and of slow ones, and what a victim is sent
    Flood(flood::Options),
    /// Echoes with the limits for strangers looked at, and without any
    Limits(limits::Options),
    /// Echoes with the feature `metrics` and without it: `bench/metrics` builds both and runs this
    Metrics(metrics::Options),
    /// The codec, the frame and the table of calls by themselves
    Micro(micro::Options),
    /// What the README's example costs to compile, beside the same in tarpc and tonic
    Compile(compile::Options),
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(code) => code,
        Err(fault) => {
            eprintln!("error: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<ExitCode, BoxError> {
    if available_parallelism()?.get() < 2 {
        return Err("two cores are needed: two workers are measured, and the way between two cores".into());
    }
    match arguments.command.unwrap_or(Command::Compare(arguments.compare)) {
        Command::Compare(options) => compare::run(&options),
        Command::Peers(options) => peers::run(&options),
        Command::Outstanding(options) => outstanding::run(&options),
        Command::Flood(options) => flood::run(&options),
        Command::Limits(options) => limits::run(&options),
        Command::Metrics(options) => metrics::run(&options),
        Command::Micro(options) => micro::run(&options),
        Command::Compile(options) => compile::run(&options),
    }
}
