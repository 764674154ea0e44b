//! A Kademlia node for shells: `kad --help`.

mod keys;
mod node;
mod options;
mod report;
mod swarm;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use options::{Command, Options};
use tokio::runtime;

fn main() -> ExitCode {
    match run(Options::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("kad: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What a command comes to. 2 is for what was not found, as in grep.
type Ended = Result<ExitCode, Box<dyn Error>>;

const NOT_FOUND: u8 = 2;

fn run(command: Command) -> Ended {
    let runtime = match &command {
        // In virtual time, which needs a single thread.
        Command::Swarm(swarm) if swarm.simulated => {
            runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?
        }
        _ => runtime::Builder::new_multi_thread().enable_all().build()?,
    };
    runtime.block_on(async {
        match command {
            Command::Node(options) => node::run(options).await,
            Command::Put(options) => keys::put(options).await,
            Command::Get(options) => keys::get(options).await,
            Command::Lookup(options) => keys::lookup(options).await,
            Command::Swarm(options) => swarm::run(options).await,
        }
    })
}
