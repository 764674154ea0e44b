//! Measures one endpoint that calls many peers instead of one.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use rpcudp::Endpoint;

use crate::contenders::rpcudp::{EchoClient, EchoServer, EchoService};
use crate::measuring::{
    BoxError, Caller, Cell, Machine, Placement, Sample, Timing, conclude, measure_in_rounds, micros, spread,
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
    /// Write the table to this file as well as to standard output
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

/// The maximum number of peers: loopback has more addresses than this from 127.1.0.0 on.
const MAX_PEERS: i64 = 1 << 23;

/// A number of peers, which is the key of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PeerCount(u32);

impl fmt::Display for PeerCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>6} peers", self.0)
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
    let groups = [options.counts.iter().copied().map(PeerCount).collect()];
    let samples = measure_in_rounds(timing, &groups, |count| cell.on_workers(callers(count, in_flight)));

    let mut text = format!("{machine}\n{in_flight} calls of {size} bytes in flight.\n");
    for placement in Placement::SETTLED {
        text += &table(&samples, &groups[0], placement);
    }
    conclude(text, &samples, options.markdown.as_ref())
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
async fn callers(PeerCount(peer_count): PeerCount, count: usize) -> Result<Vec<CyclingCaller>, BoxError> {
    let server = Endpoint::builder().serve(EchoServer::new(EchoService)).bind("0.0.0.0:0").await?;
    let endpoint = Endpoint::bind("127.0.0.1:0").await?;
    let port = server.local_addr().port();
    let first = u32::from(Ipv4Addr::new(127, 1, 0, 0));
    let peers: Arc<[_]> = (0..peer_count).map(|n| SocketAddr::from((Ipv4Addr::from(first + n), port))).collect();
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

/// Renders the table of one placement. Ratios to the other numbers of peers are within rounds.
fn table(samples: &[Sample<PeerCount>], counts: &[PeerCount], placement: Placement) -> String {
    let of = |count| {
        samples.iter().filter(move |sample| sample.key == count && sample.placement == placement && sample.counts())
    };
    if counts.iter().all(|&count| of(count).next().is_none()) {
        return String::new();
    }
    let titles: Vec<_> = counts.iter().map(|PeerCount(count)| format!("/ with {count}")).collect();
    let mut text = format!("\nCores {placement}:\n\n| peers | calls/s | p50 us | p99 us | CPU us/call |");
    text += &format!(" {} | samples |\n|{}\n", titles.join(" | "), " --- |".repeat(counts.len() + 6));
    for &count in counts {
        let speeds = spread(of(count).map(|sample| sample.calls_per_second), 0);
        let [p50, p99] = [0.5, 0.99].map(|share| spread(of(count).map(|sample| sample.quantile(share)), 1));
        let cpu = spread(of(count).map(|sample| micros(sample.cpu_per_call)), 2);
        text += &format!("| {} | {speeds} | {p50} | {p99} | {cpu} |", count.0);
        for &other in counts {
            let ratios = of(count).filter_map(|sample| {
                let base = of(other).find(|base| base.round == sample.round)?;
                Some(sample.calls_per_second / base.calls_per_second)
            });
            text += &if other == count { " |".into() } else { format!(" {} |", spread(ratios, 2)) };
        }
        text += &format!(" {} |\n", of(count).count());
    }
    text
}
