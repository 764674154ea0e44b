mod links;
mod multicast;
mod nat;
mod pauses;

use std::future::poll_fn;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::*;
use crate::{Datagram, ReceiveBatch, Transport};

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn send(from: &Node, to: &Node, contents: &[u8]) {
    let datagram = Datagram { destination: to.local_addr(), source: None, contents };
    from.try_send(datagram).unwrap();
}

/// Receives all datagrams that arrive within a minute, each with its arrival time in milliseconds.
async fn arrivals(node: &Node) -> Vec<(u128, Vec<u8>)> {
    let start = Instant::now();
    let mut batch = ReceiveBatch::new();
    let mut arrived = Vec::new();
    while let Ok(received) = timeout(ms(60_000), poll_fn(|cx| node.poll_receive(cx, &mut batch))).await {
        received.unwrap();
        let at = start.elapsed().as_millis();
        arrived.extend(batch.iter().map(|datagram| (at, datagram.contents.to_vec())));
    }
    arrived
}

fn pair(conditions: Conditions) -> (Network, Node, Node) {
    let network = Network::new(7);
    network.set_conditions(conditions);
    let (a, b) = (network.bind("10.0.0.1:7000").unwrap(), network.bind("10.0.0.2:7000").unwrap());
    (network, a, b)
}

#[tokio::test(start_paused = true)]
async fn network_without_faults_delivers_at_once_and_in_order() {
    let (network, a, b) = pair(Conditions::default());
    let sent: Vec<_> = (0..100_u8).map(|number| vec![number; usize::from(number)]).collect();
    sent.iter().for_each(|contents| send(&a, &b, contents));
    let expected: Vec<_> = sent.into_iter().map(|contents| (0, contents)).collect();
    assert_eq!(arrivals(&b).await, expected);
    assert_eq!((network.stats().sent, network.stats().delivered), (100, 100));
}

#[tokio::test(start_paused = true)]
async fn received_datagram_has_both_addresses() {
    let (_network, a, b) = pair(Conditions::default());
    send(&a, &b, b"x");
    let mut batch = ReceiveBatch::new();
    poll_fn(|cx| b.poll_receive(cx, &mut batch)).await.unwrap();
    let received = batch.iter().next().unwrap();
    assert_eq!((received.source, received.local), (a.local_addr(), Some(ip("10.0.0.2"))));
}

#[tokio::test(start_paused = true)]
async fn latency_and_jitter_bound_the_travel_time() {
    let (_network, a, b) = pair(Conditions::default().latency(ms(20)).jitter(ms(10)));
    (0..200).for_each(|_| send(&a, &b, b"x"));
    let times: Vec<_> = arrivals(&b).await.into_iter().map(|(at, _)| at).collect();
    assert!(times.iter().all(|at| (20..=30).contains(at)), "{times:?}");
    assert!(times.iter().max().unwrap() - times.iter().min().unwrap() >= 8, "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn loss_and_duplication_are_as_frequent_as_configured() {
    let (network, a, b) = pair(Conditions::default().loss(0.3).duplication(0.2));
    (0..10_000).for_each(|_| send(&a, &b, b"x"));
    let stats = network.stats();
    assert!((2_800..3_200).contains(&stats.lost), "{stats:?}");
    assert!((1_250..1_550).contains(&stats.duplicated), "{stats:?}");
    assert_eq!(stats.delivered, 10_000 - stats.lost + stats.duplicated);
    assert_eq!(arrivals(&b).await.len() as u64, stats.delivered);
}

#[tokio::test(start_paused = true)]
async fn held_back_datagram_is_overtaken() {
    let (network, a, b) = pair(Conditions::default().latency(ms(5)).reordering(0.1));
    for number in 0..100_u8 {
        send(&a, &b, &[number]);
        tokio::time::sleep(ms(1)).await;
    }
    let order: Vec<_> = arrivals(&b).await.into_iter().map(|(_, contents)| contents[0]).collect();
    let overtaken = order.windows(2).filter(|pair| pair[0] > pair[1]).count();
    assert!(overtaken > 0 && overtaken as u64 <= network.stats().held_back, "{order:?}");
}

#[tokio::test(start_paused = true)]
async fn datagram_above_the_mtu_is_dropped() {
    let (network, a, b) = pair(Conditions::default().mtu(1_400));
    send(&a, &b, &[0; 1_400]);
    send(&a, &b, &[0; 1_401]);
    assert_eq!(arrivals(&b).await.len(), 1);
    assert_eq!(network.stats().oversized, 1);
}

#[tokio::test(start_paused = true)]
async fn partition_separates_hosts_until_it_is_healed() {
    let (network, a, b) = pair(Conditions::default());
    let c = network.bind("10.0.0.3:0").unwrap();
    network.partition([ip("10.0.0.1"), ip("10.0.0.3")]);
    send(&a, &b, b"lost");
    send(&b, &c, b"lost");
    send(&a, &c, b"same side");
    assert_eq!(arrivals(&b).await, []);
    assert_eq!(arrivals(&c).await, [(0, b"same side".to_vec())]);
    assert_eq!(network.stats().cut_off, 2);
    network.heal();
    send(&a, &b, b"healed");
    assert_eq!(arrivals(&b).await, [(0, b"healed".to_vec())]);
}

#[tokio::test(start_paused = true)]
async fn link_may_have_its_own_conditions() {
    let (network, a, b) = pair(Conditions::default());
    network.set_link(ip("10.0.0.1"), ip("10.0.0.2"), Conditions::default().latency(ms(300)));
    send(&a, &b, b"there");
    send(&b, &a, b"back");
    assert_eq!(arrivals(&a).await, [(0, b"back".to_vec())]);
    // The first call of `arrivals` has let a minute pass.
    assert_eq!(arrivals(&b).await, [(0, b"there".to_vec())]);
}

#[tokio::test(start_paused = true)]
async fn address_is_in_use_until_its_node_is_dropped() {
    let network = Network::new(7);
    let a = network.bind("10.0.0.1:7000").unwrap();
    assert_eq!(network.bind("10.0.0.1:7000").unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
    assert_eq!(network.bind("0.0.0.0:7000").unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
    let free = network.bind("10.0.0.1:0").unwrap();
    assert_eq!(free.local_addr(), "10.0.0.1:49152".parse().unwrap());
    drop(a);
    assert!(network.bind("10.0.0.1:7000").is_ok());
}

#[tokio::test(start_paused = true)]
async fn datagram_to_an_unbound_address_is_counted() {
    let (network, a, b) = pair(Conditions::default());
    let addr = b.local_addr();
    drop(b);
    a.try_send(Datagram { destination: addr, source: None, contents: b"x" }).unwrap();
    assert_eq!(network.stats().unreachable, 1);
}

#[tokio::test(start_paused = true)]
async fn unbound_address_is_reported_as_unreachable_if_enabled() {
    let (network, a, b) = pair(Conditions::default().latency(ms(20)));
    network.return_undeliverable(true);
    let addr = b.local_addr();
    drop(b);
    a.try_send(Datagram { destination: addr, source: None, contents: b"x" }).unwrap();
    let start = Instant::now();
    let mut batch = ReceiveBatch::new();
    poll_fn(|cx| a.poll_receive(cx, &mut batch)).await.unwrap();
    assert_eq!(start.elapsed(), ms(40));
    let unreachable: Vec<_> = batch.unreachable().map(|report| (report.destination, report.contents)).collect();
    assert_eq!(unreachable, [(addr, &b"x"[..])]);
    assert_eq!(batch.len(), 0);
}

/// Runs a network with every kind of fault, and returns the arrivals and the counts.
async fn run(seed: u64) -> (Vec<(u128, Vec<u8>)>, NetworkStats) {
    let network = Network::new(seed);
    let faults = Conditions::default().loss(0.1).duplication(0.2).reordering(0.2).latency(ms(20)).jitter(ms(20));
    let faults = faults.burst_loss(0.1, 0.3, 0.9).fragments(100).rate(20_000, 3_000).route_changes(ms(50), ms(30));
    network.set_conditions(faults);
    let nat = network.nat(ip("198.51.100.1"), [ip("10.0.0.1")], ms(30));
    let (a, b) = (network.bind("10.0.0.1:1").unwrap(), network.bind("10.0.0.2:1").unwrap());
    for number in 0..200_u8 {
        send(&a, &b, &vec![number; usize::from(number) + 1]);
        match number {
            50 => network.pause(b.local_addr()),
            90 => nat.rebind(),
            120 => network.resume(b.local_addr()),
            _ => {}
        }
        tokio::time::sleep(ms(u64::from(number % 5))).await;
    }
    (arrivals(&b).await, network.stats())
}

#[tokio::test(start_paused = true)]
async fn equal_seeds_give_equal_runs_and_different_seeds_do_not() {
    for seed in 0..20 {
        let first = run(seed).await;
        assert_eq!(first, run(seed).await, "seed {seed}");
        assert_ne!(first, run(seed + 1_000).await, "seed {seed}");
    }
}

#[test]
#[should_panic(expected = "a probability lies between 0 and 1, not at 30")]
fn percentage_is_refused_as_a_probability() {
    let _ = Conditions::default().loss(30.0);
}
