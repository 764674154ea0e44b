//! Membership by SWIM: on the simulated network in virtual time, and between processes.

mod cluster;
mod hostile;
mod processes;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rpcudp::sim::Conditions;
use rpcudp::{Change, Endpoint, Peers};
use rpcudp_discovery::{Swim, SwimError, SwimEvent, SwimEvents};
use tokio::time::{Instant, sleep};

use crate::cluster::{Cluster, Node, addr};

const SECOND: Duration = Duration::from_secs(1);

/// Returns the seeds to run: as many as `RPCUDP_SEEDS` says, or the default count.
fn seeds(default_count: u64) -> impl Iterator<Item = u64> {
    let count = std::env::var("RPCUDP_SEEDS").ok().and_then(|count| count.parse().ok());
    // Each node of a cluster has the seed after that of the node before.
    (0..count.unwrap_or(default_count)).map(|seed| seed * 1_000)
}

fn lan() -> Conditions {
    Conditions::default().latency(Duration::from_millis(1)).jitter(Duration::from_millis(1))
}

/// Returns the events until one of them satisfies the condition, that one included.
async fn events_until(events: &mut SwimEvents, is_last: impl Fn(SwimEvent) -> bool) -> Vec<SwimEvent> {
    let mut log = Vec::new();
    loop {
        let event = events.next().await.expect("the node is a member");
        log.push(event);
        if is_last(event) {
            return log;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn all_members_know_of_each_change_within_the_documented_times() {
    for (size, count) in [(3, 10), (10, 5), (30, 1)] {
        for seed in seeds(count) {
            let mut cluster = Cluster::new(seed);
            cluster.network.set_conditions(lan());
            cluster.start(1..=size);
            cluster.converge(2 * SECOND).await;
            cluster.start([200]);
            cluster.converge(2 * SECOND).await;
            cluster.kill(2).await;
            cluster.converge(15 * SECOND).await;
            // At the same address, which is that of a seed.
            cluster.start([2]);
            cluster.converge(2 * SECOND).await;
            cluster.nodes.remove(&3).unwrap().swim.leave().await;
            cluster.converge(3 * SECOND).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn events_tell_of_a_node_that_joins_is_killed_and_is_started_again() {
    use SwimEvent::{Joined, Left, Suspect};
    for seed in seeds(10) {
        let mut cluster = Cluster::new(seed);
        cluster.network.set_conditions(lan());
        cluster.start([1]);
        let mut events = cluster.nodes[&1].swim.events();
        cluster.start([2]);
        cluster.converge(2 * SECOND).await;
        cluster.start([3]);
        cluster.converge(2 * SECOND).await;
        cluster.kill(3).await;
        cluster.converge(15 * SECOND).await;
        // Before the others know that it has ended, and after it.
        cluster.start([3]);
        cluster.converge(2 * SECOND).await;
        cluster.kill(3).await;
        cluster.start([3]);
        cluster.converge(2 * SECOND).await;
        let Node { endpoint: _endpoint, swim } = cluster.nodes.remove(&3).unwrap();
        drop(swim);
        cluster.converge(3 * SECOND).await;
        let three = addr(3);
        let mut log = events_until(&mut events, |event| event == Left(three)).await;
        for _ in 0..2 {
            log.extend(events_until(&mut events, |event| event == Left(three)).await);
        }
        let killed = [Joined(three), Suspect(three), Left(three)];
        let expected = [&[Joined(addr(2))][..], &killed, &[Joined(three), Left(three), Joined(three), Left(three)]];
        assert_eq!(log, expected.concat(), "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lossy_network_makes_no_member_leave() {
    for seed in seeds(1) {
        let mut cluster = Cluster::new(seed);
        let ms = Duration::from_millis;
        cluster.network.set_conditions(Conditions::default().loss(0.1).latency(ms(20)).jitter(ms(30)));
        cluster.start(1..=10);
        cluster.converge(20 * SECOND).await;
        let mut events = cluster.nodes[&1].swim.events();
        sleep(300 * SECOND).await;
        cluster.converge(20 * SECOND).await;
        cluster.kill(1).await;
        while let Some(event) = events.next().await {
            assert!(matches!(event, SwimEvent::Suspect(_) | SwimEvent::Recovered(_)), "seed {seed}: {event:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_parts_of_a_partition_go_on_and_find_each_other_again() {
    for seed in seeds(3) {
        let mut cluster = Cluster::new(seed);
        cluster.network.set_conditions(lan());
        cluster.start(1..=6);
        cluster.converge(2 * SECOND).await;
        cluster.network.partition([1, 3, 5].map(|number| IpAddr::from([10, 0, 0, number])));
        sleep(300 * SECOND).await;
        for node in cluster.nodes.values() {
            assert_eq!(node.swim.members().len(), 2, "seed {seed}: {:?}", node.swim);
        }
        cluster.network.heal();
        cluster.converge(70 * SECOND).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_process_that_was_paused_joins_again_by_itself() {
    for seed in seeds(3) {
        let mut cluster = Cluster::new(seed);
        cluster.network.set_conditions(lan());
        cluster.start(1..=5);
        cluster.converge(2 * SECOND).await;
        cluster.network.pause(addr(4));
        sleep(60 * SECOND).await;
        assert_eq!(cluster.nodes[&1].swim.members().len(), 3, "seed {seed}");
        cluster.network.resume(addr(4));
        cluster.converge(70 * SECOND).await;
    }
}

#[tokio::test(start_paused = true)]
async fn peers_of_a_group_follow_the_members() {
    let mut cluster = Cluster::new(1);
    cluster.network.set_conditions(lan());
    cluster.start([1, 2]);
    cluster.converge(2 * SECOND).await;
    let mut peers = cluster.nodes[&1].swim.peers();
    assert_eq!(peers.name(), "swim:test");
    assert!(matches!(peers.next_change().await, Some(Change::Insert(peer)) if peer == addr(2)));
    // The age of a member is renewed while it is one.
    let start = Instant::now();
    assert!(matches!(peers.next_change().await, Some(Change::Insert(peer)) if peer == addr(2)));
    assert!(start.elapsed() <= 10 * SECOND);
    cluster.nodes.remove(&2).unwrap().swim.leave().await;
    loop {
        match peers.next_change().await {
            Some(Change::Insert(peer)) => assert_eq!(peer, addr(2)),
            Some(Change::Remove(peer)) => break assert_eq!(peer, addr(2)),
            other => panic!("{other:?}"),
        }
    }
    assert!(matches!(peers.next_change().await, Some(Change::Failed(_))), "no member is left");
    // The source ends with the membership.
    cluster.nodes.remove(&1).unwrap().swim.leave().await;
    assert!(peers.next_change().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_node_without_members_says_so() {
    let mut cluster = Cluster::new(1);
    cluster.start([1]);
    let mut peers = cluster.nodes[&1].swim.peers();
    let Some(Change::Failed(error)) = peers.next_change().await else { panic!("no member is known") };
    assert!(error.to_string().starts_with("this node knows no other member"), "{error}");
    cluster.start([2]);
    while !matches!(peers.next_change().await, Some(Change::Insert(peer)) if peer == addr(2)) {}
}

#[tokio::test(start_paused = true)]
async fn clusters_of_other_names_and_addresses_that_are_not_allowed_stay_apart() {
    let mut cluster = Cluster::new(1);
    cluster.start([1, 2]);
    let other = cluster.network.bind(addr(3)).unwrap();
    let builder = Swim::builder("another").seeds(Peers::fixed([addr(1), addr(2)]));
    let other = Endpoint::builder().serve(builder.service()).bind_transport(other).unwrap();
    let swim = builder.join(&other).unwrap();
    let closed = cluster.node(4, |builder| builder.allow(|peer| peer == addr(1)));
    sleep(60 * SECOND).await;
    assert_eq!(swim.members(), []);
    let members = |swim: &Swim| swim.members().iter().map(|member| member.addr).collect::<Vec<_>>();
    assert_eq!(members(&closed.swim), [addr(1)]);
    assert!(!members(&cluster.nodes[&1].swim).contains(&addr(3)));
}

#[tokio::test(start_paused = true)]
async fn no_more_members_are_taken_than_allowed() {
    let mut cluster = Cluster::new(1);
    let small = cluster.node(1, |builder| builder.max_members(3));
    cluster.start(2..=9);
    sleep(60 * SECOND).await;
    assert_eq!(small.swim.members().len(), 3);
    // The others know all members but the ones that none of them knows.
    assert_eq!(cluster.nodes[&2].swim.members().len(), 8);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_cannot_join_says_why() {
    let endpoint = Endpoint::bind("127.0.0.1:0").await.unwrap();
    let join = |builder: rpcudp_discovery::SwimBuilder, endpoint: &Endpoint| builder.join(endpoint).unwrap_err();
    assert_eq!(join(Swim::builder("test"), &endpoint), SwimError::NotServed);
    for name in [String::new(), "x".repeat(65)] {
        assert_eq!(join(Swim::builder(&name), &endpoint), SwimError::ClusterName(name));
    }

    let everywhere = Endpoint::bind("0.0.0.0:0").await.unwrap();
    let served = || {
        let builder = Swim::builder("test");
        drop(builder.service());
        builder
    };
    let error = join(served(), &everywhere);
    assert_eq!(error, SwimError::UnusableAddress(everywhere.local_addr()));
    assert!(error.to_string().contains("SwimBuilder::advertise"), "{error}");
    let advertised = SocketAddr::from(([127, 0, 0, 1], everywhere.local_addr().port()));
    assert_eq!(served().advertise(advertised).join(&everywhere).unwrap().addr(), advertised);

    endpoint.close(Duration::ZERO).await;
    assert_eq!(join(served(), &endpoint), SwimError::Closed);
}
