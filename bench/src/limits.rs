//! Measures the cost of checking the limits of a source that stays within them.

use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use rpcudp::{Builder, Endpoint, Limits};

use crate::contenders::rpcudp::{EchoClient, EchoServer, EchoService};
use crate::measuring::{
    BoxError, Caller, Cell, Machine, Placement, RatioTable, Sample, Timing, conclude, measure_in_rounds,
};

/// The cell and the output file.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    timing: Timing,
    /// Calls in flight
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=100_000), default_value_t = 64)]
    in_flight: u32,
    /// Payload in bytes
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(Cell::MIN_SIZE as i64..=8_180), default_value_t = 32)]
    size: u32,
    /// Write the table to this file as well as to standard output
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

/// The limits of both endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Setting {
    /// Every source is checked, loopback included, against limits that are never reached.
    Checked,
    /// The defaults: a source on loopback is exempt.
    Default,
    /// No limits.
    Trusted,
}

impl Setting {
    const ALL: [Self; 3] = [Self::Checked, Self::Default, Self::Trusted];

    fn builder(self) -> Builder {
        /// A limit per second that the bench never reaches. `u32::MAX` would disable the check.
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
/// Returns an error if the table's file cannot be written.
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

/// A caller that shares its endpoint with others.
#[derive(Debug)]
struct LimitedCaller {
    client: EchoClient,
    /// The server serves as long as a handle exists.
    _server: Endpoint,
}

/// Binds two endpoints with this setting, and returns callers that share one of them and call the
/// other.
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

/// Renders the table of one placement. Ratios to the endpoints without limits are within rounds.
fn table(samples: &[Sample<Setting>], placement: Placement) -> String {
    RatioTable {
        heads: "limits",
        cells: |setting: Setting| setting.to_string(),
        base_name: "trusted",
        base_of: |_| Setting::Trusted,
    }
    .render(samples, &Setting::ALL, placement)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn calls_succeed_with_every_setting() {
        for setting in Setting::ALL {
            let cell = Cell {
                in_flight: 64,
                size: 32,
                warm_up: Duration::from_millis(20),
                window: Duration::from_millis(250),
            };
            let measured = cell.on_workers(callers(setting, cell.in_flight)).unwrap();
            assert_eq!(measured.failures.count, 0, "{setting}: {:?}", measured.failures);
            assert!(measured.latencies.count() > 0, "{setting}");
        }
    }
}
