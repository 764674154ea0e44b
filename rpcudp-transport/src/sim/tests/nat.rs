//! Routers with network address translation.

use std::net::SocketAddr;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;

const INSIDE: &str = "10.0.0.1";
const PUBLIC: &str = "198.51.100.1";

struct Home {
    network: Network,
    nat: Nat,
    inside: Node,
    outside: Node,
}

fn home() -> Home {
    let network = Network::new(7);
    let nat = network.nat(ip(PUBLIC), [ip(INSIDE)], ms(1_000));
    let (inside, outside) = (network.bind((ip(INSIDE), 7)).unwrap(), network.bind("203.0.113.1:7").unwrap());
    Home { network, nat, inside, outside }
}

fn send_to(from: &Node, destination: SocketAddr, contents: &[u8]) {
    from.try_send(Datagram { destination, source: None, contents }).unwrap();
}

/// Returns the sources of the datagrams that have arrived.
fn sources(node: &Node) -> Vec<SocketAddr> {
    let mut batch = ReceiveBatch::new();
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    let _ = node.poll_receive(&mut cx, &mut batch);
    batch.iter().map(|received| received.source).collect()
}

/// Sends from the inside to the outside, and returns the sender's public address.
fn public_addr(home: &Home) -> SocketAddr {
    send(&home.inside, &home.outside, b"x");
    let [source] = sources(&home.outside)[..] else { panic!("one datagram arrives") };
    source
}

#[tokio::test(start_paused = true)]
async fn peers_see_and_reach_the_public_address() {
    let home = home();
    let public = public_addr(&home);
    assert_eq!(public.ip(), ip(PUBLIC));
    assert_eq!(public_addr(&home), public);
    send_to(&home.outside, public, b"x");
    assert_eq!(sources(&home.inside), [home.outside.local_addr()]);
    // The port is that of the node for every destination.
    let other = home.network.bind("203.0.113.2:7").unwrap();
    send(&home.inside, &other, b"x");
    assert_eq!(sources(&other), [public]);
    assert_eq!(home.network.stats().unmapped, 0);
}

#[tokio::test(start_paused = true)]
async fn datagrams_that_no_mapping_lets_through_are_dropped() {
    let home = home();
    let other = home.network.bind("203.0.113.2:7").unwrap();
    send_to(&home.outside, (ip(PUBLIC), 1_024).into(), b"before the mapping");
    let public = public_addr(&home);
    send_to(&other, public, b"from a host that the node has not sent to");
    send_to(&home.outside, home.inside.local_addr(), b"to the inside address");
    assert!(sources(&home.inside).is_empty());
    assert_eq!(home.network.stats().unmapped, 3);
}

#[tokio::test(start_paused = true)]
async fn only_sent_datagrams_keep_a_mapping() {
    let home = home();
    let public = public_addr(&home);
    for _ in 0..3 {
        tokio::time::sleep(ms(999)).await;
        assert_eq!(public_addr(&home), public);
    }
    tokio::time::sleep(ms(600)).await;
    send_to(&home.outside, public, b"x");
    assert_eq!(sources(&home.inside).len(), 1);
    tokio::time::sleep(ms(400)).await;
    send_to(&home.outside, public, b"x");
    assert!(sources(&home.inside).is_empty());
    assert_ne!(public_addr(&home), public);
}

#[tokio::test(start_paused = true)]
async fn rebinding_loses_datagrams_on_their_way_and_changes_the_address() {
    let home = home();
    let public = public_addr(&home);
    home.network.set_conditions(Conditions::default().latency(ms(20)));
    send_to(&home.outside, public, b"in transit");
    home.nat.rebind();
    tokio::time::sleep(ms(20)).await;
    assert!(sources(&home.inside).is_empty());
    home.network.set_conditions(Conditions::default());
    let after = public_addr(&home);
    assert_eq!((after.ip(), after.port() == public.port()), (public.ip(), false));
    home.nat.rebind_to(ip("198.51.100.9"));
    assert_eq!(public_addr(&home).ip(), ip("198.51.100.9"));
    let stats = home.network.stats();
    assert_eq!((stats.unmapped, stats.delivered), (1, 3));
}

#[tokio::test(start_paused = true)]
async fn hosts_behind_one_router_reach_each_other_directly() {
    let network = Network::new(7);
    let _nat = network.nat(ip(PUBLIC), [ip("10.0.0.1"), ip("10.0.0.2")], ms(1_000));
    let (a, b) = (network.bind("10.0.0.1:7").unwrap(), network.bind("10.0.0.2:7").unwrap());
    send(&a, &b, b"x");
    assert_eq!(sources(&b), [a.local_addr()]);
}

#[tokio::test(start_paused = true)]
async fn links_and_partitions_refer_to_the_hosts_own_addresses() {
    let home = home();
    let public = public_addr(&home);
    home.network.set_link(home.outside.local_addr().ip(), ip(INSIDE), Conditions::default().loss(1.0));
    send_to(&home.outside, public, b"x");
    assert_eq!(home.network.stats().lost, 1);
    home.network.partition([ip(INSIDE)]);
    send(&home.inside, &home.outside, b"x");
    assert_eq!(home.network.stats().cut_off, 1);
}

#[tokio::test(start_paused = true)]
async fn host_that_moves_behind_another_router_leaves_no_mapping() {
    let home = home();
    let public = public_addr(&home);
    let _other = home.network.nat(ip("198.51.100.2"), [ip(INSIDE)], ms(1_000));
    send_to(&home.outside, public, b"x");
    assert!(sources(&home.inside).is_empty());
    assert_eq!(public_addr(&home).ip(), ip("198.51.100.2"));
}

/// A router as the list of all datagrams that a node sent: time and receiver.
#[derive(Default)]
struct NaiveRouter {
    sent: Vec<(Instant, IpAddr)>,
    mapping_count: u16,
}

impl NaiveRouter {
    /// Returns the public port of the node after it has sent a datagram.
    fn send(&mut self, now: Instant, to: IpAddr) -> u16 {
        if self.sent.last().is_none_or(|(last, _)| now - *last >= ms(1_000)) {
            self.sent.clear();
            self.mapping_count += 1;
        }
        self.sent.push((now, to));
        1_023 + self.mapping_count
    }

    fn lets_through(&self, now: Instant, from: IpAddr, port: u16) -> bool {
        let is_alive = self.sent.last().is_some_and(|(last, _)| now - *last < ms(1_000));
        is_alive && port == 1_023 + self.mapping_count && self.sent.iter().any(|(_, to)| *to == from)
    }
}

#[tokio::test(start_paused = true)]
async fn router_agrees_with_a_naive_one() {
    for seed in 0..100 {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut naive = NaiveRouter::default();
        let home = home();
        let peers: Vec<_> =
            (1..4).map(|host| home.network.bind((ip(&format!("203.0.113.1{host}")), 7)).unwrap()).collect();
        for _ in 0..100 {
            let peer = &peers[rng.random_range(0..peers.len())];
            let host = peer.local_addr().ip();
            match rng.random_range(0..8) {
                0..3 => {
                    send(&home.inside, peer, b"x");
                    let port = naive.send(Instant::now(), host);
                    assert_eq!(sources(peer), [(ip(PUBLIC), port).into()], "seed {seed}");
                }
                3..7 => {
                    let port = 1_024 + rng.random_range(0..=naive.mapping_count);
                    send_to(peer, (ip(PUBLIC), port).into(), b"x");
                    let is_expected = naive.lets_through(Instant::now(), host, port);
                    assert_eq!(sources(&home.inside).len(), usize::from(is_expected), "seed {seed}");
                }
                _ => {
                    home.nat.rebind();
                    naive.sent.clear();
                }
            }
            tokio::time::sleep(ms(rng.random_range(0..600))).await;
        }
    }
}
