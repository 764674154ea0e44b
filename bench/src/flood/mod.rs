//! Measures legitimate callers during a flood: the share of their calls that is left, the cost, and
//! the traffic to a victim.

mod callers;
mod flooder;
mod forged_flood;
mod greedy_source;
mod kind;
mod link_counts;
#[cfg(feature = "secure")]
mod links;
#[cfg(not(feature = "secure"))]
#[path = "no_links.rs"]
mod links;
mod report;
mod sample;
mod scenario;
mod socket_flood;
mod target;
mod victim;

use std::env;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use clap::{Args, ValueEnum};

use self::flooder::Condition;
use self::greedy_source::GreedySource;
use self::kind::Kind;
use self::sample::Sample;
use self::scenario::{Outcome, Scenario};
use self::victim::{Attack, VictimTraffic};
use crate::measuring::{BoxError, Machine, Progress, grouped, publish, seconds};

/// The floods, their rate and their times.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Floods to measure, separated by commas [default: all that the bench was built for]
    #[arg(long, value_name = "FLOODS", value_delimiter = ',')]
    only: Vec<Kind>,
    /// Datagrams per second [default: 400000 of garbage, 500000 forged, 100000 joins or handshakes,
    /// ten times as many lookups as can run, or as many real handshakes as a thread can make]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// Number of rounds, each of which measures every flood once [default: 5, quick: 1]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    /// Measured time of each sample, in seconds [default: 3, quick: 0.5]
    #[arg(long, value_parser = seconds)]
    seconds: Option<Duration>,
    /// Unmeasured time of the callers alone, and then of the flood, in seconds [default: 2, quick:
    /// 0.2]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    warm_up: Option<Duration>,
    /// Time of each attack on a victim, and of the greedy source, in seconds [default: 10, quick:
    /// 2]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    victim: Option<Duration>,
    /// Make a short run to check that everything works; its figures are rough
    #[arg(long)]
    quick: bool,
    /// Seed of the garbage and of the forged addresses
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Write the tables to this file as well as to standard output
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Measure one sample in this process, and print it for the parent process
    #[arg(long, hide = true)]
    condition: Option<Condition>,
}

impl Options {
    fn kinds(&self) -> Vec<Kind> {
        let is_selected =
            |kind: &Kind| if self.only.is_empty() { kind.is_available() } else { self.only.contains(kind) };
        Kind::value_variants().iter().copied().filter(is_selected).collect()
    }

    fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.quick { 1 } else { 5 }) as usize
    }

    fn victim(&self) -> Duration {
        self.victim.unwrap_or_else(|| Duration::from_secs(if self.quick { 2 } else { 10 }))
    }

    fn scenario(&self, kind: Kind, condition: Condition) -> Scenario {
        let or = |given: Option<Duration>, millis, quick_millis| {
            given.unwrap_or_else(|| Duration::from_millis(if self.quick { quick_millis } else { millis }))
        };
        let (window, warm_up) = (or(self.seconds, 3_000, 500), or(self.warm_up, 2_000, 200));
        Scenario { kind, condition, rate: self.rate, warm_up, window, seed: self.seed }
    }
}

/// Measures, and prints the tables.
///
/// # Errors
///
/// Returns an error if a sample cannot be measured, or if the tables' file cannot be written.
pub(crate) fn run(options: &Options) -> Result<ExitCode, BoxError> {
    if let (Some(condition), [kind]) = (options.condition, &*options.kinds()) {
        println!("{}", serde_json::to_string(&options.scenario(*kind, condition).run()?)?);
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(kind) = options.kinds().into_iter().find(|kind| !kind.is_available()) {
        return Err(format!("`{kind}` needs links: build the bench with `--features secure`").into());
    }
    let machine = Machine::this();
    let (kinds, rounds) = (options.kinds(), options.rounds());
    let progress = Progress::new(rounds * kinds.len() * Condition::ALL.len() + Attack::ALL.len() + 1);
    let mut samples = Vec::new();
    for round in 1..=rounds {
        for &kind in &kinds {
            // The first condition changes from round to round, so that a machine that slows down
            // favours none.
            let mut conditions = Condition::ALL;
            conditions.rotate_left((round - 1) % Condition::ALL.len());
            for condition in conditions {
                let title = format!("round {round}/{rounds}  {kind:<15}  {:<9}", condition.name());
                progress.begin(&title);
                let outcome = run_in_child_process(options.scenario(kind, condition))?;
                progress.end(&format!("{title}  {}", report::line(&outcome)));
                samples.push(Sample { kind, condition, round, outcome });
            }
        }
    }
    let mut victims = Vec::new();
    for attack in Attack::ALL {
        progress.begin(attack.name());
        let traffic = VictimTraffic::measure(attack, options.victim(), options.seed)?;
        let bytes = grouped(traffic.total as f64, 0);
        progress.end(&format!("{}  {bytes} bytes in {:.1} s", attack.name(), traffic.seconds));
        victims.push(traffic);
    }
    progress.begin("one greedy source");
    let greedy = GreedySource::measure(options.victim(), options.seed)?;
    progress.end(&format!("one greedy source  {:.1} % of the lookups succeeded", greedy.success() * 100.0));
    drop(progress);

    let text = format!("{machine}\n{}", report::render(&samples, &kinds, &victims, &greedy, options.seed));
    publish(&text, options.markdown.as_ref())?;
    // If calls fail without a flood, the samples without a flood are no baseline.
    let failed = |sample: &Sample| sample.outcome.validated.failed + sample.outcome.unvalidated.failed;
    let failed_without_flood: u64 =
        samples.iter().filter(|sample| sample.condition != Condition::Flooded).map(failed).sum();
    let is_within_bound = victims.iter().all(|traffic| traffic.total as f64 <= traffic.bound());
    let are_within_caps = samples.iter().all(|sample| sample.kind.allows(&sample.outcome.links));
    Ok(if failed_without_flood == 0 && is_within_bound && are_within_caps && greedy.is_fair() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Measures a sample in a process of its own. In one process, a sample would reuse the memory that
/// the sample before it freed, and the growth would not show.
fn run_in_child_process(scenario: Scenario) -> Result<Outcome, BoxError> {
    let name = |value: Option<clap::builder::PossibleValue>| value.map(|value| value.get_name().to_owned());
    let Scenario { kind, condition, rate, warm_up, window, seed } = scenario;
    let mut command = Command::new(env::current_exe()?);
    command.arg("flood");
    command.arg("--only").args(name(kind.to_possible_value()));
    command.arg("--condition").args(name(condition.to_possible_value()));
    command.arg("--seconds").arg(window.as_secs_f64().to_string());
    command.arg("--warm-up").arg(warm_up.as_secs_f64().to_string());
    command.arg("--seed").arg(seed.to_string());
    if let Some(rate) = rate {
        command.arg("--rate").arg(rate.to_string());
    }
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("a sample ended with {}", output.status).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
