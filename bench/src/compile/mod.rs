//! Measures the time to compile the README's example, the same example in tarpc and tonic, and the
//! example of links.

mod app;
mod cargo;
mod expansion;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use self::app::App;
use self::cargo::Build;
use crate::measuring::{BoxError, Machine, Progress, publish, spread};

/// The number of rounds and the output file.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Number of clean builds of each app [default: 3, quick: 1]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    /// Make a short run to check that everything works; its figures are rough
    #[arg(long)]
    quick: bool,
    /// Write the table to this file as well as to standard output
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

/// The measurements of an app.
struct Report {
    app: App,
    builds: Vec<Build>,
    crate_count: usize,
    binary_len: u64,
    lines_per_method: f64,
}

/// Builds, counts, and prints the table.
///
/// # Errors
///
/// Returns an error if an app does not compile, or if crates cannot be downloaded.
pub(crate) fn run(options: &Options) -> Result<ExitCode, BoxError> {
    let machine = Machine::this();
    let rounds = options.rounds.unwrap_or(if options.quick { 1 } else { 3 }) as usize;
    let apps = App::all()?;
    let progress = Progress::new((rounds + 1) * apps.len());
    for app in &apps {
        progress.begin(&format!("downloading the dependencies of {}", app.name));
        app.fetch()?;
    }
    let mut builds: Vec<Vec<Build>> = apps.iter().map(|_| Vec::new()).collect();
    for round in 1..=rounds {
        // The first app changes from round to round, as in every comparison of the bench.
        for index in (0..apps.len()).map(|index| (index + round - 1) % apps.len()) {
            let name = &apps[index].name;
            progress.begin(&format!("round {round}/{rounds}  {name}"));
            let build = apps[index].build()?;
            let Build { seconds, cpu_seconds } = build;
            progress.end(&format!("round {round}/{rounds}  {name:<12}  {seconds:.1} s, {cpu_seconds:.1} s of CPU"));
            builds[index].push(build);
        }
    }
    let mut reports = Vec::new();
    for (app, builds) in apps.into_iter().zip(builds) {
        progress.begin(&format!("expanding {}", app.name));
        let (crate_count, binary_len) = (app.crate_count()?, app.binary_len()?);
        let lines_per_method = expansion::lines_per_method(&app)?;
        progress.end(&format!("{:<12}  {crate_count} crates, {lines_per_method:.0} lines per method", app.name));
        reports.push(Report { app, builds, crate_count, binary_len, lines_per_method });
    }
    drop(progress);

    let text = format!("{machine}\n\n{}", table(&reports));
    publish(&text, options.markdown.as_ref())?;
    Ok(ExitCode::SUCCESS)
}

fn table(reports: &[Report]) -> String {
    let mut text = String::from("| | seconds | CPU seconds | crates | binary, MB | lines per method |\n");
    text += "| --- | --- | --- | --- | --- | --- |\n";
    for Report { app, builds, crate_count, binary_len, lines_per_method } in reports {
        let seconds = spread(builds.iter().map(|build| build.seconds), 1);
        let cpu = spread(builds.iter().map(|build| build.cpu_seconds), 1);
        let megabytes = *binary_len as f64 / 1e6;
        text +=
            &format!("| {} | {seconds} | {cpu} | {crate_count} | {megabytes:.2} | {lines_per_method:.0} |\n", app.name);
    }
    text
}
