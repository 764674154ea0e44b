//! Measures the cost of the feature `metrics`: the same echo in a program without it and in one
//! with it.

use std::env;
use std::fmt;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use crate::contenders::rpcudp::callers;
use crate::measuring::{
    BoxError, Cell, Failures, Latencies, Machine, Measured, Placement, Sample, Timing, conclude, measure_in_rounds,
    micros, spread,
};

/// The cells, the program without the feature, and the output file.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    timing: Timing,
    /// Path of the same program built without the feature (`bench/metrics` builds both)
    #[arg(long, value_name = "PROGRAM")]
    without: Option<PathBuf>,
    /// Calls in flight, separated by commas
    #[arg(long, value_name = "COUNTS", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=100_000), default_value = "1,64")]
    in_flight: Vec<u32>,
    /// Payload in bytes
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(Cell::MIN_SIZE as i64..=8_180), default_value_t = 32)]
    size: u32,
    /// Write the table to this file as well as to standard output
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Measure one sample in this process, and print it for the parent process
    #[arg(long, hide = true)]
    sample: Option<Setting>,
}

/// A program with or without the feature, and its recorder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Setting {
    /// A program without the feature
    Without,
    /// A program with the feature and without a recorder
    Alone,
    /// A program with the feature and Prometheus's recorder, which is scraped once a second
    Prometheus,
}

impl Setting {
    const ALL: [Self; 3] = [Self::Without, Self::Alone, Self::Prometheus];

    fn name(self) -> String {
        self.to_possible_value().as_ref().map(PossibleValue::get_name).expect("no value is hidden").to_owned()
    }
}

/// The key of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    setting: Setting,
    in_flight: u32,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>4} in flight  {:<10}", self.in_flight, self.setting.name())
    }
}

/// The result of a cell, in the form in which a child process prints it.
#[derive(Debug, Serialize, Deserialize)]
struct Outcome {
    calls_per_second: f64,
    cpu_per_call: Duration,
    others: f64,
    /// Each latency in nanoseconds with the number of calls that had it.
    latencies: Vec<(u64, u64)>,
    failures: Option<(u64, String)>,
}

/// Measures, and prints the table.
///
/// # Errors
///
/// Returns an error if a program is missing, or if the table's file cannot be written.
pub(crate) fn run(options: &Options) -> Result<ExitCode, BoxError> {
    if let (Some(setting), [in_flight]) = (options.sample, &*options.in_flight) {
        let outcome = measure(options, Key { setting, in_flight: *in_flight })?;
        println!("{}", serde_json::to_string(&outcome)?);
        return Ok(ExitCode::SUCCESS);
    }
    let Some(without) = options.without.as_ref().filter(|_| cfg!(feature = "metrics")) else {
        return Err(
            "this needs two programs, one with the feature and one without: run `bench/metrics`, which builds both"
                .into(),
        );
    };
    let machine = Machine::this();
    let with = env::current_exe()?;
    let group = |&in_flight| Setting::ALL.map(|setting| Key { setting, in_flight }).to_vec();
    let groups: Vec<_> = options.in_flight.iter().map(group).collect();
    let samples = measure_in_rounds(&options.timing, &groups, |key| {
        let program = if key.setting == Setting::Without { without } else { &with };
        run_in_child_process(program, options, key).map(Outcome::into_measured)
    });
    let mut text = format!("{machine}\nCalls of {} bytes, each sample in a process of its own.\n", options.size);
    for placement in Placement::SETTLED {
        text += &table(&samples, &groups, placement);
    }
    conclude(text, &samples, options.markdown.as_ref())
}

/// Measures a sample in this process.
fn measure(options: &Options, Key { setting, in_flight }: Key) -> Result<Outcome, BoxError> {
    if setting == Setting::Prometheus {
        scrape_every_second()?;
    }
    let Options { timing, size, .. } = options;
    let in_flight = in_flight as usize;
    let cell = Cell { in_flight, size: *size as usize, warm_up: timing.warm_up(), window: timing.window() };
    cell.on_workers(callers(in_flight)).map(Outcome::of)
}

/// Installs the recorder of Prometheus's exporter, and renders all its metrics once a second as for
/// a scraper.
#[cfg(feature = "metrics")]
fn scrape_every_second() -> Result<(), BoxError> {
    use metrics_exporter_prometheus::PrometheusBuilder;

    let builder = PrometheusBuilder::new().set_buckets(&rpcudp::metrics::DURATION_BUCKETS)?;
    let recorder = builder.install_recorder()?;
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(Duration::from_secs(1));
            std::hint::black_box(recorder.render());
        }
    });
    Ok(())
}

#[cfg(not(feature = "metrics"))]
fn scrape_every_second() -> Result<(), BoxError> {
    Err("this program was built without the feature `metrics`: run `bench/metrics`".into())
}

fn run_in_child_process(program: &PathBuf, options: &Options, key: Key) -> Result<Outcome, BoxError> {
    let Options { timing, size, .. } = options;
    let mut command = Command::new(program);
    command.arg("metrics").args(["--sample", &key.setting.name()]);
    command.arg("--in-flight").arg(key.in_flight.to_string()).arg("--size").arg(size.to_string());
    command.arg("--seconds").arg(timing.window().as_secs_f64().to_string());
    command.arg("--warm-up").arg(timing.warm_up().as_secs_f64().to_string());
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| format!("{}: {error}", program.display()))?;
    if !output.status.success() {
        return Err(format!("a sample ended with {}", output.status).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

impl Outcome {
    fn of(measured: Measured) -> Self {
        let Measured { calls_per_second, cpu_per_call, others, latencies, failures } = measured;
        let failures = failures.first.map(|first| (failures.count, first.to_string()));
        Self { calls_per_second, cpu_per_call, others, latencies: latencies.counts().collect(), failures }
    }

    fn into_measured(self) -> Measured {
        let Self { calls_per_second, cpu_per_call, others, .. } = self;
        let mut latencies = Latencies::default();
        self.latencies.into_iter().for_each(|(nanos, call_count)| latencies.record(nanos, call_count));
        let failures = self.failures.map(|(count, first)| Failures { count, first: Some(first.into()) });
        Measured { calls_per_second, cpu_per_call, others, latencies, failures: failures.unwrap_or_default() }
    }
}

/// Renders the table of one placement. Ratios to the program without the feature are within rounds.
fn table(samples: &[Sample<Key>], groups: &[Vec<Key>], placement: Placement) -> String {
    let of = |key| {
        samples.iter().filter(move |sample| sample.key == key && sample.placement == placement && sample.counts())
    };
    if samples.iter().all(|sample| of(sample.key).next().is_none()) {
        return String::new();
    }
    let mut text = format!("\nCores {placement}:\n\n");
    text += "| in flight | metrics | calls/s | calls/s / without | p50 us | p99 us | CPU us/call | CPU / without | \
             samples |\n|";
    text += &" --- |".repeat(9);
    text += "\n";
    for &key in groups.iter().flatten() {
        let of_without = |value: fn(&Sample<Key>) -> f64| {
            let ratios = of(key).filter_map(|sample| {
                let without = Key { setting: Setting::Without, ..key };
                let base = of(without).find(|base| base.round == sample.round && base.has_pace_of(sample))?;
                Some(value(sample) / value(base))
            });
            spread(ratios, 3)
        };
        let [p50, p99] = [0.5, 0.99].map(|share| spread(of(key).map(|sample| sample.quantile(share)), 1));
        text += &format!(
            "| {} | {} | {} | {} | {p50} | {p99} | {} | {} | {} |\n",
            key.in_flight,
            key.setting.name(),
            spread(of(key).map(|sample| sample.calls_per_second), 0),
            of_without(|sample| sample.calls_per_second),
            spread(of(key).map(|sample| micros(sample.cpu_per_call)), 2),
            of_without(|sample| micros(sample.cpu_per_call)),
            of(key).count(),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sample_survives_the_way_between_processes() {
        let cell =
            Cell { in_flight: 8, size: 32, warm_up: Duration::from_millis(20), window: Duration::from_millis(50) };
        let outcome = Outcome::of(cell.on_workers(callers(8)).unwrap());
        let text = serde_json::to_string(&outcome).unwrap();
        let measured = serde_json::from_str::<Outcome>(&text).unwrap().into_measured();
        assert_eq!(measured.failures.count, 0, "{:?}", measured.failures);
        assert!(measured.latencies.count() > 0);
        assert_eq!(measured.cpu_per_call, outcome.cpu_per_call);
        let count: u64 = outcome.latencies.iter().map(|(_, count)| count).sum();
        assert_eq!(measured.latencies.count(), count);
    }
}
