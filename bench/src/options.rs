use std::time::Duration;

use crate::cell::Contestant;

pub(crate) const HELP: &str = "\
Measures echoes of 32 bytes over loopback: rpcudp beside a bare tokio socket.

Usage: cargo run --release -- [options]

  --rounds COUNT        how often each cell is measured (default: 5)
  --seconds SECONDS     for how long (default: 2)
  --warm-up SECONDS     for how long it runs unmeasured before that (default: 0.5)
  --in-flight COUNTS    calls in flight, separated by commas (default: 1,64,512)
  --only NAME           rpcudp or bare, for example under a profiler (default: both)
  --help                this text
";

/// What is measured, and how long it takes.
#[derive(Debug, PartialEq)]
pub(crate) struct Options {
    pub(crate) rounds: usize,
    pub(crate) window: Duration,
    pub(crate) warm_up: Duration,
    pub(crate) in_flight: Vec<usize>,
    only: Option<Contestant>,
}

impl Options {
    /// Reads the command line; `None` where it asks for help.
    ///
    /// # Errors
    ///
    /// What is wrong with it, for whoever typed it.
    pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Option<Self>, String> {
        let mut options = Self::default();
        let mut arguments = arguments.into_iter();
        while let Some(option) = arguments.next() {
            if option == "--help" {
                return Ok(None);
            }
            let mut value = || arguments.next().ok_or_else(|| format!("{option} needs a value"));
            match option.as_str() {
                "--rounds" => options.rounds = count(&value()?)?,
                "--seconds" => options.window = seconds(&value()?)?,
                "--warm-up" => options.warm_up = seconds(&value()?)?,
                "--in-flight" => options.in_flight = value()?.split(',').map(count).collect::<Result<_, _>>()?,
                "--only" => options.only = Some(contestant(&value()?)?),
                _ => return Err(format!("unknown option {option}")),
            }
        }
        Ok(Some(options))
    }

    pub(crate) fn measures(&self, contestant: Contestant) -> bool {
        self.only.is_none_or(|only| only == contestant)
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            rounds: 5,
            window: Duration::from_secs(2),
            warm_up: Duration::from_millis(500),
            in_flight: vec![1, 64, 512],
            only: None,
        }
    }
}

fn count(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|&count| count > 0).ok_or_else(|| format!("{text:?} is no count of at least 1"))
}

fn seconds(text: &str) -> Result<Duration, String> {
    let duration = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    duration.filter(|duration| !duration.is_zero()).ok_or_else(|| format!("{text:?} is no number of seconds above 0"))
}

fn contestant(text: &str) -> Result<Contestant, String> {
    let named = Contestant::ALL.into_iter().find(|contestant| contestant.name() == text);
    named.ok_or_else(|| format!("{text:?} is neither rpcudp nor bare"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Option<Options>, String> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_replace_their_defaults() {
        assert_eq!(parse(""), Ok(Some(Options::default())));
        let options = parse("--rounds 3 --seconds 0.25 --in-flight 8,16 --only bare").unwrap().unwrap();
        assert_eq!((options.rounds, options.window, options.in_flight.len()), (3, Duration::from_millis(250), 2));
        assert!(options.measures(Contestant::Bare) && !options.measures(Contestant::Rpcudp));
        assert_eq!(parse("--rounds 3 --help"), Ok(None));
    }

    #[test]
    fn nonsense_is_refused() {
        let lines =
            ["--rounds", "--rounds 0", "--seconds -1", "--seconds 0", "--in-flight 1,,2", "--only both", "--fast"];
        for line in lines {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
