//! Hostile datagrams by the thousand at one endpoint: it goes on, takes no more memory for more of them, and answers
//! the next honest call.
//!
//! `RPCUDP_HOSTILE=10000000` sends as many; the seed is `RPCUDP_SEED`, or 1. With `--nocapture` it says what it took.

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
async fn a_flood_of_hostile_datagrams_leaves_nothing_behind() {
    let (count, seed) = (variable("RPCUDP_HOSTILE").unwrap_or(100_000), variable("RPCUDP_SEED").unwrap_or(1));
    let mut flood = Flood::new(seed);
    let start = Instant::now();
    // What is taken for good is taken early: the memory of at-most-once is full by then, and all buffers have grown.
    flood.send(count / 2).await;
    let halfway = resident_len();
    flood.send(count - count / 2).await;
    let grown = resident_len().zip(halfway).map(|(now, halfway)| now.saturating_sub(halfway));
    println!(
        "{count} datagrams with the seed {seed} in {:?}, {} bytes sent and {} answered; resident at half of them and \
         grown since, in bytes: {halfway:?}, {grown:?}; {:?}",
        start.elapsed(),
        flood.sent_len,
        flood.answered_len,
        flood.target.stats(),
    );
    assert!(grown.is_none_or(|grown| grown <= MAX_GROWTH), "seed {seed}: {grown:?} more bytes");
    assert!(flood.answered_len <= flood.sent_len, "seed {seed}: a flood is not made larger");
    let stats = flood.target.stats();
    assert_eq!(stats.datagrams.received, count, "seed {seed}");
    assert!(outcomes(&stats).contains(&count), "seed {seed}: {stats:?}");
    assert_eq!(stats.requests.panicked, 0, "seed {seed}");
    let client = TargetClient::new(&flood.target, flood.target.local_addr());
    assert_eq!(client.text("alive").await.unwrap(), 5, "seed {seed}");
    assert_eq!(client.once(7).await.unwrap(), -7, "seed {seed}");
}

/// What an allocator may take between two looks without being given anything to keep.
const MAX_GROWTH: u64 = 4 << 20;

struct Flood {
    target: Endpoint,
    /// One on the same host, which no limit holds back, and one from elsewhere.
    strangers: [Node; 2],
    hostile: Hostile,
    sent_len: usize,
    answered_len: usize,
}

impl Flood {
    fn new(seed: u64) -> Self {
        let network = Network::new(seed);
        // So little memory that half of the flood fills it.
        let target = Endpoint::builder().serve(TargetServer::new(Service));
        let target = bind(&network, "127.0.0.1:7000", target.response_memory(1 << 20, Duration::from_secs(60)));
        let strangers = ["127.0.0.1:666", "10.6.6.6:666"].map(|addr| network.bind(addr).unwrap());
        Self { target, strangers, hostile: Hostile::new(seed), sent_len: 0, answered_len: 0 }
    }

    async fn send(&mut self, count: u64) {
        for number in 1..=count {
            let contents = self.hostile.datagram();
            self.sent_len += contents.len();
            // Most from where they all have to be looked at.
            send(&self.strangers[usize::from(number.is_multiple_of(4))], self.target.local_addr(), contents);
            if number.is_multiple_of(256) || number == count {
                self.settle().await;
            }
        }
    }

    /// Waits until everything that was sent has been dealt with, and takes the answers. A millisecond passes: limits
    /// are rates, and what has been remembered is forgotten.
    async fn settle(&mut self) {
        sleep(ms(1)).await;
        let mut batch = ReceiveBatch::new();
        for stranger in &self.strangers {
            while poll_fn(|cx| Poll::Ready(stranger.poll_receive(cx, &mut batch).is_ready())).await {
                self.answered_len += batch.iter().map(|answer| answer.contents.len()).sum::<usize>();
            }
        }
    }
}

/// Makes up datagrams.
struct Hostile {
    rng: StdRng,
    honest: Vec<Vec<u8>>,
    datagram: Vec<u8>,
}

impl Hostile {
    fn new(seed: u64) -> Self {
        Self { rng: StdRng::seed_from_u64(seed), honest: honest(), datagram: Vec::new() }
    }

    fn datagram(&mut self) -> &[u8] {
        self.datagram.clear();
        match self.rng.random_range(0..10) {
            0..=4 => self.change_one(),
            5 => self.random(0, 300),
            6 => {
                self.header();
                self.random(1, 100);
            }
            7 => self.nest(),
            8 => self.claim(),
            _ => {
                // In the place of an argument of what is called, whatever it is.
                self.begin_request();
                self.random(1, 40);
            }
        }
        &self.datagram
    }

    /// An honest datagram with some bytes changed, cut short or continued.
    fn change_one(&mut self) {
        let Self { rng, honest, datagram } = self;
        datagram.extend_from_slice(honest.choose(rng).expect("there are some"));
        for _ in 0..rng.random_range(0..6) {
            // Changed ids make other calls of it; the rest of it is where the work is.
            let at = rng.random_range(0..datagram.len());
            datagram[at] = rng.random();
        }
        match rng.random_range(0..8) {
            0 => datagram.truncate(rng.random_range(0..datagram.len())),
            1 => datagram.extend((0..rng.random_range(0..50)).map(|_| rng.random::<u8>())),
            _ => {}
        }
    }

    fn random(&mut self, min_len: usize, max_len: usize) {
        let Self { rng, datagram, .. } = self;
        let start = datagram.len();
        datagram.resize(start + rng.random_range(min_len..max_len), 0);
        rng.fill_bytes(&mut datagram[start..]);
    }

    fn header(&mut self) {
        self.datagram.push(self.rng.random_range(0..6));
        self.datagram.resize(21, 0);
        self.rng.fill_bytes(&mut self.datagram[1..]);
    }

    /// A request of some method up to its arguments, which it says are one or two.
    fn begin_request(&mut self) {
        let Self { rng, datagram, .. } = self;
        let methods = ["text", "any", "map", "borrowed", "later", "once", "once_later", "oneway"];
        let method = methods.choose(rng).expect("there are some");
        Request::begin(datagram, Dialect::Rpcudp, method, rng.random_range(1..3));
        Request::set_id(datagram, MessageId::without_slot(rng.random()));
    }

    /// Arrays or maps within each other, as deep as may be and much deeper.
    fn nest(&mut self) {
        self.begin_request();
        let open: &[u8] = if self.rng.random() { b"\x91" } else { b"\x81\xa1k" };
        let depth = if self.rng.random() { self.rng.random_range(0..40) } else { self.rng.random_range(0..20_000) };
        self.datagram.extend(open.repeat(depth));
        self.datagram.extend_from_slice(b"\xc0\xc0");
    }

    /// Lengths that are not there.
    fn claim(&mut self) {
        self.begin_request();
        let heads = [0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf];
        self.datagram.push(*heads.choose(&mut self.rng).expect("there are some"));
        self.datagram.extend_from_slice(if self.rng.random() { b"\xff\xff\xff\xff" } else { b"\x00\x00\xff\xff" });
        self.random(0, 30);
    }
}

/// The datagrams that Python itself produced, a request for each method, and answers that nobody waits for.
fn honest() -> Vec<Vec<u8>> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/rpcudp-core/tests/vectors/rpcudp.json");
    let file = fs::read_to_string(file).expect("the vectors are in the repository");
    let hex = file.lines().filter_map(|line| line.trim().strip_prefix("\"hex\": \"")?.strip_suffix('"'));
    let mut honest: Vec<_> = hex.map(unhex).collect();
    assert_eq!(honest.len(), 37, "every datagram of the file");
    let any = Any::Map(BTreeMap::from([("key".into(), Any::List(vec![Any::Number(0.5), Any::Bytes(vec![1, 2])]))]));
    let tree = Tree::Branch(vec![Tree::Leaf, Tree::Branch(vec![Tree::Leaf])]);
    let request = |method, arguments: &[&dyn Encode]| request([7; 20], method, arguments);
    honest.extend([
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
    honest
}

/// How many datagrams have come to an end, at least and at most: of some that were dropped, the books do not say
/// whether they had been taken for requests before.
fn outcomes(stats: &Stats) -> RangeInclusive<u64> {
    let max_count = stats.requests.received + stats.dropped_in_all() - stats.dropped(DropReason::DuplicateRequest);
    max_count - stats.dropped(DropReason::ResponseBudget) - stats.dropped(DropReason::Expired)..=max_count
}

/// How much memory this process has, where the system says.
fn resident_len() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
}
