//! A flood of hostile datagrams at one endpoint: its memory does not grow with their number, and it
//! responds to the next valid call. The test measures the memory of the process, so it has a binary
//! of its own.
//!
//! `RPCUDP_HOSTILE=10000000` sends that many. The seed is `RPCUDP_SEED`, default 1. With
//! `--nocapture` the test prints the duration, the bytes and the statistics.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::future::poll_fn;
use std::ops::RangeInclusive;
use std::task::Poll;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt, SeedableRng};
use rpcudp::sim::{Network, Node};
use rpcudp::transport::{ReceiveBatch, Transport};
use rpcudp::{DropReason, Endpoint, Stats, rpc_service};
use rpcudp_core::{Dialect, MessageId, Request};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use support::{Encode, bind, ms, request, send, unhex, variable};

#[rpc_service]
trait Target {
    fn text(&self, text: &str) -> usize;
    fn any(&self, any: Any) -> usize;
    fn map(&self, map: BTreeMap<String, Vec<u8>>, more: Option<Vec<u64>>) -> usize;
    fn borrowed(&self, rumour: Rumour<'_>) -> usize;
    async fn later(&self, bytes: &[u8], tree: Tree) -> usize;
    #[rpc(at_most_once)]
    fn once(&self, number: i32) -> Result<i32, String>;
    #[rpc(at_most_once)]
    async fn once_later(&self, number: i32) -> i32;
    #[rpc(oneway)]
    fn oneway(&self, point: (u8, f64));
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(untagged)]
enum Any {
    Number(f64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Self>),
    Map(BTreeMap<String, Self>),
}

#[derive(Debug, Deserialize, Serialize)]
enum Tree {
    Leaf,
    Branch(Vec<Self>),
}

#[derive(Debug, Deserialize, Serialize)]
struct Rumour<'a> {
    about: &'a str,
    proof: Option<&'a [u8]>,
}

struct Service;

impl Target for Service {
    fn text(&self, text: &str) -> usize {
        text.len()
    }
    fn any(&self, any: Any) -> usize {
        match any {
            Any::Number(_) => 1,
            Any::Text(text) => text.len(),
            Any::Bytes(bytes) => bytes.len(),
            Any::List(list) => list.len(),
            Any::Map(map) => map.len(),
        }
    }
    fn map(&self, map: BTreeMap<String, Vec<u8>>, more: Option<Vec<u64>>) -> usize {
        map.len() + more.map_or(0, |more| more.len())
    }
    fn borrowed(&self, rumour: Rumour<'_>) -> usize {
        rumour.about.len() + rumour.proof.map_or(0, <[u8]>::len)
    }
    async fn later(&self, bytes: &[u8], _: Tree) -> usize {
        tokio::task::yield_now().await;
        bytes.len()
    }
    fn once(&self, number: i32) -> Result<i32, String> {
        number.checked_neg().ok_or_else(|| "too negative".into())
    }
    async fn once_later(&self, number: i32) -> i32 {
        tokio::task::yield_now().await;
        number
    }
    fn oneway(&self, _: (u8, f64)) {}
}

#[tokio::test(start_paused = true)]
async fn flood_of_hostile_datagrams_grows_no_memory_and_is_counted() {
    let (count, seed) = (variable("RPCUDP_HOSTILE").unwrap_or(100_000), variable("RPCUDP_SEED").unwrap_or(1));
    let mut flood = Flood::new(seed);
    let start = Instant::now();
    // Halfway through, the memory of stored responses is full and all buffers have their final
    // size.
    flood.send(count / 2).await;
    let halfway = resident_len();
    flood.send(count - count / 2).await;
    let grown = resident_len().zip(halfway).map(|(now, halfway)| now.saturating_sub(halfway));
    println!(
        "{count} datagrams with the seed {seed} in {:?}, {} bytes sent and {} received; resident bytes halfway and \
         their growth since: {halfway:?}, {grown:?}; {:?}",
        start.elapsed(),
        flood.sent_len,
        flood.response_len,
        flood.target.stats(),
    );
    assert!(grown.is_none_or(|grown| grown <= MAX_GROWTH), "seed {seed}: the memory grew by {grown:?} bytes");
    assert!(flood.response_len <= flood.sent_len, "seed {seed}: the responses amplify the flood");
    let stats = flood.target.stats();
    assert_eq!(stats.datagrams.received, count, "seed {seed}");
    assert!(handled_counts(&stats).contains(&count), "seed {seed}: {stats:?}");
    assert_eq!(stats.requests.panicked, 0, "seed {seed}");
    let client = TargetClient::new(&flood.target, flood.target.local_addr());
    assert_eq!(client.text("alive").await.unwrap(), 5, "seed {seed}");
    assert_eq!(client.once(7).await.unwrap(), -7, "seed {seed}");
}

/// The most bytes by which the resident memory may grow: an allocator takes some from the system
/// although the program keeps none.
const MAX_GROWTH: u64 = 4 << 20;

struct Flood {
    target: Endpoint,
    /// A node on the loopback interface, to which limits do not apply, and a node on another host.
    attackers: [Node; 2],
    hostile: Hostile,
    sent_len: usize,
    response_len: usize,
}

impl Flood {
    fn new(seed: u64) -> Self {
        let network = Network::new(seed);
        // Half of the flood fills this much memory for stored responses.
        let target = Endpoint::builder().serve(TargetServer::new(Service));
        let target = bind(&network, "127.0.0.1:7000", target.response_memory(1 << 20, Duration::from_secs(60)));
        let attackers = ["127.0.0.1:666", "10.6.6.6:666"].map(|addr| network.bind(addr).unwrap());
        Self { target, attackers, hostile: Hostile::new(seed), sent_len: 0, response_len: 0 }
    }

    async fn send(&mut self, count: u64) {
        for number in 1..=count {
            let contents = self.hostile.datagram();
            self.sent_len += contents.len();
            // Three of four come from loopback, so that no limit drops them unread.
            send(&self.attackers[usize::from(number.is_multiple_of(4))], self.target.local_addr(), contents);
            if number.is_multiple_of(256) || number == count {
                self.settle().await;
            }
        }
    }

    /// Lets the server handle every datagram that was sent, and takes the responses. 1 ms of
    /// virtual time passes, so that rate limits refill and stored responses expire.
    async fn settle(&mut self) {
        sleep(ms(1)).await;
        let mut batch = ReceiveBatch::new();
        for attacker in &self.attackers {
            while poll_fn(|cx| Poll::Ready(attacker.poll_receive(cx, &mut batch).is_ready())).await {
                self.response_len += batch.iter().map(|response| response.contents.len()).sum::<usize>();
            }
        }
    }
}

/// A generator of hostile datagrams.
struct Hostile {
    rng: StdRng,
    valid: Vec<Vec<u8>>,
    datagram: Vec<u8>,
}

impl Hostile {
    fn new(seed: u64) -> Self {
        Self { rng: StdRng::seed_from_u64(seed), valid: valid_datagrams(), datagram: Vec::new() }
    }

    fn datagram(&mut self) -> &[u8] {
        self.datagram.clear();
        match self.rng.random_range(0..10) {
            0..=4 => self.corrupt(),
            5 => self.random(0, 300),
            6 => {
                self.header();
                self.random(1, 100);
            }
            7 => self.nest(),
            8 => self.false_length(),
            _ => {
                // Random bytes in the place of the arguments.
                self.begin_request();
                self.random(1, 40);
            }
        }
        &self.datagram
    }

    /// Writes a valid datagram with some bytes changed, cut short or extended.
    fn corrupt(&mut self) {
        let Self { rng, valid, datagram } = self;
        datagram.extend_from_slice(valid.choose(rng).expect("the list has datagrams"));
        for _ in 0..rng.random_range(0..6) {
            // A changed id makes another call of the datagram.
            let at = rng.random_range(0..datagram.len());
            datagram[at] = rng.random();
        }
        match rng.random_range(0..8) {
            0 => datagram.truncate(rng.random_range(0..datagram.len())),
            1 => datagram.extend((0..rng.random_range(0..50)).map(|_| rng.random::<u8>())),
            _ => {}
        }
    }

    /// Writes `min_len..max_len` random bytes.
    fn random(&mut self, min_len: usize, max_len: usize) {
        let Self { rng, datagram, .. } = self;
        let start = datagram.len();
        datagram.resize(start + rng.random_range(min_len..max_len), 0);
        rng.fill_bytes(&mut datagram[start..]);
    }

    /// Writes a header with a random kind and id.
    fn header(&mut self) {
        self.datagram.push(self.rng.random_range(0..8));
        self.datagram.resize(21, 0);
        self.rng.fill_bytes(&mut self.datagram[1..]);
    }

    /// Writes the start of a request that announces one or two arguments.
    fn begin_request(&mut self) {
        let Self { rng, datagram, .. } = self;
        let methods = ["text", "any", "map", "borrowed", "later", "once", "once_later", "oneway"];
        let method = methods.choose(rng).expect("the list has methods");
        Request::begin(datagram, Dialect::Rpcudp, method, rng.random_range(1..3));
        Request::set_id(datagram, MessageId::without_slot(rng.random()));
    }

    /// Writes nested arrays or maps, up to the allowed depth and far beyond it.
    fn nest(&mut self) {
        self.begin_request();
        let open: &[u8] = if self.rng.random() { b"\x91" } else { b"\x81\xa1k" };
        let depth = if self.rng.random() { self.rng.random_range(0..40) } else { self.rng.random_range(0..20_000) };
        self.datagram.extend(open.repeat(depth));
        self.datagram.extend_from_slice(b"\xc0\xc0");
    }

    /// Writes the head of a value with a length that the datagram does not have.
    fn false_length(&mut self) {
        self.begin_request();
        let heads = [0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf];
        self.datagram.push(*heads.choose(&mut self.rng).expect("the list has heads"));
        self.datagram.extend_from_slice(if self.rng.random() { b"\xff\xff\xff\xff" } else { b"\x00\x00\xff\xff" });
        self.random(0, 30);
    }
}

/// Returns the datagrams that Python produced, a request for each method, and unmatched responses.
fn valid_datagrams() -> Vec<Vec<u8>> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/rpcudp-core/tests/vectors/rpcudp.json");
    let file = fs::read_to_string(file).expect("the vectors are in the repository");
    let hex = file.lines().filter_map(|line| line.trim().strip_prefix("\"hex\": \"")?.strip_suffix('"'));
    let mut datagrams: Vec<_> = hex.map(unhex).collect();
    assert_eq!(datagrams.len(), 37, "every datagram of the file");
    let any = Any::Map(BTreeMap::from([("key".into(), Any::List(vec![Any::Number(0.5), Any::Bytes(vec![1, 2])]))]));
    let tree = Tree::Branch(vec![Tree::Leaf, Tree::Branch(vec![Tree::Leaf])]);
    let request = |method, arguments: &[&dyn Encode]| request([7; 20], method, arguments);
    datagrams.extend([
        request("text", &[&"Snake Plissken"]),
        request("any", &[&any]),
        request("map", &[&BTreeMap::from([("key", vec![1_u8, 2])]), &Some([1_u64, u64::MAX])]),
        request("borrowed", &[&Rumour { about: "it", proof: Some(b"\x00") }]),
        request("later", &[&vec![1_u8, 2], &tree]),
        request("once", &[&-5]),
        request("once_later", &[&5]),
        request("oneway", &[&(1_u8, 0.5)]),
        [&b"\x01"[..], &[9; 20], b"\xa2hi"].concat(),
        [&b"\x04"[..], &[9; 20], b"\x93\x01\xa4oops\xc0"].concat(),
    ]);
    datagrams
}

/// Returns the least and the most datagrams that were handled: the statistics do not say how many
/// of the dropped ones were counted as requests too.
fn handled_counts(stats: &Stats) -> RangeInclusive<u64> {
    let max_count = stats.requests.received + stats.dropped_in_all() - stats.dropped(DropReason::DuplicateRequest);
    max_count - stats.dropped(DropReason::ResponseBudget) - stats.dropped(DropReason::Expired)..=max_count
}

/// Returns the resident memory of this process in bytes, or `None` if the system does not report
/// it.
fn resident_len() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
}
