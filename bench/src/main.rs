//! Measures the performance of rpcudp. `README.md` explains how to run the bench and how to read
//! its tables.

mod compare;
mod compile;
mod contenders;
mod flood;
mod group;
mod limits;
mod measuring;
mod metrics;
mod micro;
mod outstanding;
mod peers;
mod retransmit;
#[cfg(feature = "secure")]
mod secure;
mod sessions;
mod storm;

use std::process::ExitCode;
use std::thread::available_parallelism;

use clap::{Parser, Subcommand};

use crate::measuring::BoxError;

#[cfg(not(target_os = "linux"))]
compile_error!("the bench runs on Linux only: it uses its batched system calls, its loopback and its /proc");

/// Measures rpcudp beside other frameworks and beside the limits of the kernel.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    compare: compare::Options,
}

/// A subcommand, in a file or a folder of its own. `compare` is the default.
#[derive(Debug, Subcommand)]
enum Command {
    /// Echoes over loopback: rpcudp, the kernel's ceilings, tarpc, tonic and Python's rpcudp in
    /// turn (the default)
    Compare(compare::Options),
    /// One socket that calls 1, 100 and 10,000 peers: rpcudp, a bare socket, a ceiling
    Peers(peers::Options),
    /// A million pending calls to silent peers: memory, processor time, and how late they time out
    Outstanding(outstanding::Options),
    /// Legitimate callers during floods of garbage, forged requests and slow requests, and the
    /// traffic to a victim
    Flood(flood::Options),
    /// One client of a group of 1 and 100 peers, beside a plain client for each peer
    Group(group::Options),
    /// A server with 10,000 members: memory, the cost of keeping them, and an event to all
    Sessions(sessions::Options),
    /// Echoes with the limits on sources checked, with the defaults, and without limits
    Limits(limits::Options),
    /// Echoes with the feature `metrics` and without it; run `bench/metrics`, which builds both
    /// programs
    Metrics(metrics::Options),
    /// The codec, the frames and the table of calls, each in isolation
    Micro(micro::Options),
    /// Needless copies, requests per success and latencies on simulated paths, in virtual time
    Retransmit(retransmit::Options),
    /// Echoes over secure links, and plain ones of endpoints with and without an identity
    #[cfg(feature = "secure")]
    Secure(secure::Options),
    /// Five servers that are killed, slow, cut off and restarted: a group of rpcudp beside tonic's
    /// `balance_list`, with a network namespace for each server; needs root and `nft`
    Storm(storm::Options),
    /// A server of `storm`, which starts it
    #[command(hide = true)]
    StormServer(storm::ServerOptions),
    /// The time to compile the README's example, and the same example in tarpc and tonic
    Compile(compile::Options),
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<ExitCode, BoxError> {
    if available_parallelism()?.get() < 2 {
        return Err("the bench needs two cores: it measures two workers and the latency between two cores".into());
    }
    match arguments.command.unwrap_or(Command::Compare(arguments.compare)) {
        Command::Compare(options) => compare::run(&options),
        Command::Peers(options) => peers::run(&options),
        Command::Outstanding(options) => outstanding::run(&options),
        Command::Flood(options) => flood::run(&options),
        Command::Group(options) => group::run(&options),
        Command::Sessions(options) => sessions::run(&options),
        Command::Limits(options) => limits::run(&options),
        Command::Metrics(options) => metrics::run(&options),
        Command::Micro(options) => micro::run(&options),
        Command::Retransmit(options) => retransmit::run(&options),
        #[cfg(feature = "secure")]
        Command::Secure(options) => secure::run(&options),
        Command::Storm(options) => storm::run(&options),
        Command::StormServer(options) => storm::run_server(&options),
        Command::Compile(options) => compile::run(&options),
    }
}
