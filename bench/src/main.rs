//! How fast rpcudp is beside a bare tokio socket. `README.md` says how to run it and how to read it.

mod bare_echo;
mod caller;
mod cell;
mod options;
mod probe;
mod processor_time;
mod rpc_echo;
mod statistics;
mod table;

use std::error::Error;
use std::process::ExitCode;
use std::thread::available_parallelism;

use crate::caller::Fault;
use crate::cell::{Cell, Contestant, Sample};
use crate::options::Options;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{}", options::HELP);
            return Ok(ExitCode::SUCCESS);
        }
        Err(complaint) => {
            eprint!("{complaint}\n\n{}", options::HELP);
            return Ok(ExitCode::from(2));
        }
    };
    if available_parallelism()?.get() < 2 {
        return Err("two cores are needed: two workers are measured, and the way between two cores".into());
    }
    let samples = measure(&options).map_err(|fault| fault as Box<dyn Error>)?;
    print!("{}", table::render(&samples, &options.in_flight));
    // Figures that failed calls went into are no figures.
    let failed = samples.iter().any(|sample| sample.failures.count > 0);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Measures every cell once in each round, with a probe before and after each.
fn measure(options: &Options) -> Result<Vec<Sample>, Fault> {
    let mut samples = Vec::new();
    let mut before = probe::round_trip();
    for round in 1..=options.rounds {
        for &in_flight in &options.in_flight {
            for contestant in in_order(round).into_iter().filter(|&contestant| options.measures(contestant)) {
                let cell = Cell { contestant, in_flight, warm_up: options.warm_up, window: options.window };
                let measured = cell.run()?;
                let after = probe::round_trip();
                let sample = Sample { round, contestant, in_flight, measured, probes: [before, after] };
                eprintln!("{}", table::progress(&sample, options.rounds));
                if let Some(fault) = &sample.failures.first {
                    eprintln!("  first failure: {fault}");
                }
                samples.push(sample);
                before = after;
            }
        }
    }
    Ok(samples)
}

/// Who goes first changes from round to round, so that a machine that slows down or speeds up favours nobody.
fn in_order(round: usize) -> [Contestant; 2] {
    if round.is_multiple_of(2) {
        [Contestant::Bare, Contestant::Rpcudp]
    } else {
        [Contestant::Rpcudp, Contestant::Bare]
    }
}
