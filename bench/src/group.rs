//! Measures the cost of a group beside plain clients of the same peers.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::Args;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rpcudp::{Endpoint, Peers};

use crate::contenders::rpcudp::{EchoClient, EchoServer, EchoService};
use crate::measuring::{
    BoxError, Caller, Cell, Machine, Placement, RatioTable, Sample, Timing, conclude, measure_in_rounds,
};

/// The numbers of peers, the cell and the output file.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    timing: Timing,
    /// Numbers of peers, separated by commas
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=4_096), default_value = "1,100")]
    counts: Vec<u32>,
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

/// A number of peers, and the clients that call them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    peer_count: u32,
    clients: Clients,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clients {
    /// A client for each peer, which all callers together use in turn. As with a group, no peer
    /// gets a call while others wait for one.
    Plain,
    /// A client for each peer, one of which is drawn for each call. Some calls to one peer leave
    /// together by chance.
    AtRandom,
    /// A client for each peer, which each caller uses in its own turn. The callers fall into step,
    /// so that calls to one peer leave together.
    EachInTurn,
    /// One client of a group of all peers.
    Group,
}

impl Clients {
    const ALL: [Self; 4] = [Self::Plain, Self::AtRandom, Self::EachInTurn, Self::Group];

    fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::AtRandom => "plain, at random",
            Self::EachInTurn => "plain, each in turn",
            Self::Group => "group",
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>4} peers  {}", self.peer_count, self.clients.name())
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
    let keys = |&peer_count: &u32| Clients::ALL.map(|clients| Key { peer_count, clients }).to_vec();
    // Clients of the same peers are compared with each other only.
    let groups: Vec<_> = options.counts.iter().map(keys).collect();
    let samples = measure_in_rounds(timing, &groups, |key| cell.on_workers(callers(key, in_flight)));

    let mut text = format!("{machine}\n{in_flight} calls of {size} bytes in flight.\n");
    for placement in Placement::SETTLED {
        text += &table(&samples, &groups.concat(), placement);
    }
    conclude(text, &samples, options.markdown.as_ref())
}

/// A caller that uses one of its clients for each call.
#[derive(Debug)]
struct ClientsCaller {
    clients: Vec<EchoClient>,
    /// The next client; of this caller, or of all.
    next: Arc<AtomicUsize>,
    /// The draws, if the clients are drawn.
    rng: Option<StdRng>,
    /// The server serves as long as a handle exists.
    _server: Endpoint,
}

/// Binds a server that is all peers, because it is bound to all addresses of loopback, and returns
/// callers that share the endpoint of their clients.
async fn callers(key: Key, count: usize) -> Result<Vec<ClientsCaller>, BoxError> {
    let server = Endpoint::builder().serve(EchoServer::new(EchoService)).bind("0.0.0.0:0").await?;
    let endpoint = Endpoint::bind("127.0.0.1:0").await?;
    let (first, port) = (u32::from(Ipv4Addr::new(127, 1, 0, 0)), server.local_addr().port());
    let peers = (0..key.peer_count).map(|number| SocketAddr::from((Ipv4Addr::from(first + number), port)));
    let clients: Vec<_> = match key.clients {
        Clients::Plain | Clients::AtRandom | Clients::EachInTurn => {
            peers.map(|peer| EchoClient::new(&endpoint, peer)).collect()
        }
        Clients::Group => vec![EchoClient::group(&endpoint, Peers::fixed(peers))],
    };
    let next_of_all = Arc::new(AtomicUsize::new(0));
    let caller = |number| {
        let is_own = key.clients == Clients::EachInTurn;
        let next = if is_own { Arc::new(AtomicUsize::new(number)) } else { Arc::clone(&next_of_all) };
        let rng = (key.clients == Clients::AtRandom).then(|| StdRng::seed_from_u64(number as u64));
        ClientsCaller { clients: clients.clone(), next, rng, _server: server.clone() }
    };
    Ok((0..count).map(caller).collect())
}

impl Caller for ClientsCaller {
    async fn call(&mut self, payload: &[u8]) -> Result<impl AsRef<[u8]> + Send, BoxError> {
        let next = match &mut self.rng {
            Some(rng) => rng.random_range(0..self.clients.len()),
            None => self.next.fetch_add(1, Ordering::Relaxed) % self.clients.len(),
        };
        Ok(self.clients[next].echo(payload).await?)
    }
}

/// Renders the table of one placement. Ratios to the plain clients are within rounds.
fn table(samples: &[Sample<Key>], keys: &[Key], placement: Placement) -> String {
    RatioTable {
        heads: "peers | clients",
        cells: |key: Key| format!("{} | {}", key.peer_count, key.clients.name()),
        base_name: "plain",
        base_of: |key| Key { clients: Clients::Plain, ..key },
    }
    .render(samples, keys, placement)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn calls_succeed_with_plain_clients_and_with_a_group() {
        for (peer_count, clients) in [1, 100].into_iter().flat_map(|count| Clients::ALL.map(|clients| (count, clients)))
        {
            let cell =
                Cell { in_flight: 64, size: 32, warm_up: Duration::from_millis(20), window: Duration::from_millis(50) };
            let key = Key { peer_count, clients };
            let measured = cell.on_workers(callers(key, cell.in_flight)).unwrap();
            assert_eq!(measured.failures.count, 0, "{key}: {:?}", measured.failures);
            assert!(measured.latencies.count() > 0, "{key}");
        }
    }
}
