//! Measures calls over links, and plain calls of an endpoint that has links, beside plain calls.

use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use rpcudp::{Builder, Endpoint, Identity, LinkOptions};

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

/// The wire, and the identities of both endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Setting {
    /// Over a link, with packets of 1,200 bytes.
    Link,
    /// Over a link, with packets of 8,900 bytes.
    LargePackets,
    /// Over the plain wire, between endpoints with an identity.
    Identity,
    /// Over the plain wire, between endpoints without one.
    Plain,
}

impl Setting {
    const ALL: [Self; 4] = [Self::Link, Self::LargePackets, Self::Identity, Self::Plain];

    fn builder(self) -> Builder {
        let builder = Endpoint::builder();
        match self {
            Self::Link | Self::Identity => builder.identity(Identity::generate()),
            Self::LargePackets => {
                builder.identity(Identity::generate()).link_options(LinkOptions::default().mtu(8_900))
            }
            Self::Plain => builder,
        }
    }

    fn is_secure(self) -> bool {
        matches!(self, Self::Link | Self::LargePackets)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::LargePackets => "link, 8,900 bytes",
            Self::Identity => "plain, with identity",
            Self::Plain => "plain",
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
struct LinkCaller {
    client: EchoClient,
    /// The server serves as long as a handle exists.
    _server: Endpoint,
}

/// Binds two endpoints with this setting, and returns callers that share one of them and call the
/// other.
async fn callers(setting: Setting, count: usize) -> Result<Vec<LinkCaller>, BoxError> {
    let server = setting.builder().serve(EchoServer::new(EchoService)).bind("127.0.0.1:0").await?;
    let endpoint = setting.builder().bind("127.0.0.1:0").await?;
    let client = match server.peer_id().filter(|_| setting.is_secure()) {
        Some(key) => EchoClient::secure(&endpoint, server.local_addr(), key),
        None => EchoClient::new(&endpoint, server.local_addr()),
    };
    Ok((0..count).map(|_| LinkCaller { client: client.clone(), _server: server.clone() }).collect())
}

impl Caller for LinkCaller {
    async fn call(&mut self, payload: &[u8]) -> Result<impl AsRef<[u8]> + Send, BoxError> {
        Ok(self.client.echo(payload).await?)
    }
}

/// Renders the table of one placement. Ratios to plain calls are within rounds.
fn table(samples: &[Sample<Setting>], placement: Placement) -> String {
    RatioTable {
        heads: "wire",
        cells: |setting: Setting| setting.to_string(),
        base_name: "plain",
        base_of: |_| Setting::Plain,
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
            let cell =
                Cell { in_flight: 64, size: 32, warm_up: Duration::from_millis(20), window: Duration::from_millis(50) };
            let measured = cell.on_workers(callers(setting, cell.in_flight)).unwrap();
            assert_eq!(measured.failures.count, 0, "{setting}: {:?}", measured.failures);
            assert!(measured.latencies.count() > 0, "{setting}");
        }
    }
}
