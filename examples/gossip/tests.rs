//! The membership on a simulated network, in virtual time. Each test prints its seed if it fails.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use rpcudp::Endpoint;
use rpcudp::sim::{Conditions, Network};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;
use tokio::time::{Instant, sleep};

use crate::membership::{Event, Membership};

const PERIOD: Duration = Duration::from_secs(1);

/// Members on one network, by their number.
struct Cluster {
    seed: u64,
    network: Network,
    members: Vec<Option<Node>>,
}

struct Node {
    membership: Membership,
    events: Receiver<Event>,
    /// Closes when it is dropped.
    _endpoint: Endpoint,
}

fn addr(number: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, (number / 250) as u8, (number % 250 + 1) as u8], 7000))
}

fn addrs(numbers: impl IntoIterator<Item = usize>) -> BTreeSet<SocketAddr> {
    numbers.into_iter().map(addr).collect()
}

fn bad_network() -> Conditions {
    let delayed = Conditions::default().latency(Duration::from_millis(20)).jitter(Duration::from_millis(20));
    delayed.loss(0.1).duplication(0.1).reordering(0.1)
}

impl Cluster {
    /// Starts members. Each joins at the first one.
    fn new(seed: u64, conditions: Conditions, count: usize) -> Self {
        let network = Network::new(seed);
        network.set_conditions(conditions);
        let mut cluster = Self { seed, network, members: Vec::new() };
        cluster.members.resize_with(count, || None);
        (0..count).for_each(|number| cluster.start(number));
        cluster
    }

    fn start(&mut self, number: usize) {
        let membership = Membership::new(PERIOD, self.seed * 10_000 + number as u64);
        let events = membership.events();
        let builder = Endpoint::builder().serve_with(membership.service(vec![addr(0)]));
        let node = self.network.bind(addr(number)).expect("the address is free");
        let _endpoint = builder.bind_transport(node).unwrap();
        self.members[number] = Some(Node { membership, events, _endpoint });
    }

    /// Stops a member without a word to the others.
    async fn kill(&mut self, number: usize) {
        let Node { _endpoint: endpoint, .. } = self.members[number].take().expect("the member runs");
        self.network.partition([addr(number).ip()]);
        endpoint.close(Duration::ZERO).await;
        self.network.heal();
    }

    /// Waits until all of these members see these, themselves apart. Returns the time in periods.
    async fn converge(&self, among: &[usize], expected: &BTreeSet<SocketAddr>, max_periods: u32) -> u32 {
        let start = Instant::now();
        for period in 0..=max_periods {
            let is_done = among.iter().all(|number| self.seen(*number) == without(expected, *number));
            if is_done {
                return period;
            }
            sleep(PERIOD).await;
        }
        for &number in among {
            let (seen, expected) = (self.seen(number), without(expected, number));
            let (missing, dead) = (&expected - &seen, &seen - &expected);
            assert_eq!(
                seen,
                expected,
                "seed {}, after {:?}: {} lacks {missing:?}, has {dead:?}",
                self.seed,
                start.elapsed(),
                addr(number)
            );
        }
        unreachable!("the members see what they should");
    }

    fn seen(&self, number: usize) -> BTreeSet<SocketAddr> {
        self.members[number].as_ref().expect("the member runs").membership.members().into_iter().collect()
    }

    /// Takes the events of a member since the last call.
    fn events(&mut self, number: usize) -> Vec<Event> {
        let events = &mut self.members[number].as_mut().expect("the member runs").events;
        let next = || match events.try_recv() {
            Ok(event) => Some(event),
            Err(TryRecvError::Empty) => None,
            Err(error) => panic!("{error}"),
        };
        std::iter::from_fn(next).collect()
    }
}

fn without(members: &BTreeSet<SocketAddr>, number: usize) -> BTreeSet<SocketAddr> {
    members.iter().copied().filter(|member| *member != addr(number)).collect()
}

fn seeds() -> std::ops::Range<u64> {
    let count = std::env::var("RPCUDP_SEEDS").ok().and_then(|count| count.parse().ok());
    0..count.unwrap_or(2)
}

#[tokio::test(start_paused = true)]
async fn members_learn_of_each_other_and_of_a_death() {
    for seed in seeds() {
        let mut cluster = Cluster::new(seed, Conditions::default().latency(Duration::from_millis(20)), 200);
        let all: Vec<_> = (0..200).collect();
        let periods = cluster.converge(&all, &addrs(0..200), 60).await;
        println!("seed {seed}: 200 members know each other after {periods} periods");

        cluster.kill(123).await;
        let others: Vec<_> = (0..200).filter(|number| *number != 123).collect();
        let periods = cluster.converge(&others, &addrs(others.clone()), 60).await;
        println!("seed {seed}: 199 members know of a death after {periods} periods");
        for number in others {
            let died: Vec<_> =
                cluster.events(number).into_iter().filter(|event| matches!(event, Event::Died(_))).collect();
            assert_eq!(died, [Event::Died(addr(123))], "seed {seed}: at member {number}");
        }

        cluster.start(123);
        let periods = cluster.converge(&all, &addrs(0..200), 60).await;
        println!("seed {seed}: 200 members know of the return after {periods} periods");
    }
}

#[tokio::test(start_paused = true)]
async fn lost_datagrams_kill_no_member() {
    for seed in seeds() {
        let mut cluster = Cluster::new(seed, bad_network(), 50);
        let all: Vec<_> = (0..50).collect();
        cluster.converge(&all, &addrs(0..50), 60).await;
        sleep(PERIOD * 200).await;
        for number in all {
            let died = cluster.events(number).into_iter().find(|event| matches!(event, Event::Died(_)));
            assert_eq!(died, None, "seed {seed}: at member {number}");
        }
        assert!(cluster.network.stats().lost > 1_000);
    }
}

#[tokio::test(start_paused = true)]
async fn halves_of_a_partition_find_each_other_again() {
    for seed in seeds() {
        let cluster = Cluster::new(seed, bad_network(), 60);
        let (left, right): (Vec<_>, Vec<_>) = (0..60).partition(|number| *number < 25);
        let all: Vec<_> = (0..60).collect();
        cluster.converge(&all, &addrs(0..60), 60).await;

        cluster.network.partition(left.iter().map(|number| addr(*number).ip()));
        cluster.converge(&left, &addrs(0..25), 100).await;
        let periods = cluster.converge(&right, &addrs(25..60), 100).await;
        println!("seed {seed}: after {periods} more periods each half sees itself only");

        cluster.network.heal();
        let periods = cluster.converge(&all, &addrs(0..60), 100).await;
        println!("seed {seed}: after {periods} periods the halves are one again");
    }
}

#[tokio::test(start_paused = true)]
async fn restarted_members_are_alive_for_all() {
    for seed in seeds() {
        let mut cluster = Cluster::new(seed, bad_network(), 30);
        let all: Vec<_> = (0..30).collect();
        cluster.converge(&all, &addrs(0..30), 60).await;
        // The second life is shorter than the others need to find out, the third one longer.
        for (number, pause) in [(7, 0), (7, 3), (7, 60), (0, 60)] {
            cluster.kill(number).await;
            sleep(PERIOD * pause).await;
            cluster.start(number);
            sleep(PERIOD * 5).await;
            cluster.converge(&all, &addrs(0..30), 60).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn same_seed_gives_the_same_run() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let mut cluster = Cluster::new(5, bad_network(), 20);
        sleep(PERIOD * 30).await;
        let events: Vec<_> = (0..20).map(|number| cluster.events(number)).collect();
        runs.push((events, cluster.network.stats()));
    }
    assert_eq!(runs[0], runs[1]);
}
