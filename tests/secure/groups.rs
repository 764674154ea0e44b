//! Groups of peers with keys: choice, moves, hedges, fan-out, quorums, health and sources over
//! links, and a storm by seed.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rpcudp::sim::{Conditions, Network};
use rpcudp::{CallError, Change, DidRun, Endpoint, LinkEnd, PeerId, PeerState, Peers};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::fixture::{Runs, VaultClient, bind, builder, identity, peer};
use crate::support::{CALLER, ms, seeds};

/// Servers that take no plain requests, and a caller that may make plain calls and sends nothing in
/// the clear.
struct Group {
    network: Network,
    servers: Vec<Option<Endpoint>>,
    runs: Vec<Runs>,
    caller: Endpoint,
}

/// Returns the address of a server, counted from 0.
fn addr(server: usize) -> SocketAddr {
    ([10, 0, 1, server as u8 + 1], 7_000).into()
}

fn number_of(server: usize) -> u8 {
    server as u8 + 10
}

fn key(server: usize) -> PeerId {
    peer(number_of(server))
}

impl Group {
    fn new(seed: u64, count: usize) -> Self {
        let network = Network::new(seed);
        network.set_conditions(Conditions::default().latency(ms(5)));
        let caller = bind(&network, CALLER, Endpoint::builder().identity(identity(2)));
        let runs = (0..count).map(|_| Runs::default()).collect();
        let mut group = Self { network, servers: (0..count).map(|_| None).collect(), runs, caller };
        (0..count).for_each(|server| group.start(server, addr(server)));
        group
    }

    /// Starts a server at an address.
    fn start(&mut self, server: usize, at: SocketAddr) {
        let builder = builder(number_of(server), &self.runs[server]);
        self.servers[server] = Some(bind(&self.network, &at.to_string(), builder));
    }

    async fn kill(&mut self, server: usize) {
        self.servers[server].take().expect("the server runs").close(Duration::ZERO).await;
    }

    fn peers(&self) -> Vec<(SocketAddr, PeerId)> {
        (0..self.servers.len()).map(|server| (addr(server), key(server))).collect()
    }

    fn client(&self) -> VaultClient {
        VaultClient::group(&self.caller, Peers::secure(self.peers()))
    }

    /// Returns the runs of a call at each server.
    fn begun(&self, number: u64) -> Vec<u64> {
        self.runs.iter().map(|runs| runs.begun(number)).collect()
    }

    fn begun_in_all(&self, number: u64) -> u64 {
        self.begun(number).iter().sum()
    }
}

#[tokio::test(start_paused = true)]
async fn calls_spread_over_the_links_of_a_group() {
    for seed in seeds(5) {
        let group = Group::new(seed, 3);
        let client = group.client();
        for number in 0..90 {
            assert_eq!(client.repeat(number).await.unwrap(), number, "seed {seed}");
        }
        let counts: Vec<u64> = group.runs.iter().map(|runs| (0..90).map(|number| runs.begun(number)).sum()).collect();
        assert!(counts.iter().all(|count| (10..60).contains(count)), "seed {seed}: {counts:?}");
        let peers = client.peers();
        let known: Vec<_> = peers.iter().map(|peer| (peer.addr, peer.peer_id.unwrap())).collect();
        assert_eq!(known, group.peers(), "seed {seed}");
        assert!(peers.iter().all(|peer| peer.round_trip.is_some() && peer.in_flight == 0), "seed {seed}: {peers:?}");
        // Each key is a link, and all of the client's clones share it.
        assert_eq!(group.caller.link_stats().up, 3, "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn keys_of_calls_stay_with_the_keys_of_peers() {
    let mut group = Group::new(1, 4);
    let (changes, receiver) = mpsc::channel(16);
    for (addr, key) in group.peers() {
        changes.send(Change::InsertSecure(addr, key)).await.unwrap();
    }
    let client = VaultClient::group(&group.caller, Peers::changes(receiver));
    let owners = async |group: &Group, client: &VaultClient, first: u64| {
        let mut owners = Vec::new();
        for key in 0..40_u64 {
            client.by(key.to_be_bytes()).repeat(first + key).await.unwrap();
            owners.push(group.begun(first + key).iter().position(|count| *count > 0).unwrap());
        }
        owners
    };
    let before = owners(&group, &client, 0).await;
    assert_eq!(BTreeSet::from_iter(&before).len(), 4);
    // Another endpoint agrees, although it has another secret for its tables.
    let other = bind(&group.network, "10.0.0.3:7000", Endpoint::builder().identity(identity(3)));
    let others = VaultClient::group(&other, Peers::secure(group.peers()));
    assert_eq!(owners(&group, &others, 100).await, before);
    // The first server moves: the source names its key with another address.
    group.kill(0).await;
    let elsewhere = "10.0.9.9:7000".parse().unwrap();
    group.start(0, elsewhere);
    changes.send(Change::InsertSecure(elsewhere, key(0))).await.unwrap();
    sleep(ms(1)).await;
    assert_eq!(owners(&group, &client, 200).await, before);
    assert_eq!((client.peers().len(), client.peers()[3].addr, client.peers()[3].peer_id), (4, elsewhere, Some(key(0))));
    // Only the keys of a peer that goes move.
    changes.send(Change::RemoveSecure(key(1))).await.unwrap();
    sleep(ms(1)).await;
    for (before, after) in before.iter().zip(owners(&group, &client, 300).await) {
        assert!(*before == after || *before == 1);
        assert_ne!(after, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn call_moves_on_from_a_peer_with_another_key() {
    let group = Group::new(1, 3);
    // The second address has a peer with another key than the pinned one.
    let peers = [(addr(0), key(0)), (addr(1), key(2)), (addr(1), peer(9))];
    for number in 0..20 {
        let client = VaultClient::group(&group.caller, Peers::secure([peers[0], peers[2]]));
        assert_eq!(client.once(number, Vec::new()).await.unwrap(), number);
        assert_eq!(group.begun(number), [1, 0, 0], "no request reaches another key");
    }
    assert!(group.caller.stats().calls.moved > 0);
    // The peer of the other key is ejected at once.
    let client = VaultClient::group(&group.caller, Peers::secure([peers[0], peers[2]]));
    for number in 100..120 {
        client.once(number, Vec::new()).await.unwrap();
    }
    let ejected: Vec<_> = client.peers().into_iter().filter(|peer| peer.state != PeerState::Available).collect();
    assert_eq!(ejected.iter().map(|peer| peer.peer_id).collect::<Vec<_>>(), [Some(peer(9))]);
    // A group of that peer alone says so.
    let client = VaultClient::group(&group.caller, Peers::secure([peers[1]]));
    let error = client.echo(Vec::new()).await.unwrap_err();
    assert!(matches!(error, CallError::WrongPeer { expected, found, .. } if (expected, found) == (key(2), key(1))));
    assert_eq!(error.did_run(), DidRun::No);
}

#[tokio::test(start_paused = true)]
async fn call_leaves_a_silent_peer() {
    for seed in seeds(5) {
        let group = Group::new(seed, 3);
        let client = group.client();
        for number in 0..30 {
            client.repeat(number).await.unwrap();
        }
        group.network.partition([addr(1).ip()]);
        let started = Instant::now();
        let calls: JoinSet<_> = (100..140).map(|number| client.repeat(number).into_future()).collect();
        assert!(calls.join_all().await.iter().all(Result::is_ok), "seed {seed}");
        assert!(started.elapsed() < Duration::from_secs(5), "seed {seed}: {:?}", started.elapsed());
        assert!(group.caller.stats().calls.moved > 0, "seed {seed}");
        group.network.heal();
    }
}

#[tokio::test(start_paused = true)]
async fn hedge_goes_to_another_key_and_the_loser_is_cancelled() {
    let group = Group::new(1, 3);
    let client = group.client();
    for number in 0..64 {
        client.repeat(number).hedged().await.unwrap();
    }
    let (slow, caller) = (addr(0).ip(), group.caller.local_addr().ip());
    group.network.set_link(slow, caller, Conditions::default().latency(ms(400)));
    for number in 100..160 {
        let started = Instant::now();
        client.repeat(number).hedged().await.unwrap();
        assert!(started.elapsed() < ms(100), "{:?}", started.elapsed());
    }
    let stats = group.caller.stats().calls;
    assert!((1..=16).contains(&stats.hedged), "{stats:?}");
    assert_eq!(stats.cancels_sent, stats.hedged);
    // A dropped call cancels its handler, too.
    let running = tokio::spawn(client.slow(500, 60_000).timeout(Duration::from_secs(100)));
    sleep(ms(500)).await;
    assert_eq!(group.begun_in_all(500), 1);
    running.abort();
    sleep(Duration::from_secs(1)).await;
    let running: u64 = group.servers.iter().flatten().map(|server| server.stats().requests.running).sum();
    assert_eq!(running, 0, "the handler is dropped");
}

#[tokio::test(start_paused = true)]
async fn all_peers_are_called_and_agree() {
    let mut group = Group::new(1, 5);
    let client = group.client();
    let large = vec![7; 100_000];
    let mut all = client.echo(large.clone()).all();
    let mut heard = BTreeSet::new();
    while let Some((peer, result)) = all.next().await {
        assert_eq!(result.unwrap(), large);
        heard.insert(peer);
    }
    assert_eq!(heard, (0..5).map(addr).collect());
    assert_eq!(client.repeat(1).quorum(5).await.unwrap(), 1);
    // Oneway requests reach all of them.
    let mut told = client.note(2).all();
    while told.next().await.is_some() {}
    sleep(ms(100)).await;
    assert_eq!(group.begun(2), [1; 5]);
    group.kill(3).await;
    let error = client.repeat(3).timeout(ms(500)).quorum(5).await.unwrap_err();
    let failed: Vec<_> = error.responses.iter().filter(|(_, result)| result.is_err()).collect();
    assert!(matches!(&failed[..], [(peer, Err(CallError::Link { .. }))] if *peer == addr(3)), "{failed:?}");
    assert_eq!(client.repeat(4).quorum(4).await.unwrap(), 4);
}

#[tokio::test(start_paused = true)]
async fn group_with_keys_never_falls_back_to_the_plain_wire() {
    // The transport of each endpoint panics if a datagram is sent in the clear.
    let mut group = Group::new(1, 2);
    let client = group.client();
    client.echo(Vec::new()).await.unwrap();
    // A client of one address keeps the key of the member there.
    let one = client.with_peer(addr(1));
    assert_eq!((one.peer_id(), one.repeat(1).await.unwrap(), group.begun(1)), (Some(key(1)), 1, vec![0, 1]));
    let error = client.with_peer(addr(7)).echo(Vec::new()).await.unwrap_err();
    assert!(matches!(error, CallError::Link { reason: LinkEnd::NotSecure, .. }), "{error}");
    let error = client.echo(Vec::new()).secure(key(0)).await.unwrap_err();
    assert!(matches!(error, CallError::Io { .. }), "the group decides: {error}");
    group.kill(0).await;
    group.kill(1).await;
    let error = client.echo(Vec::new()).timeout(ms(500)).await.unwrap_err();
    assert!(matches!(error, CallError::Link { .. }), "{error}");
    // An endpoint without an identity has no links.
    let anonymous = bind(&group.network, "10.0.0.4:7000", Endpoint::builder());
    let client = VaultClient::group(&anonymous, Peers::secure(group.peers()));
    let error = client.echo(Vec::new()).await.unwrap_err();
    assert!(matches!(error, CallError::Link { reason: LinkEnd::NotSecure, .. }), "{error}");
    assert_eq!(client.peers().len(), 2);
}

/// A server is killed and comes back, another one is partitioned, and a third moves to another
/// address, with loss. A server that has restarted has forgotten which requests it has run: with
/// `is_renewed` it has another key, and takes the place of the one before.
async fn make_trouble(mut group: Group, changes: mpsc::Sender<Change>, is_renewed: bool) -> Group {
    let restart = async |group: &mut Group, server: usize, at: SocketAddr| {
        if is_renewed {
            changes.send(Change::RemoveSecure(key(server))).await.unwrap();
            group.runs.push(Runs::default());
            group.servers.push(None);
            let renewed = group.servers.len() - 1;
            group.start(renewed, at);
            changes.send(Change::InsertSecure(at, key(renewed))).await.unwrap();
        } else {
            group.start(server, at);
            changes.send(Change::InsertSecure(at, key(server))).await.unwrap();
        }
    };
    sleep(ms(1_000)).await;
    group.kill(0).await;
    sleep(ms(1_000)).await;
    group.network.partition([addr(1).ip()]);
    sleep(ms(8_000)).await;
    group.network.heal();
    restart(&mut group, 0, addr(0)).await;
    sleep(ms(1_000)).await;
    group.kill(2).await;
    restart(&mut group, 2, ([10, 0, 2, 3], 7_000).into()).await;
    sleep(ms(4_000)).await;
    group
}

/// Makes 200 calls in trouble, and returns their results by number.
async fn storm<T>(
    seed: u64,
    is_renewed: bool,
    call: impl Fn(&VaultClient, u64) -> T,
) -> (Vec<(u64, Result<u64, CallError>)>, Group)
where
    T: IntoFuture<Output = Result<u64, CallError>> + Send + 'static,
    T::IntoFuture: Send,
{
    let group = Group::new(seed, 4);
    group.network.set_conditions(Conditions::default().latency(ms(5)).jitter(ms(5)).loss(0.1));
    let (changes, receiver) = mpsc::channel(16);
    for (addr, key) in group.peers() {
        changes.send(Change::InsertSecure(addr, key)).await.unwrap();
    }
    let client = VaultClient::group(&group.caller, Peers::changes(receiver));
    let trouble = tokio::spawn(make_trouble(group, changes, is_renewed));
    let (mut calls, mut rng) = (JoinSet::new(), StdRng::seed_from_u64(seed));
    for number in 0..200 {
        let call = call(&client, number);
        calls.spawn(async move { (number, call.await) });
        sleep(ms(rng.random_range(1..150))).await;
    }
    (calls.join_all().await, trouble.await.unwrap())
}

#[tokio::test(start_paused = true)]
async fn no_idempotent_call_fails_in_a_storm() {
    for seed in seeds(8) {
        let (ended, group) = storm(seed, false, |client, number| client.repeat(number).wait_for_ready()).await;
        for (number, result) in ended {
            assert_eq!(result.unwrap_or_else(|error| panic!("seed {seed}: {error}")), number);
        }
        assert!(group.caller.stats().calls.moved > 0, "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_at_most_once_call_runs_twice_in_a_storm() {
    for seed in seeds(8) {
        let (ended, group) = storm(seed, true, |client, number| client.once(number, Vec::new())).await;
        for (number, result) in ended {
            let run_count = group.begun_in_all(number);
            assert!(run_count <= 1, "seed {seed}: call {number} ran {run_count} times");
            match result {
                Ok(value) => assert_eq!((value, run_count), (number, 1), "seed {seed}"),
                Err(error) => {
                    assert!(error.did_run() != DidRun::No || run_count == 0, "seed {seed}: {error}, and it ran");
                }
            }
        }
    }
}
