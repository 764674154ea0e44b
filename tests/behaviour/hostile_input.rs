//! An endpoint survives any datagram, counts it, and never responds with more bytes than it
//! received.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use rpcudp::sim::{Network, Node};
use rpcudp::{DropReason, Endpoint, Stats, rpc_service};
use serde::{Deserialize, Serialize};

use crate::support::{Encode, SERVER, bind, paused_runtime, receive, request, send};

#[rpc_service]
trait Target {
    fn text(&self, text: &str) -> usize;
    fn tree(&self, tree: Tree, map: BTreeMap<String, Vec<u8>>) -> usize;
    async fn later(&self, bytes: &[u8], number: Option<u64>) -> usize;
    #[rpc(at_most_once)]
    fn once(&self, number: i32) -> Result<i32, String>;
    #[rpc(oneway)]
    fn oneway(&self, point: (u8, f64));
}

/// A recursive argument: its decoder recurses as deep as a peer nests it.
#[derive(Serialize, Deserialize)]
enum Tree {
    Leaf,
    Branch(Vec<Self>),
    Named { name: String, inner: Box<Self> },
}

struct Service;

impl Target for Service {
    fn text(&self, text: &str) -> usize {
        text.len()
    }
    fn tree(&self, _: Tree, map: BTreeMap<String, Vec<u8>>) -> usize {
        map.len()
    }
    async fn later(&self, bytes: &[u8], number: Option<u64>) -> usize {
        bytes.len() + number.iter().count()
    }
    fn once(&self, number: i32) -> Result<i32, String> {
        number.checked_neg().ok_or_else(|| "too negative".into())
    }
    fn oneway(&self, _: (u8, f64)) {}
}

/// A server, and a node that sends it arbitrary bytes.
struct Attack {
    target: Endpoint,
    attacker: Node,
}

impl Attack {
    fn new() -> Self {
        let network = Network::new(1);
        let target = bind(&network, SERVER, Endpoint::builder().serve(TargetServer::new(Service)));
        Self { target, attacker: network.bind("10.6.6.6:666").unwrap() }
    }

    fn send(&self, contents: &[u8]) {
        send(&self.attacker, self.target.local_addr(), contents);
    }

    /// Runs the server until it has handled every datagram that was sent.
    async fn settle(&self) {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }

    /// Returns the lengths of the responses that arrived since the last call.
    async fn response_lens(&self) -> Vec<usize> {
        receive(&self.attacker).await.iter().map(Vec::len).collect()
    }

    /// Checks that the server still responds.
    async fn assert_alive(&self) {
        let client = TargetClient::new(&self.target, self.target.local_addr());
        assert_eq!(client.text("alive").await.unwrap(), 5);
    }
}

/// Returns a well-formed request for each method and for an unknown one.
fn valid_requests() -> Vec<Vec<u8>> {
    let tree = Tree::Branch(vec![Tree::Leaf, Tree::Named { name: "n".into(), inner: Box::new(Tree::Leaf) }]);
    let map = BTreeMap::from([("key", vec![1_u8, 2])]);
    let request = |method, arguments: &[&dyn Encode]| request([7; 20], method, arguments);
    vec![
        request("text", &[&"Snake Plissken"]),
        request("tree", &[&tree, &map]),
        request("later", &[&vec![1_u8, 2, 3]]),
        request("once", &[&-5]),
        request("oneway", &[&(1_u8, 0.5)]),
        request("absent", &[&1_u8]),
    ]
}

/// Returns frames that match no call and no request.
fn unmatched_frames() -> Vec<Vec<u8>> {
    let id = [9; 20];
    let frame = |kind: u8, body: &[u8]| [&[kind][..], &id, body].concat();
    vec![frame(1, b"\xa2hi"), frame(4, b"\x93\x01\xa4oops\xc0"), frame(5, b"\xc0"), frame(6, b"\xc0")]
}

/// Returns the datagrams from which invalid ones are made.
fn valid_datagrams() -> Vec<Vec<u8>> {
    [valid_requests(), unmatched_frames()].concat()
}

#[tokio::test(start_paused = true)]
async fn valid_requests_get_responses() {
    let attack = Attack::new();
    valid_requests().iter().for_each(|request| attack.send(request));
    attack.settle().await;
    let stats = attack.target.stats();
    assert_eq!((stats.requests.received, stats.requests.completed, stats.requests.refused), (6, 4, 1));
    assert_eq!(stats.dropped_in_all(), 0);
    assert_eq!(attack.response_lens().await.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn each_reason_to_drop_is_counted() {
    let attack = Attack::new();
    let header = |kind: u8| [&[kind][..], &[1; 20]].concat();
    let dropped = [
        (vec![], DropReason::TooShort),
        (header(0), DropReason::TooShort),
        ([header(7), b"\xc0".to_vec()].concat(), DropReason::UnknownKind),
        ([header(2), b"\xc0".to_vec()].concat(), DropReason::OtherDialect),
        ([header(0), b"\xc1".to_vec()].concat(), DropReason::InvalidMsgpack),
        ([header(0), b"\x91".repeat(8_000)].concat(), DropReason::TooDeep),
        ([header(0), b"\xdd\xff\xff\xff\xff".to_vec()].concat(), DropReason::InvalidMsgpack),
        ([header(0), b"\xc0".to_vec()].concat(), DropReason::WrongShape),
        ([header(1), b"\xc0".to_vec()].concat(), DropReason::UnmatchedResponse),
        // The body of an unmatched response is not parsed.
        ([header(1), b"\xdd\xff\xff\xff\xff".to_vec()].concat(), DropReason::UnmatchedResponse),
        ([header(4), b"\x90".to_vec()].concat(), DropReason::UnmatchedResponse),
        ([header(5), b"\xc0".to_vec()].concat(), DropReason::UnmatchedCancel),
        ([header(5), b"\x90".to_vec()].concat(), DropReason::WrongShape),
        ([header(6), b"\xc0".to_vec()].concat(), DropReason::UnmatchedResponse),
    ];
    for (contents, reason) in dropped {
        let before = attack.target.stats().dropped(reason);
        attack.send(&contents);
        attack.settle().await;
        assert_eq!(attack.target.stats().dropped(reason), before + 1, "{reason}: {contents:x?}");
    }
    assert_eq!(attack.response_lens().await, [0_usize; 0], "dropped datagrams get no response");
    attack.assert_alive().await;
}

#[tokio::test(start_paused = true)]
async fn every_prefix_of_every_datagram_is_dropped() {
    let attack = Attack::new();
    let mut sent = 0;
    for datagram in valid_datagrams() {
        for end in 0..datagram.len() {
            attack.send(&datagram[..end]);
            sent += 1;
        }
        attack.settle().await;
    }
    assert_eq!(attack.target.stats().dropped_in_all(), sent);
    assert_eq!(attack.response_lens().await, [0_usize; 0]);
    attack.assert_alive().await;
}

/// Sends datagrams and checks that each is counted once.
async fn assert_counted(attack: &Attack, sent: &[Vec<u8>]) {
    let before = attack.target.stats();
    sent.iter().for_each(|contents| attack.send(contents));
    attack.settle().await;
    let after = attack.target.stats();
    assert_eq!(handled_count(&after) - handled_count(&before), sent.len() as u64, "{before:?} {after:?}");
}

/// Returns the number of datagrams that were taken for requests or dropped.
fn handled_count(stats: &Stats) -> u64 {
    stats.requests.received + stats.dropped_in_all() - stats.dropped(DropReason::DuplicateRequest)
}

#[tokio::test(start_paused = true)]
async fn every_change_of_one_byte_is_counted_and_never_amplified() {
    let attack = Attack::new();
    for datagram in valid_datagrams() {
        for at in 0..datagram.len() {
            for byte in 0..=255 {
                let mut contents = datagram.clone();
                contents[at] = byte;
                assert_counted(&attack, std::slice::from_ref(&contents)).await;
                for response_len in attack.response_lens().await {
                    // A response of a few bytes, or a refusal that is no longer than the request.
                    assert!(response_len <= contents.len().max(21 + 32), "{contents:x?}");
                }
            }
        }
    }
    attack.assert_alive().await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn random_datagrams_are_counted(
        datagrams in vec(vec(any::<u8>(), 0..300), 1..60),
        bodies in vec((0_u8..8, any::<[u8; 20]>(), vec(any::<u8>(), 0..200)), 1..60),
        corrupted in vec((any::<prop::sample::Index>(), vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)), 1..60),
    ) {
        let mut sent = datagrams;
        sent.extend(bodies.into_iter().map(|(kind, id, body)| [&[kind][..], &id, &body].concat()));
        sent.extend(corrupted.into_iter().map(|(index, changes)| {
            let datagrams = valid_datagrams();
            let mut contents = index.get(&datagrams).clone();
            for (at, byte) in changes {
                let at = at.index(contents.len());
                contents[at] = byte;
            }
            contents
        }));
        paused_runtime().block_on(async {
            let attack = Attack::new();
            assert_counted(&attack, &sent).await;
            attack.assert_alive().await;
        });
    }
}
