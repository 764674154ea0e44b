use std::path::PathBuf;

use clap::Args;

use super::comparison::Key;
use crate::contenders::Contender;
use crate::measuring::{Cell, Timing};

/// The contenders, the cells and the output files.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) timing: Timing,
    /// Calls in flight, separated by commas [default: 1,64,512, quick: 1,64]
    #[arg(long, value_name = "COUNTS", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=100_000))]
    in_flight: Option<Vec<u32>>,
    /// Payload lengths in bytes, separated by commas [default: 32,1024,8000, quick: 32]
    #[arg(long, value_name = "BYTES", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(Cell::MIN_SIZE as i64..=8_180))]
    sizes: Option<Vec<u32>>,
    /// Measure only these contenders
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    only: Option<Vec<Contender>>,
    /// Skip these contenders
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    skip: Vec<Contender>,
    /// Write every sample to this file, those that do not count included
    #[arg(long, value_name = "FILE")]
    pub(super) csv: Option<PathBuf>,
    /// Write the plot to this file
    #[arg(long, value_name = "FILE")]
    pub(super) svg: Option<PathBuf>,
    /// Write the tables to this file as well as to standard output
    #[arg(long, value_name = "FILE")]
    pub(super) markdown: Option<PathBuf>,
}

impl Options {
    pub(super) fn contenders(&self) -> impl Iterator<Item = Contender> {
        let is_selected = |contender: &Contender| self.only.as_ref().is_none_or(|only| only.contains(contender));
        Contender::ALL.into_iter().filter(is_selected).filter(|contender| !self.skip.contains(contender))
    }

    /// Returns the cells, in groups that are compared.
    pub(super) fn groups(&self, contenders: &[Contender]) -> Vec<Vec<Key>> {
        let quick = self.timing.quick;
        let sizes = self.sizes.as_deref().unwrap_or(if quick { &[32] } else { &[32, 1024, 8000] });
        let in_flight = self.in_flight.as_deref().unwrap_or(if quick { &[1, 64] } else { &[1, 64, 512] });
        let mut groups = Vec::new();
        for size in sizes.iter().map(|&size| size as usize) {
            for in_flight in in_flight.iter().map(|&count| count as usize) {
                groups.push(contenders.iter().map(|&contender| Key { size, in_flight, contender }).collect());
            }
        }
        groups
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn parse(line: &str) -> Result<Options, clap::Error> {
        Line::try_parse_from(["bench"].into_iter().chain(line.split_whitespace())).map(|line| line.options)
    }

    #[test]
    fn default_is_every_contender_in_every_cell() {
        let options = parse("").unwrap();
        let contenders: Vec<_> = options.contenders().collect();
        assert_eq!(contenders, Contender::ALL);
        let groups = options.groups(&contenders);
        assert_eq!(groups.iter().map(Vec::len).collect::<Vec<_>>(), [7; 9]);
    }

    #[test]
    fn options_select_contenders_and_cells() {
        let options = parse("--quick --sizes 8,64 --only bare,gso,rpcudp --skip gso").unwrap();
        let contenders: Vec<_> = options.contenders().collect();
        assert_eq!(contenders, [Contender::Rpcudp, Contender::Bare]);
        let keys: Vec<_> = options.groups(&contenders).concat();
        let shapes: Vec<_> = keys.iter().map(|key| (key.size, key.in_flight)).collect();
        assert_eq!(shapes, [(8, 1), (8, 1), (8, 64), (8, 64), (64, 1), (64, 1), (64, 64), (64, 64)]);
    }

    #[test]
    fn invalid_values_are_refused() {
        for line in ["--rounds 0", "--seconds 0", "--in-flight 1,,2", "--only both", "--sizes 7,32", "--sizes 9000"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
