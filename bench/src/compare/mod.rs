//! Compares echoes over loopback: all contenders in one run, in turn, in several rounds.

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

/// Measures, prints the tables, and writes the requested files.
///
/// # Errors
///
/// Returns an error if a file cannot be written, or if no contender can be measured.
pub(crate) fn run(options: &Options) -> Result<ExitCode, BoxError> {
    // Fail before the measurement, not after it, if a file cannot be written.
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
            Err(error) => skip(format!("{contender}: {error}")),
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
                skip(format!(
                    "{contender} with {calls}: it has no flow control, and a socket's buffer does not hold them"
                ));
            }
        }
        *group = fitting;
    }
    groups.retain(|group| !group.is_empty());
    if groups.is_empty() {
        return Err("no contender is left: see the reasons above, and --only and --skip".into());
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
    // Figures with failed calls in them are not valid.
    Ok(if comparison.failure_count() > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
