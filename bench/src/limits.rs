//! What it costs to look whether a source may ask, where it may.

use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use rpcudp::{Builder, Endpoint, Limits};

use crate::contenders::rpcudp::{EchoClient, EchoServer, EchoService};
use crate::measuring::{
    BoxError, Caller, Cell, Machine, Placement, Sample, Timing, conclude, measure_in_rounds, micros, spread,
};

/// What is asked.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    timing: Timing,
    /// Calls in flight
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=100_000), default_value_t = 64)]
    in_flight: u32,
    /// Bytes that are sent and come back
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(Cell::MIN_SIZE as i64..=8_180), default_value_t = 32)]
    size: u32,
    /// Where the table goes, besides standard output
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

/// What both endpoints look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Setting {
    /// Every source, loopback too, against limits that nobody reaches.
    Checked,
    /// What is so by default: on loopback, whether a source is loopback.
    Default,
    /// Nothing.
    Trusted,
}

impl Setting {
    const ALL: [Self; 3] = [Self::Checked, Self::Default, Self::Trusted];

    fn builder(self) -> Builder {
        /// A second's worth that no bench reaches; `u32::MAX` would not be looked at.
        const PLENTY: u32 = 4_000_000_000;

        let builder = Endpoint::builder();
        match self {
            Self::Checked => builder.limits(
                Limits::default()
                    .limit_loopback(true)
                    .requests_per_source(PLENTY)
                    .requests_from_unvalidated(PLENTY)
                    .response_bytes_per_source(PLENTY),
            ),
            Self::Default => builder,
            Self::Trusted => builder.trusted_network(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Checked => "checked",
            Self::Default => "default",
            Self::Trusted => "trusted",
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Measures, and prints the table.
///
/// # Errors
///
/// Where the table's file cannot be written.
pub(crate) fn run(options: &Options) -> Result<ExitCode, BoxError> {
    let machine = Machine::this();
    let Options { timing, in_flight, size, .. } = options;
    let (in_flight, size) = (*in_flight as usize, *size as usize);
    let cell = Cell { in_flight, size, warm_up: timing.warm_up(), window: timing.window() };
    let samples =
        measure_in_rounds(timing, &[Setting::ALL.to_vec()], |setting| cell.on_workers(callers(setting, in_flight)));

    let mut text = format!("{machine}\n{in_flight} calls of {size} bytes in flight.\n");
    for placement in Placement::SETTLED {
        text += &table(&samples, placement);
    }
    conclude(text, &samples, options.markdown.as_ref())
}

/// Calls through an endpoint that others call through as well.
#[derive(Debug)]
struct LimitedCaller {
    client: EchoClient,
    /// It serves as long as there is a handle.
    _server: Endpoint,
}

/// Two endpoints with this setting, and so many that call the one through the other.
async fn callers(setting: Setting, count: usize) -> Result<Vec<LimitedCaller>, BoxError> {
    let server = setting.builder().serve(EchoServer::new(EchoService)).bind("127.0.0.1:0").await?;
    let endpoint = setting.builder().bind("127.0.0.1:0").await?;
    let client = EchoClient::new(&endpoint, server.local_addr());
    Ok((0..count).map(|_| LimitedCaller { client: client.clone(), _server: server.clone() }).collect())
}

impl Caller for LimitedCaller {
    async fn call(&mut self, payload: &[u8]) -> Result<impl AsRef<[u8]> + Send, BoxError> {
        Ok(self.client.echo(payload).await?)
    }
}

/// Calls per second beside those without limits, within rounds.
fn table(samples: &[Sample<Setting>], placement: Placement) -> String {
    let of = |setting| {
        samples.iter().filter(move |sample| sample.key == setting && sample.placement == placement && sample.counts())
    };
    if Setting::ALL.iter().all(|&setting| of(setting).next().is_none()) {
        return String::new();
    }
    let mut text = format!("\nCores {placement}:\n\n");
    text += "| limits | calls/s | of trusted | p50 us | p99 us | CPU us/call | CPU, of trusted | samples |\n|";
    text += &" --- |".repeat(8);
    text += "\n";
    for setting in Setting::ALL {
        let [p50, p99] = [0.5, 0.99].map(|share| spread(of(setting).map(|sample| sample.quantile(share)), 1));
        let of_trusted = |value: fn(&Sample<Setting>) -> f64| {
            let ratios = of(setting).filter_map(|sample| {
                let base = of(Setting::Trusted).find(|base| base.round == sample.round)?;
                Some(value(sample) / value(base))
            });
            spread(ratios, 3)
        };
        text += &format!(
            "| {setting} | {} | {} | {p50} | {p99} | {} | {} | {} |\n",
            spread(of(setting).map(|sample| sample.calls_per_second), 0),
            of_trusted(|sample| sample.calls_per_second),
            spread(of(setting).map(|sample| micros(sample.cpu_per_call)), 2),
            of_trusted(|sample| micros(sample.cpu_per_call)),
            of(setting).count(),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn no_setting_fails_a_call() {
        for setting in Setting::ALL {
            let cell =
                Cell { in_flight: 64, size: 32, warm_up: Duration::from_millis(20), window: Duration::from_millis(50) };
            let measured = cell.on_workers(callers(setting, cell.in_flight)).unwrap();
            assert_eq!(measured.failures.count, 0, "{setting}: {:?}", measured.failures);
            assert!(measured.latencies.count() > 0, "{setting}");
        }
    }
}
