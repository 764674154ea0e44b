//! Sessions over links: a session belongs to the key, and goes on over other links and from other
//! addresses.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rpcudp::session::{EndReason, Rejoin, SessionEvent, SessionId, SessionState, Sessions};
use rpcudp::sim::{Conditions, Network};
use rpcudp::{
    AnyPeer, CallError, Context, Endpoint, JoinError, LinkEnd, LinkOptions, Plain, Refusal, SecureContext, Session,
    rpc_service,
};
use tokio::time::{Instant, sleep, timeout};

use crate::fixture::{bind, identity, peer};
use crate::support::{SERVER, ms, refusal, seeds};

#[rpc_service]
trait Lobby {
    #[rpc(session, at_least_once)]
    fn id(&self, cx: &Context) -> String;
    #[rpc(session, secure, at_least_once)]
    fn sealed(&self, cx: &SecureContext) -> String;
    #[rpc(session = "operator", at_least_once)]
    fn operate(&self);
    #[rpc(at_least_once)]
    fn whoami(&self, cx: &Context) -> Option<String>;
}

struct Game;

impl Lobby for Game {
    fn id(&self, cx: &Context) -> String {
        cx.session().unwrap().id().to_string()
    }
    fn sealed(&self, cx: &SecureContext) -> String {
        assert_eq!(cx.session().unwrap().peer_id(), Some(cx.peer_id()));
        cx.peer_id().to_string()
    }
    fn operate(&self) {}
    fn whoami(&self, cx: &Context) -> Option<String> {
        cx.session().map(|member| member.id().to_string())
    }
}

#[rpc_service]
trait Events {
    #[rpc(oneway)]
    fn started(&self, game: u32);
    #[rpc(at_least_once)]
    fn name(&self) -> u8;
}

/// A player that is called back.
#[derive(Clone, Default)]
struct Listener {
    number: u8,
    games: Arc<Mutex<Vec<u32>>>,
}

impl Events for Listener {
    fn started(&self, game: u32) {
        self.games.lock().unwrap().push(game);
    }
    fn name(&self) -> u8 {
        self.number
    }
}

fn server_addr() -> SocketAddr {
    SERVER.parse().unwrap()
}

fn addr(number: u8) -> SocketAddr {
    ([10, 0, 1, number], 7_000).into()
}

/// Binds a server that sends nothing in the clear.
fn serve(network: &Network, sessions: Sessions) -> Endpoint {
    let builder = Endpoint::builder().identity(identity(1)).sessions(sessions);
    let builder = builder.sessions(Sessions::pool("operator").exclusive());
    bind(network, SERVER, builder.serve(LobbyServer::new(Game)))
}

/// Binds a player with the identity of its number, who sends nothing in the clear.
fn player(network: &Network, number: u8) -> Endpoint {
    let listener = Listener { number, ..Listener::default() };
    let builder = Endpoint::builder().identity(identity(number)).serve(EventsServer::new(listener));
    bind(network, &addr(number).to_string(), builder)
}

async fn join(endpoint: &Endpoint) -> Session {
    endpoint.join(server_addr()).secure(peer(1)).await.unwrap()
}

fn lobby(session: &Session) -> LobbyClient {
    session.client()
}

#[tokio::test(start_paused = true)]
async fn session_belongs_to_the_key() {
    let network = Network::new(1);
    let plain_too = |number, addr| {
        let builder = Endpoint::builder().identity(identity(number)).sessions(Sessions::new());
        let builder = builder.sessions(Sessions::pool("operator")).serve(LobbyServer::new(Game));
        builder.bind_transport(network.bind(addr).unwrap()).unwrap()
    };
    let (server, endpoint, other) =
        (plain_too(1, SERVER), plain_too(2, "10.0.0.2:7000"), plain_too(3, "10.0.0.3:7000"));
    let session = join(&endpoint).await;
    let id = session.id().unwrap().to_string();
    assert_eq!((session.peer_id(), lobby(&session).id().await.unwrap()), (Some(peer(1)), id.clone()));
    assert_eq!(lobby(&session).sealed().await.unwrap(), peer(2).to_string());
    let member = server.sessions().list().remove(0);
    assert_eq!((member.peer_id(), member.addr()), (Some(peer(2)), endpoint.local_addr()));
    assert!(format!("{member:?}").contains(&peer(2).to_string()));
    // Any link of the key is the member's, also one that another client has opened.
    let client = LobbyClient::secure(&endpoint, server_addr(), AnyPeer);
    assert_eq!((client.id().await.unwrap(), client.whoami().await.unwrap()), (id.clone(), Some(id.clone())));
    // Another key is not, nor is the plain wire from the member's address.
    let strangers = [LobbyClient::secure(&other, server_addr(), peer(1)), LobbyClient::new(&endpoint, server_addr())];
    for client in &strangers {
        assert_eq!(refusal(client.id().await).0, Refusal::NoSession);
        assert_eq!(client.whoami().await.unwrap(), None);
    }
    // A session of the plain wire is another one, and does not count over a link.
    let plain = endpoint.join(server_addr()).await.unwrap();
    assert_eq!(server.sessions().len(), 2);
    let plain_id = plain.id().unwrap().to_string();
    assert_eq!((lobby(&plain).id().await.unwrap(), lobby(&session).id().await.unwrap()), (plain_id, id.clone()));
    assert!(matches!(lobby(&plain).sealed().await, Err(CallError::Insecure { .. })));
    assert_eq!(server.sessions().get(plain.id().unwrap()).unwrap().peer_id(), None);
    plain.leave().await;
    assert_eq!(lobby(&session).id().await.unwrap(), id);
    // Another pool needs another session.
    assert_eq!(refusal(lobby(&session).operate().await).0, Refusal::NoSession);
    assert_eq!(session.leave().await, EndReason::Left);
    assert!(server.sessions().is_empty());
}

#[tokio::test(start_paused = true)]
async fn session_is_over_a_link_with_the_pinned_key_or_none() {
    let network = Network::new(1);
    let _server = serve(&network, Sessions::new());
    let endpoint = player(&network, 2);
    let error = endpoint.join(server_addr()).secure(peer(9)).await.unwrap_err();
    assert!(matches!(error, JoinError::Call(CallError::WrongPeer { .. })), "{error}");
    let session = endpoint.join(server_addr()).secure(AnyPeer).await.unwrap();
    assert_eq!(session.peer_id(), Some(peer(1)));
    let anonymous = bind(&network, "10.0.0.9:7000", Endpoint::builder());
    let error = anonymous.join(server_addr()).secure(peer(1)).await.unwrap_err();
    let JoinError::Call(CallError::Link { reason: LinkEnd::NotSecure, .. }) = error else { panic!("{error}") };
    let error = endpoint.join(server_addr()).secure(peer(1)).pool("none").await.unwrap_err();
    assert!(matches!(error, JoinError::NoPool { .. }), "{error}");
    let error = endpoint.join(server_addr()).secure(peer(1)).require::<EventsClient>().await.unwrap_err();
    assert!(matches!(error, JoinError::ContractMismatch { .. }), "{error}");
    assert_eq!(lobby(&session).whoami().await.unwrap(), session.id().map(|id| id.to_string()));
}

#[tokio::test(start_paused = true)]
async fn session_goes_on_over_other_links_and_from_other_addresses() {
    for seed in seeds(10) {
        let network = Network::new(seed);
        network.set_conditions(Conditions::default().latency(ms(30)).jitter(ms(10)).loss(0.1));
        let public: IpAddr = "198.51.100.1".parse().unwrap();
        let nat = network.nat(public, [addr(2).ip()], Duration::from_secs(600));
        let server = serve(&network, Sessions::new().lease(Duration::from_secs(120)));
        let mut events = server.sessions().events();
        let endpoint = player(&network, 2);
        let session = join(&endpoint).await;
        let id = session.id().unwrap();
        assert!(matches!(events.next().await, Some(SessionEvent::Joined(_))), "seed {seed}");
        let established = endpoint.link_stats().established;
        // The router restarts: the link moves with the address.
        nat.rebind_to("198.51.100.9".parse().unwrap());
        assert_eq!(lobby(&session).id().await.unwrap(), id.to_string(), "seed {seed}");
        // A partition longer than the idle timeout ends the link, and another one is opened.
        network.partition([server_addr().ip()]);
        sleep(Duration::from_secs(40)).await;
        network.heal();
        let called = lobby(&session).id().timeout(Duration::from_secs(30)).await;
        assert_eq!(called.unwrap(), id.to_string(), "seed {seed}");
        assert!(endpoint.link_stats().established > established, "seed {seed}");
        sleep(Duration::from_secs(65)).await;
        assert_eq!((session.id(), session.state()), (Some(id), SessionState::Member), "seed {seed}");
        let member = server.sessions().get(id).unwrap();
        assert_eq!(member.addr().ip().to_string(), "198.51.100.9", "seed {seed}");
        let moved = timeout(ms(1), events.next()).await.unwrap().unwrap();
        assert!(matches!(moved, SessionEvent::Moved { from, .. } if from.ip() == public), "seed {seed}: {moved:?}");
        let stats = server.stats().sessions;
        assert_eq!((stats.joined, stats.ended, stats.challenged), (1, 0, 0), "seed {seed}: no token is needed");
    }
}

#[tokio::test(start_paused = true)]
async fn idle_session_opens_a_link_for_each_request() {
    let network = Network::new(1);
    // The link ends between two requests of the session.
    let server = serve(&network, Sessions::new().lease(Duration::from_secs(200)));
    let session = join(&player(&network, 2)).await;
    sleep(Duration::from_secs(2_000)).await;
    assert_eq!((session.state(), server.stats().sessions.joined), (SessionState::Member, 1));
    while server.link_stats().up > 0 {
        sleep(ms(1_000)).await;
    }
    let evicted = server.sessions().evict(session.id().unwrap(), "x");
    assert!(evicted);
    // No link is opened to tell the peer, which asks by itself.
    assert_eq!(session.ended().await, EndReason::Evicted("x".into()));
}

#[tokio::test(start_paused = true)]
async fn both_sides_learn_the_end_over_links() {
    for seed in seeds(5) {
        let network = Network::new(seed);
        network.set_conditions(Conditions::default().latency(ms(30)));
        let server = serve(&network, Sessions::new().capacity(1).queue(3));
        let mut sessions = Vec::new();
        for number in 2..6 {
            let endpoint = player(&network, number);
            sessions.push((endpoint.join(server_addr()).secure(peer(1)).without_waiting().await.unwrap(), endpoint));
        }
        let positions: Vec<_> = sessions.iter().map(|(session, _)| session.position()).collect();
        assert_eq!(positions, [0, 1, 2, 3], "seed {seed}");
        // Evicted: the notice comes over the link, and so does the one to the next in line.
        let begun = Instant::now();
        let (evicted, _endpoint) = sessions.remove(0);
        server.sessions().evict(evicted.id().unwrap(), "enough");
        assert_eq!(evicted.ended().await, EndReason::Evicted("enough".into()), "seed {seed}");
        let (next, next_endpoint) = sessions.remove(0);
        next.turn().await.unwrap();
        assert!(begun.elapsed() < ms(500), "seed {seed}: {:?}", begun.elapsed());
        // The endpoint of the next one closes, and leaves by that.
        let begun = Instant::now();
        next_endpoint.close(ms(0)).await;
        assert_eq!(next.ended().await, EndReason::Closing, "seed {seed}");
        let (third, third_endpoint) = sessions.remove(0);
        third.turn().await.unwrap();
        assert!(begun.elapsed() < ms(1_500), "seed {seed}: {:?}", begun.elapsed());
        // The third is cut off.
        network.partition([third_endpoint.local_addr().ip()]);
        assert_eq!(third.ended().await, EndReason::Expired, "seed {seed}");
        let (fourth, _endpoint) = sessions.remove(0);
        fourth.turn().await.unwrap();
        assert_eq!(server.sessions().list()[0].peer_id(), Some(peer(5)), "seed {seed}");
        server.close(ms(0)).await;
        assert_eq!(fourth.ended().await, EndReason::Closing, "seed {seed}");
        let stats = server.stats().sessions;
        assert_eq!((stats.joined, stats.ended, stats.unknown), (4, 4, 0), "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn member_that_restarts_takes_its_place_again_at_once() {
    let network = Network::new(1);
    let server = serve(&network, Sessions::new().lease(Duration::from_secs(3_600)).exclusive());
    let endpoint = player(&network, 2);
    let first = join(&endpoint).await;
    let id = first.id().unwrap();
    // The program stops without a word, and starts again elsewhere.
    network.partition([addr(2).ip()]);
    let elsewhere = bind(&network, "10.0.7.7:7000", Endpoint::builder().identity(identity(2)));
    let second = join(&elsewhere).await;
    assert_ne!(second.id(), Some(id));
    assert_eq!((server.sessions().len(), server.sessions().waiting()), (1, 0));
    assert_eq!(lobby(&second).id().await.unwrap(), second.id().unwrap().to_string());
    // Another key cannot take it.
    let other = player(&network, 3);
    let error = other.join(server_addr()).secure(peer(1)).await.unwrap_err();
    assert!(matches!(error, JoinError::Full { .. }), "{error}");
    network.heal();
    // The one before hears that, once it asks.
    let reason = timeout(Duration::from_secs(4_000), first.ended()).await.unwrap();
    assert_eq!(reason, EndReason::Evicted("the same key has joined again".into()));
    assert_eq!(second.state(), SessionState::Member);
}

#[tokio::test(start_paused = true)]
async fn session_is_joined_again_after_the_server_has_restarted() {
    for seed in seeds(5) {
        let network = Network::new(seed);
        network.set_conditions(Conditions::default().latency(ms(20)).loss(0.1));
        let server = serve(&network, Sessions::new());
        let endpoint = player(&network, 2);
        let session = endpoint.join(server_addr()).secure(peer(1)).rejoin(Rejoin::new()).await.unwrap();
        let id = session.id().unwrap();
        drop(server);
        sleep(Duration::from_secs(15)).await;
        let server = serve(&network, Sessions::new());
        while session.id().is_none_or(|new| new == id) || session.state() != SessionState::Member {
            sleep(ms(100)).await;
        }
        assert_eq!(lobby(&session).id().await.unwrap(), session.id().unwrap().to_string(), "seed {seed}");
        assert_eq!(server.sessions().list()[0].peer_id(), Some(peer(2)), "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn members_of_both_wires_are_called_back_over_their_own() {
    let network = Network::new(1);
    let builder = Endpoint::builder().identity(identity(1)).sessions(Sessions::new());
    let builder = builder.sessions(Sessions::pool("operator"));
    let server = builder.serve(LobbyServer::new(Game)).bind_transport(network.bind(SERVER).unwrap()).unwrap();
    let mut players = Vec::new();
    for number in 2..7_u8 {
        let listener = Listener { number, ..Listener::default() };
        let builder = Endpoint::builder().serve(EventsServer::new(listener.clone()));
        // Odd ones send and take no plain request.
        let (endpoint, session) = if number % 2 == 1 {
            let endpoint =
                bind(&network, &addr(number).to_string(), builder.identity(identity(number)).plain(Plain::CallsOnly));
            let session = join(&endpoint).await;
            (endpoint, session)
        } else {
            let endpoint = builder.bind_transport(network.bind(addr(number)).unwrap()).unwrap();
            let session = endpoint.join(server_addr()).await.unwrap();
            (endpoint, session)
        };
        players.push((endpoint, session, listener));
    }
    let group: EventsClient = server.sessions().group();
    let mut all = group.started(7).all();
    while all.next().await.is_some() {}
    let mut names = BTreeSet::new();
    let mut all = group.name().all();
    while let Some((_, name)) = all.next().await {
        names.insert(name.unwrap());
    }
    assert_eq!(names, (2..7).collect());
    assert!(players.iter().all(|(_, _, listener)| *listener.games.lock().unwrap() == [7]));
    let keys: Vec<_> = group.peers().into_iter().filter_map(|peer| peer.peer_id).collect();
    assert_eq!(keys, [peer(3), peer(5)]);
    for (number, (_, session, _)) in (2..7).zip(&players) {
        let back: EventsClient = server.sessions().client(session.id().unwrap()).unwrap();
        assert_eq!((back.name().await.unwrap(), back.peer_id().is_some()), (number, number % 2 == 1));
    }
    // A member over a link leaves the group when its session ends, and one that moves stays.
    let (_endpoint, session, _) = players.remove(1);
    session.leave().await;
    assert_eq!(server.sessions().group::<EventsClient>().peers().len(), 4);
}

/// The times at which each session was a member in its own eyes.
type Views = Arc<Mutex<BTreeMap<SessionId, (Instant, Option<Instant>)>>>;

/// Joins, stays, and leaves, again and again.
async fn play(endpoint: Endpoint, views: Views, seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    loop {
        sleep(ms(rng.random_range(0..3_000))).await;
        let Ok(session) = endpoint.join(server_addr()).secure(peer(1)).await else { continue };
        let Some(id) = session.id() else { continue };
        views.lock().unwrap().insert(id, (Instant::now(), None));
        let patience = ms(rng.random_range(1_000..20_000));
        let _ = timeout(patience, session.ended()).await;
        if let Some(view) = views.lock().unwrap().get_mut(&id) {
            view.1 = Some(Instant::now());
        }
        if rng.random() { drop(session.leave().await) } else { drop(session) }
    }
}

#[tokio::test(start_paused = true)]
async fn members_over_links_keep_the_rules_in_a_storm() {
    const CAPACITY: usize = 2;
    for seed in seeds(15) {
        let (network, mut rng) = (Network::new(seed), StdRng::seed_from_u64(seed));
        network.set_conditions(Conditions::default().latency(ms(20)).jitter(ms(20)).loss(0.2));
        let public = |number: u8| IpAddr::from([198, 51, 100, number]);
        let nats: Vec<_> =
            (2..7).map(|number| network.nat(public(number), [addr(number).ip()], Duration::from_secs(600))).collect();
        // Links that end soon, so that many are opened.
        let options = LinkOptions::default().idle_timeout(Duration::from_secs(2));
        let builder = Endpoint::builder().identity(identity(1)).link_options(options);
        let builder = builder.sessions(Sessions::pool("operator"));
        let pool = Sessions::new().capacity(CAPACITY).queue(2).lease(Duration::from_secs(4));
        let server = bind(&network, SERVER, builder.sessions(pool).serve(LobbyServer::new(Game)));
        let (mut events, views) = (server.sessions().events(), Views::default());
        let tasks: Vec<_> = (2..7_u8)
            .map(|number| {
                tokio::spawn(play(player(&network, number), Arc::clone(&views), seed * 8 + u64::from(number)))
            })
            .collect();
        for _ in 0..12 {
            match rng.random_range(0..3) {
                0 => network.partition([public(rng.random_range(2..7))]),
                1 => nats[rng.random_range(0..nats.len())].rebind(),
                _ => {}
            }
            sleep(ms(rng.random_range(500..6_000))).await;
            assert!(server.sessions().len() <= CAPACITY, "seed {seed}");
            network.heal();
        }
        tasks.iter().for_each(tokio::task::JoinHandle::abort);
        server.close(ms(0)).await;
        // Each member joins and ends once, one key has one place, and no peer believes that it is a
        // member for longer than the server does.
        let (mut present, mut ended) = (BTreeMap::new(), 0);
        while let Some(event) = events.next().await {
            match event {
                SessionEvent::Joined(member) => {
                    assert!(present.values().all(|key| *key != member.peer_id()), "seed {seed}: a key has two places");
                    assert!(present.insert(member.id(), member.peer_id()).is_none(), "seed {seed}");
                    assert!(present.len() <= CAPACITY, "seed {seed}");
                }
                SessionEvent::Ended { member, .. } => {
                    assert!(present.remove(&member.id()).is_some(), "seed {seed}");
                    ended += 1;
                }
                SessionEvent::Moved { .. } => {}
                event => panic!("seed {seed}: {event:?}"),
            }
        }
        let stats = server.stats().sessions;
        assert_eq!((stats.joined, stats.ended, stats.challenged), (ended, ended, 0), "seed {seed}");
        assert!(present.is_empty() && ended > 3, "seed {seed}: {ended} sessions");
    }
}
