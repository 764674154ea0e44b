//! Members, losses, partitions, restarts and changes of address at random, against the rules of
//! sessions.
//!
//! Every run has a seed, which a failure prints. `RPCUDP_SEEDS=1000` runs that many.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rpcudp::session::{EndReason, SessionEvent, SessionId, SessionState, Sessions};
use rpcudp::sim::{Conditions, Nat, Network};
use rpcudp::{Endpoint, Session};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::fixture::{Hook, Hooks, addr, serve, server_addr};
use crate::support::{bind, ms, seeds};

const SEED_COUNT: u64 = 50;
const LEASE: Duration = Duration::from_secs(6);
const CAPACITY: usize = 3;
const QUEUE: usize = 4;
const PLAYERS: u8 = 9;

/// A player, who joins, stays for a while, and leaves or is cut off, again and again.
struct Player {
    task: JoinHandle<()>,
    nat: Nat,
}

/// The times at which each session was a member in its own eyes.
type Views = Arc<Mutex<BTreeMap<SessionId, View>>>;

#[derive(Clone, Debug)]
struct View {
    since: Instant,
    /// The end, with the reason.
    end: Option<(Instant, EndReason)>,
}

fn pool() -> Sessions {
    Sessions::new().capacity(CAPACITY).queue(QUEUE).lease(LEASE)
}

async fn play(endpoint: Endpoint, views: Views, seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    loop {
        sleep(ms(rng.random_range(0..3_000))).await;
        let Ok(mut session) = endpoint.join(server_addr()).without_waiting().await else { continue };
        let patience = sleep(ms(rng.random_range(1_000..30_000)));
        tokio::select! {
            () = watch(&mut session, &views) => {}
            () = patience => leave(session, &views, rng.random()).await,
        }
    }
}

/// Notes when a session is a member, until it ends.
async fn watch(session: &mut Session, views: &Views) {
    let mut id = None;
    loop {
        match session.state() {
            SessionState::Member if id.is_none() => {
                id = session.id();
                if let Some(id) = id {
                    views.lock().unwrap().insert(id, View { since: Instant::now(), end: None });
                }
            }
            SessionState::Ended(reason) => {
                if let Some(view) = id.and_then(|id| views.lock().unwrap().get_mut(&id).cloned()) {
                    let end = Some((Instant::now(), reason));
                    views.lock().unwrap().insert(id.unwrap(), View { end, ..view });
                }
                return;
            }
            _ => {}
        }
        if session.changed().await.is_none() && !matches!(session.state(), SessionState::Ended(_)) {
            return;
        }
    }
}

async fn leave(session: Session, views: &Views, waits: bool) {
    if let Some(view) = session.id().and_then(|id| views.lock().unwrap().get_mut(&id).map(|view| (id, view.clone()))) {
        let end = Some((Instant::now(), EndReason::Left));
        views.lock().unwrap().insert(view.0, View { end, ..view.1 });
    }
    if waits { drop(session.leave().await) } else { drop(session) }
}

/// Disturbs the network for a while.
async fn disturb(network: &Network, players: &[Player], rng: &mut StdRng) {
    match rng.random_range(0..4) {
        0 => {
            let hosts: Vec<_> = (0..PLAYERS).filter(|_| rng.random_bool(0.4)).map(|number| addr(number).ip()).collect();
            network.partition(hosts);
        }
        1 => players[rng.random_range(0..players.len())].nat.rebind(),
        2 => network.set_conditions(Conditions::default().loss(0.3).latency(ms(40)).jitter(ms(30)).duplication(0.1)),
        _ => network.set_conditions(Conditions::default().loss(0.3).latency(ms(80)).reordering(0.2)),
    }
    sleep(ms(rng.random_range(500..8_000))).await;
    if rng.random_bool(0.6) {
        network.heal();
    }
}

/// Checks the hooks of a server: never more members than places, one end for each join.
fn check_hooks(hooks: &[Hook], is_closed: bool) -> BTreeMap<SessionId, Option<EndReason>> {
    let mut sessions: BTreeMap<SessionId, Option<EndReason>> = BTreeMap::new();
    let mut present = 0;
    for hook in hooks {
        match hook {
            Hook::Joined(id) => {
                present += 1;
                assert!(sessions.insert(*id, None).is_none(), "joined twice: {id}");
                assert!(present <= CAPACITY, "{present} members");
            }
            Hook::Ended(id, reason) => {
                present -= 1;
                assert!(sessions.insert(*id, Some(reason.clone())).is_some_and(|end| end.is_none()), "{id}");
            }
        }
    }
    assert!(!is_closed || present == 0, "{present} members of a closed server");
    sessions
}

async fn run(seed: u64) {
    let network = Network::new(seed);
    network.set_conditions(Conditions::default().loss(0.3).latency(ms(40)).jitter(ms(30)).duplication(0.1));
    let mut rng = StdRng::seed_from_u64(seed);
    let views = Views::default();
    let players: Vec<_> = (0..PLAYERS)
        .map(|number| {
            let nat = network.nat([198, 51, 100, number].into(), [addr(number).ip()], Duration::from_secs(300));
            let endpoint = bind(&network, addr(number), Endpoint::builder());
            Player { task: tokio::spawn(play(endpoint, Arc::clone(&views), rng.random())), nat }
        })
        .collect();
    let mut ends = BTreeMap::new();
    for life in 0..3 {
        let hooks = Hooks::default();
        let server = serve(&network, hooks.watch(pool()));
        let mut events = server.sessions().events();
        let log = hooks.log.clone();
        let observer = tokio::spawn(async move {
            let mut seen = Vec::new();
            while let Some(event) = events.next().await {
                match event {
                    SessionEvent::Joined(member) => seen.push(Hook::Joined(member.id())),
                    SessionEvent::Ended { member, reason, .. } => seen.push(Hook::Ended(member.id(), reason)),
                    _ => {}
                }
            }
            seen
        });
        for _ in 0..6 {
            disturb(&network, &players, &mut rng).await;
            assert!(server.sessions().len() <= CAPACITY && server.sessions().waiting() <= QUEUE);
            check_hooks(&log.lock().unwrap(), false);
        }
        let crashes = rng.random_bool(0.5);
        if crashes {
            // No notice reaches a player.
            network.set_conditions(Conditions::default().loss(1.0));
        }
        server.close(Duration::ZERO).await;
        drop(server);
        network.heal();
        network.set_conditions(Conditions::default().loss(0.3).latency(ms(40)).jitter(ms(30)));
        let hooks = hooks.take();
        assert_eq!(observer.await.unwrap(), hooks, "life {life}: events and hooks agree");
        let closed_at = Instant::now();
        ends.extend(check_hooks(&hooks, true).into_iter().map(|(id, end)| (id, (end.unwrap(), closed_at))));
        sleep(ms(rng.random_range(0..5_000))).await;
    }
    sleep(2 * LEASE).await;
    players.iter().for_each(|player| player.task.abort());
    check_views(&views.lock().unwrap(), &ends);
}

/// Checks the players' views against the server's.
fn check_views(views: &BTreeMap<SessionId, View>, ends: &BTreeMap<SessionId, (EndReason, Instant)>) {
    assert!(views.len() > 5, "{} sessions", views.len());
    for (id, View { since, end }) in views {
        let Some((reason, closed_at)) = ends.get(id) else { panic!("{id} was no member") };
        let (at, view) = end.as_ref().unwrap_or_else(|| panic!("{id} has no end, after {reason}"));
        // A player ends its session at the latest one lease after its server is gone.
        assert!(*at <= *closed_at + LEASE + ms(100), "{id}: {:?} too late", *at - *closed_at);
        assert!(since <= at);
        let agrees = match reason {
            EndReason::Left => matches!(view, EndReason::Left | EndReason::Expired),
            EndReason::Expired => matches!(view, EndReason::Expired | EndReason::Left),
            EndReason::Closing => matches!(view, EndReason::Closing | EndReason::Expired | EndReason::Left),
            _ => false,
        };
        assert!(agrees, "{id}: the server says {reason}, the player {view}");
    }
}

#[test]
fn members_never_exceed_the_capacity_and_each_ends_once_on_both_sides() {
    for seed in seeds(SEED_COUNT) {
        let outcome = std::panic::catch_unwind(|| crate::support::paused_runtime().block_on(run(seed)));
        assert!(outcome.is_ok(), "seed {seed}");
    }
}
