//! Measures one endpoint that calls many peers instead of one.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use rpcudp::Endpoint;

use crate::contenders::bare;
use crate::contenders::mmsg_many::{self, Source};
use crate::contenders::rpcudp::{EchoClient, EchoServer, EchoService};
use crate::measuring::{
    BoxError, Caller, Cell, Machine, Measured, Placement, Sample, Timing, conclude, measure_in_rounds, micros, spread,
};

/// The numbers of peers, the cell and the output file.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    timing: Timing,
    /// Numbers of peers, separated by commas
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=MAX_PEERS), default_value = "1,100,10000")]
    counts: Vec<u32>,
    /// Calls in flight
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=100_000), default_value_t = 512)]
    in_flight: u32,
    /// Payload in bytes
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(Cell::MIN_SIZE as i64..=8_180), default_value_t = 32)]
    size: u32,
    /// Measure only these contenders
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    only: Option<Vec<Contender>>,
    /// Write the table to this file as well as to standard output
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

/// The maximum number of peers: loopback has more addresses than this from 127.1.0.0 on.
const MAX_PEERS: i64 = 1 << 23;

/// A cell: a number of peers, and the contender that calls them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    peer_count: u32,
    contender: Contender,
}

/// The contenders that can call many peers through one socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Contender {
    /// This crate: one endpoint
    Rpcudp,
    /// A bare tokio socket: one datagram per system call
    Bare,
    /// A ceiling: two threads that only call sendmmsg and recvmmsg
    MmsgMany,
    /// The same ceiling, whose server responds from the address that was called, as a peer must
    MmsgManyCalled,
}

impl Contender {
    const ALL: [Self; 4] = [Self::Rpcudp, Self::Bare, Self::MmsgMany, Self::MmsgManyCalled];

    fn name(self) -> &'static str {
        match self {
            Self::Rpcudp => "rpcudp",
            Self::Bare => "bare",
            Self::MmsgMany => "mmsg-many",
            Self::MmsgManyCalled => "mmsg-many-called",
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>6} peers  {:<16}", self.peer_count, self.contender.name())
    }
}

impl Key {
    fn run(self, cell: Cell) -> Result<Measured, BoxError> {
        let first = u32::from(Ipv4Addr::new(127, 1, 0, 0));
        let peers = (0..self.peer_count).map(|n| Ipv4Addr::from(first + n)).collect::<Vec<_>>();
        match self.contender {
            Contender::Rpcudp => cell.on_workers(callers(cell.in_flight, &peers)),
            Contender::Bare => cell.on_workers(bare::callers(cell.in_flight, cell.size, peers)),
            Contender::MmsgMany => mmsg_many::run(cell, &peers, Source::Any),
            Contender::MmsgManyCalled => mmsg_many::run(cell, &peers, Source::Called),
        }
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
    let contenders: Vec<_> = Contender::ALL.into_iter().filter(|contender| options.includes(*contender)).collect();
    let keys = |peer_count| contenders.iter().map(move |&contender| Key { peer_count, contender });
    // One group, because the numbers of peers are compared with each other as well.
    let groups = [options.counts.iter().copied().flat_map(keys).collect()];
    let samples = measure_in_rounds(timing, &groups, |key| key.run(cell));

    let mut text = format!("{machine}\n{in_flight} calls of {size} bytes in flight.\n");
    for placement in Placement::SETTLED {
        text += &table(&samples, &groups[0], placement);
    }
    conclude(text, &samples, options.markdown.as_ref())
}

impl Options {
    fn includes(&self, contender: Contender) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(&contender))
    }
}

/// A caller that calls one peer after the other.
#[derive(Debug)]
struct CyclingCaller {
    client: EchoClient,
    peers: Arc<[SocketAddr]>,
    next: usize,
    step: usize,
    /// The server serves as long as a handle exists.
    _server: Endpoint,
}

/// Binds an endpoint that is all the peers and one that calls them, and returns callers that divide
/// the peers among them.
///
/// The server is bound to all addresses of loopback. Each address is a peer of its own to the
/// client, which checks the source of each response. So client and server do the same work for
/// every number of peers, except for the work that is measured.
async fn callers(count: usize, peers: &[Ipv4Addr]) -> Result<Vec<CyclingCaller>, BoxError> {
    let server = Endpoint::builder().serve(EchoServer::new(EchoService)).bind("0.0.0.0:0").await?;
    let endpoint = Endpoint::bind("127.0.0.1:0").await?;
    let port = server.local_addr().port();
    let peers: Arc<[_]> = peers.iter().map(|ip| SocketAddr::from((*ip, port))).collect();
    let client = EchoClient::new(&endpoint, peers[0]);
    let caller = |number| CyclingCaller {
        client: client.clone(),
        peers: Arc::clone(&peers),
        next: number,
        step: count,
        _server: server.clone(),
    };
    Ok((0..count).map(caller).collect())
}

impl Caller for CyclingCaller {
    async fn call(&mut self, payload: &[u8]) -> Result<impl AsRef<[u8]> + Send, BoxError> {
        let peer = self.peers[self.next % self.peers.len()];
        self.next += self.step;
        Ok(self.client.with_peer(peer).echo(payload).await?)
    }
}

/// Renders the table of one placement. Ratios are within rounds.
fn table(samples: &[Sample<Key>], keys: &[Key], placement: Placement) -> String {
    let of = |key| {
        samples.iter().filter(move |sample| sample.key == key && sample.placement == placement && sample.counts())
    };
    if keys.iter().all(|&key| of(key).next().is_none()) {
        return String::new();
    }
    let ratios = |one, other, value: fn(&Sample<Key>) -> f64| {
        let within_round = of(one).filter_map(|one| {
            let other = of(other).find(|other| other.round == one.round && other.has_pace_of(one))?;
            Some(value(one) / value(other))
        });
        spread(within_round, 2)
    };
    let speed = |sample: &Sample<Key>| sample.calls_per_second;
    let p99 = |sample: &Sample<Key>| sample.quantile(0.99);
    let fewest = keys.iter().map(|key| key.peer_count).min().unwrap_or_default();
    let titles = [
        "peers",
        "",
        "calls/s",
        "p50 us",
        "p99 us",
        "p99 / p50",
        "CPU us/call",
        &format!("calls/s / with {fewest}"),
        "calls/s, rpcudp / contender",
        "p99, rpcudp / contender",
        "samples",
    ];
    let mut text = format!("\nCores {placement}:\n\n| {} |\n|{}\n", titles.join(" | "), " --- |".repeat(titles.len()));
    for &key in keys {
        let ours = Key { contender: Contender::Rpcudp, ..key };
        let [fewer, speeds, p99s] = [
            (key.peer_count != fewest).then(|| ratios(key, Key { peer_count: fewest, ..key }, speed)),
            (key != ours).then(|| ratios(ours, key, speed)),
            (key != ours).then(|| ratios(ours, key, p99)),
        ]
        .map(Option::unwrap_or_default);
        let columns = [
            key.peer_count.to_string(),
            key.contender.name().into(),
            spread(of(key).map(speed), 0),
            spread(of(key).map(|sample| sample.quantile(0.5)), 1),
            spread(of(key).map(p99), 1),
            spread(of(key).map(|sample| p99(sample) / sample.quantile(0.5)), 2),
            spread(of(key).map(|sample| micros(sample.cpu_per_call)), 2),
            fewer,
            speeds,
            p99s,
            of(key).count().to_string(),
        ];
        text += &format!("| {} |\n", columns.join(" | "));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_contender_calls_many_peers() {
        let (warm_up, window) = (Duration::from_millis(20), Duration::from_millis(50));
        for contender in Contender::ALL {
            for in_flight in [1, 70] {
                let cell = Cell { in_flight, size: 32, warm_up, window };
                let measured = Key { peer_count: 7, contender }.run(cell).unwrap();
                assert_eq!(measured.failures.count, 0, "{contender:?}, {in_flight}: {:?}", measured.failures);
                assert!(measured.latencies.count() > 0, "{contender:?}, {in_flight}");
            }
        }
    }
}
