//! The command line of rpcudp: `rpcudp --help`.

mod address;
mod args;
mod call;
mod call_all;
mod describe;
mod doctor;
mod exit;
mod failure_kind;
mod interrupt;
#[cfg(feature = "secure")]
mod key;
mod latencies;
#[cfg(feature = "secure")]
mod links;
#[cfg(not(feature = "secure"))]
#[path = "no_links.rs"]
mod links;
mod listen;
mod load;
mod local_services;
mod ls;
mod method_advice;
mod outcome;
mod output;
mod peer;
mod ping;
mod transfer_display;
mod value;

use std::io::{self, Write};
use std::process::ExitCode;

use args::{Arguments, Command};
use clap::{CommandFactory, Parser};
use exit::{Failure, FailureKind};
use tokio::runtime;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version texts are output, not errors.
            let code = if error.use_stderr() { FailureKind::Usage.code() } else { 0 };
            drop(error.print());
            return code.into();
        }
    };
    let as_json = arguments.json;
    match run(arguments) {
        Ok(code) => code,
        Err(failure) => {
            failure.print(as_json);
            failure.kind.code().into()
        }
    }
}

fn run(Arguments { command, json }: Arguments) -> Result<ExitCode, Failure> {
    let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match command {
            Command::Call(arguments) => call::run(&arguments, json).await?,
            Command::Ping(arguments) => ping::run(&arguments, json).await?,
            Command::Describe(arguments) => describe::run(&arguments, json).await?,
            Command::Listen(arguments) => listen::run(&arguments, json).await?,
            Command::Load(arguments) => load::run(&arguments, json).await?,
            Command::Doctor(arguments) => {
                // The report is on standard output even if it contains faults, so a fault changes
                // only the exit code.
                let fault = doctor::run(&arguments, json).await?;
                return Ok(fault.map_or(0, FailureKind::code).into());
            }
            Command::Ls(arguments) => ls::run(&arguments, json).await?,
            #[cfg(feature = "secure")]
            Command::Key(command) => key::run(&command, json)?,
            Command::Completions { shell } => {
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut Arguments::command(), "rpcudp", &mut script);
                io::stdout().write_all(&script)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    })
}
