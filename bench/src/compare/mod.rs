//! Echoes over loopback: everyone in one run, by turns, in several rounds.

mod comparison;
mod csv;
mod options;
mod plot;
mod table;

use std::fs;
use std::process::ExitCode;

use self::comparison::{Comparison, Key};
pub(crate) use self::options::Options;
use crate::measuring::{BoxError, Cell, Machine, measure_in_rounds, publish};

/// Measures, prints the tables, and writes the files that were asked for.
///
/// # Errors
///
/// Where a file cannot be written, or nobody is left to be measured.
pub(crate) fn run(options: &Options) -> Result<ExitCode, BoxError> {
    // A path that cannot be written shows before the measurement, not after.
    for path in [&options.csv, &options.svg, &options.markdown].into_iter().flatten() {
        fs::write(path, "").map_err(|error| format!("{}: {error}", path.display()))?;
    }
    let machine = Machine::this();
    let (mut contenders, mut skipped) = (Vec::new(), Vec::new());
    let mut skip = |reason: String| {
        eprintln!("SKIPPED: {reason}");
        skipped.push(reason);
    };
    for contender in options.contenders() {
        match contender.prepare() {
            Ok(()) => contenders.push(contender),
            Err(fault) => skip(format!("{contender}: {fault}")),
        }
    }
    let mut groups = options.groups(&contenders);
    for group in &mut groups {
        let mut fitting = Vec::new();
        for &key in &*group {
            if key.contender.fits(key.size, key.in_flight)? {
                fitting.push(key);
            } else {
                let Key { size, in_flight, contender } = key;
                let calls = format!("{in_flight} calls of {size} bytes");
                skip(format!("{contender} with {calls}: more than a socket's buffer holds, and no flow control"));
            }
        }
        *group = fitting;
    }
    groups.retain(|group| !group.is_empty());
    if groups.is_empty() {
        return Err("nobody is left to be measured".into());
    }
    let timing = &options.timing;
    let samples = measure_in_rounds(timing, &groups, |Key { size, in_flight, contender }| {
        contender.run(Cell { in_flight, size, warm_up: timing.warm_up(), window: timing.window() })
    });
    let comparison = Comparison { machine, groups, samples, skipped };

    let tables = table::render(&comparison);
    publish(&tables, options.markdown.as_ref())?;
    if let Some(path) = &options.csv {
        fs::write(path, csv::render(&comparison))?;
    }
    if let Some(path) = &options.svg {
        fs::write(path, plot::render(&comparison))?;
    }
    // Figures that failed calls went into are no figures.
    Ok(if comparison.failure_count() > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
