//! Measures calls over links beside plain calls, and beside other systems with authenticated and
//! encrypted connections.

mod table;
mod wire;

use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use self::wire::Wire;
use crate::measuring::{BoxError, Cell, Machine, Timing, conclude, measure_in_rounds};

/// The wires, the cells and the output file.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    timing: Timing,
    /// Calls in flight, separated by commas [default: 1 and 64 with 32 bytes, 64 with 8,000 bytes,
    /// 4 with 1 MiB]
    #[arg(long, value_name = "COUNTS", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=100_000))]
    in_flight: Vec<u32>,
    /// Payload lengths in bytes, separated by commas
    #[arg(long, value_name = "BYTES", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(Cell::MIN_SIZE as i64..=4_000_000))]
    sizes: Vec<u32>,
    /// Measure only these wires
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    only: Vec<Wire>,
    /// Skip these wires
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    skip: Vec<Wire>,
    /// Write the tables to this file as well as to standard output
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

/// A cell of the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    size: usize,
    in_flight: usize,
    wire: Wire,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { size, in_flight, wire } = self;
        write!(f, "{size:>7} B  {in_flight:>4} in flight  {wire:<28}")
    }
}

impl Options {
    /// The default cells: lengths, and numbers of calls in flight. The last one measures bulk.
    const CELLS: [(u32, u32); 4] = [(32, 1), (32, 64), (8_000, 64), (1 << 20, 4)];

    /// Returns the cells, in groups that are compared.
    fn groups(&self) -> Vec<Vec<Key>> {
        let or = |given: &[u32], default: &[u32]| if given.is_empty() { default.to_vec() } else { given.to_vec() };
        let cells = if self.sizes.is_empty() && self.in_flight.is_empty() {
            Self::CELLS.to_vec()
        } else {
            let in_flight = or(&self.in_flight, &[1, 64]);
            let all = |size| in_flight.iter().map(move |&count| (size, count));
            or(&self.sizes, &[32]).into_iter().flat_map(all).collect()
        };
        let is_selected = |wire: &Wire| (self.only.is_empty() || self.only.contains(wire)) && !self.skip.contains(wire);
        let group = |(size, in_flight): (u32, u32)| {
            let (size, in_flight) = (size as usize, in_flight as usize);
            let wires = Wire::value_variants().iter().filter(|wire| is_selected(wire) && wire.fits(size));
            wires.map(|&wire| Key { size, in_flight, wire }).collect()
        };
        cells.into_iter().map(group).collect()
    }
}

/// Measures, and prints the tables.
///
/// # Errors
///
/// Returns an error if the tables' file cannot be written.
pub(crate) fn run(options: &Options) -> Result<ExitCode, BoxError> {
    let machine = Machine::this();
    let (timing, groups) = (&options.timing, options.groups());
    let samples = measure_in_rounds(timing, &groups, |Key { size, in_flight, wire }| {
        wire.run(Cell { in_flight, size, warm_up: timing.warm_up(), window: timing.window() })
    });
    let text = format!("{machine}\n{}", table::render(&samples, &groups.concat()));
    conclude(text, &samples, options.markdown.as_ref())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn keys(line: &str) -> Vec<Key> {
        let line = Line::parse_from(["bench"].into_iter().chain(line.split_whitespace()));
        line.options.groups().concat()
    }

    #[test]
    fn calls_succeed_over_every_wire() {
        for key in keys("--sizes 32,8000,1048576 --in-flight 3") {
            let Key { size, in_flight, wire } = key;
            let cell = Cell { in_flight, size, warm_up: Duration::from_millis(20), window: Duration::from_millis(50) };
            let measured = wire.run(cell).unwrap();
            assert_eq!(measured.failures.count, 0, "{key}: {:?}", measured.failures);
            assert!(measured.latencies.count() > 0, "{key}");
        }
    }

    #[test]
    fn default_cells_are_small_calls_large_calls_and_bulk() {
        let cells: Vec<_> = keys("--only link").into_iter().map(|key| (key.size, key.in_flight)).collect();
        assert_eq!(cells, [(32, 1), (32, 64), (8_000, 64), (1_048_576, 4)]);
        assert!(keys("").iter().all(|key| key.wire != Wire::Plain || key.size <= 8_000));
    }

    #[test]
    fn options_select_wires_and_cells() {
        let keys = keys("--only plain,identity,link --skip link --sizes 32,1024");
        let shown: Vec<_> = keys.iter().map(|key| (key.size, key.in_flight, key.wire)).collect();
        let both = |size, count| [(size, count, Wire::Plain), (size, count, Wire::Identity)];
        assert_eq!(shown, [both(32, 1), both(32, 64), both(1_024, 1), both(1_024, 64)].concat());
    }
}
