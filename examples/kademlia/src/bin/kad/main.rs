//! The command line of the Kademlia node. `kad --help` lists its commands.

mod addresses;
mod exit;
mod lookup;
mod node;
mod options;
mod print;
mod report;
mod swarm;
mod temporary;
mod values;

use std::process::ExitCode;

use clap::Parser;
use exit::{CommandResult, READER_GONE, is_broken_pipe};
use options::{Command, Options};
use print::warn;
use tokio::runtime;

fn main() -> ExitCode {
    match run(Options::parse().command) {
        Ok(code) => code,
        Err(error) if is_broken_pipe(&*error) => READER_GONE.into(),
        Err(error) => {
            warn(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> CommandResult {
    let runtime = match &command {
        // Virtual time needs a single thread.
        Command::Swarm(swarm) if swarm.simulated => {
            runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?
        }
        _ => runtime::Builder::new_multi_thread().enable_all().build()?,
    };
    runtime.block_on(async {
        match command {
            Command::Node(options) => node::run(options).await,
            Command::Put(options) => values::put(options).await,
            Command::Get(options) => values::get(options).await,
            Command::Lookup(options) => lookup::run(options).await,
            Command::Swarm(options) => swarm::run(options).await,
        }
    })
}
