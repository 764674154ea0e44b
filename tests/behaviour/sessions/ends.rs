//! The end of a session: one for each join, with its reason, on both sides.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{self, Poll};
use std::time::Duration;

use rpcudp::session::{EndReason, JoinError, Member, Rejoin, SessionEvent, SessionState, Sessions};
use rpcudp::sim::{Conditions, Network};
use rpcudp::transport::{Datagram, ReceiveBatch, Transport};
use rpcudp::{Builder, Endpoint, Refusal};
use tokio::time::{Instant, sleep, timeout};

use super::fixture::{Game, Hook, Hooks, LobbyClient, LobbyServer, Scene, addr, lobby, serve, server_addr};
use crate::support::{bind, ms, paused_runtime, refusal, seeds};

const LEASE: Duration = Duration::from_secs(10);

#[tokio::test(start_paused = true)]
async fn leaving_ends_the_session_at_once_on_both_sides() {
    let scene = Scene::new(1, Sessions::new());
    let (left, dropped) = (scene.join(1).await, scene.join(2).await);
    let ids = [left.id().unwrap(), dropped.id().unwrap()];
    let client = lobby(&left);
    assert_eq!(left.leave().await, EndReason::Left);
    assert_eq!(refusal(client.number().await).0, Refusal::NoSession);
    drop(dropped);
    sleep(ms(1)).await;
    assert_eq!(scene.server.sessions().len(), 0);
    let expected = [
        Hook::Joined(ids[0]),
        Hook::Joined(ids[1]),
        Hook::Ended(ids[0], EndReason::Left),
        Hook::Ended(ids[1], EndReason::Left),
    ];
    assert_eq!(scene.hooks.take(), expected);
}

#[tokio::test(start_paused = true)]
async fn dropped_session_leaves_although_its_endpoint_is_dropped_too() {
    let scene = Scene::new(1, Sessions::new());
    // The session holds the last handle.
    let session = scene.join(1).await;
    drop(session);
    sleep(ms(1)).await;
    assert_eq!(scene.server.sessions().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn lost_request_to_leave_is_retransmitted_while_the_endpoint_is_open() {
    let scene = Scene::new(1, Sessions::new());
    let endpoint = scene.player(1);
    let session = endpoint.join(server_addr()).await.unwrap();
    scene.network.set_conditions(Conditions::default().loss(1.0));
    drop(session);
    sleep(ms(10)).await;
    scene.network.set_conditions(Conditions::default());
    sleep(Duration::from_secs(1)).await;
    assert_eq!(scene.server.sessions().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn evicted_member_learns_the_reason_and_may_join_again() {
    let scene = Scene::new(1, Sessions::new());
    let endpoint = scene.player(1);
    let session = endpoint.join(server_addr()).rejoin(Rejoin::new()).await.unwrap();
    let id = session.id().unwrap();
    assert!(scene.server.sessions().evict(id, "cheating"));
    assert!(!scene.server.sessions().evict(id, "twice"));
    assert_eq!(session.ended().await, EndReason::Evicted("cheating".into()));
    assert_eq!(session.id(), None);
    assert_ne!(endpoint.join(server_addr()).await.unwrap().id(), Some(id));
}

#[tokio::test(start_paused = true)]
async fn lost_notice_of_an_eviction_is_made_up_for_by_the_next_request() {
    let scene = Scene::new(1, Sessions::new());
    let session = scene.join(1).await;
    scene.network.set_link(server_addr().ip(), addr(1).ip(), Conditions::default().loss(1.0));
    scene.server.sessions().evict(session.id().unwrap(), "x".repeat(1_000));
    sleep(ms(100)).await;
    scene.network.set_link(server_addr().ip(), addr(1).ip(), Conditions::default());
    let started = Instant::now();
    assert_eq!(session.ended().await, EndReason::Evicted("x".repeat(200)));
    assert!(started.elapsed() < LEASE / 2, "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn member_that_is_cut_off_ends_its_session_before_the_server_does() {
    let scene = Scene::new(1, Sessions::new().exclusive().queue(1));
    let session = scene.join(1).await;
    let id = session.id().unwrap();
    let next = scene.player(2).join(server_addr()).without_waiting().await.unwrap();
    scene.network.partition([addr(1).ip()]);
    let started = Instant::now();
    assert_eq!(session.ended().await, EndReason::Expired);
    let elapsed = started.elapsed();
    assert!(elapsed <= LEASE && elapsed > LEASE / 2, "{elapsed:?}");
    assert_eq!(scene.server.sessions().list()[0].id(), id, "the server still has it");
    next.turn().await.unwrap();
    assert!(started.elapsed() <= LEASE + ms(10), "{:?}", started.elapsed());
    assert_eq!(scene.hooks.take()[1], Hook::Ended(id, EndReason::Expired));
}

#[tokio::test(start_paused = true)]
async fn member_whose_requests_fail_at_once_ends_its_session_in_time() {
    for seed in seeds(20) {
        let network = Network::new(seed);
        network.return_undeliverable(true);
        let server = serve(&network, Hooks::default().watch(Sessions::new()));
        let endpoint = bind(&network, addr(1), Endpoint::builder());
        let started = Instant::now();
        let session = endpoint.join(server_addr()).await.unwrap();
        // A crash: no notice is sent.
        network.set_conditions(Conditions::default().loss(1.0));
        server.close(Duration::ZERO).await;
        drop(server);
        network.set_conditions(Conditions::default());
        assert_eq!(session.ended().await, EndReason::Expired);
        assert!(started.elapsed() <= LEASE - LEASE / 20 + ms(5), "seed {seed}: {:?}", started.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn idle_member_stays_for_hours() {
    let scene = Scene::new(1, Sessions::new());
    scene.network.set_conditions(Conditions::default().loss(0.1).latency(ms(100)).jitter(ms(50)));
    let session = scene.join(1).await;
    sleep(Duration::from_secs(3_600)).await;
    assert_eq!(session.state(), SessionState::Member);
    let stats = scene.server.stats();
    assert!((700..1_400).contains(&stats.requests.received), "{stats:?}");
    assert_eq!((stats.sessions.joined, stats.sessions.ended, stats.sessions.unknown), (1, 0, 0));
}

/// Data that panics when it is dropped.
struct Fragile(Arc<AtomicU32>);

impl Drop for Fragile {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
        panic!("the data panics");
    }
}

#[tokio::test(start_paused = true)]
async fn data_is_dropped_when_its_session_ends_and_its_panic_stays_alone() {
    let (network, drops) = (Network::new(1), Arc::new(AtomicU32::new(0)));
    let counted = Arc::clone(&drops);
    let sessions = Sessions::new().on_join(move |_| Ok(Fragile(Arc::clone(&counted))));
    let server = serve(&network, sessions);
    let endpoint = bind(&network, addr(1), Endpoint::builder());
    for round in 1..4 {
        let session = endpoint.join(server_addr()).await.unwrap();
        assert!(lobby(&session).say("a request with a session".into()).await.is_ok());
        let _ = lobby(&session).number().await;
        // No request follows that would release the session of the last one.
        server.sessions().evict(session.id().unwrap(), "over");
        assert_eq!(drops.load(Ordering::Relaxed), round);
        assert_eq!(session.ended().await, EndReason::Evicted("over".into()));
    }
    assert_eq!(server.stats().sessions.ended, 3);
}

#[tokio::test(start_paused = true)]
async fn closing_server_tells_its_members_and_its_subscribers() {
    let scene = Scene::new(1, Sessions::new().exclusive().queue(1));
    let mut events = scene.server.sessions().events();
    let session = scene.join(1).await;
    let waiting = scene.player(2).join(server_addr()).without_waiting().await.unwrap();
    drop(scene.server.close(Duration::ZERO));
    assert_eq!((session.ended().await, waiting.ended().await), (EndReason::Closing, EndReason::Closing));
    assert!(matches!(events.next().await, Some(SessionEvent::Joined(_))));
    let ended = events.next().await.unwrap();
    assert!(matches!(&ended, SessionEvent::Ended { reason: EndReason::Closing, .. }), "{ended:?}");
    assert_eq!(events.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn closing_member_leaves() {
    let scene = Scene::new(1, Sessions::new());
    let endpoint = scene.player(1);
    let session = endpoint.join(server_addr()).await.unwrap();
    endpoint.close(Duration::ZERO).await;
    assert_eq!(session.ended().await, EndReason::Closing);
    sleep(ms(1)).await;
    assert_eq!(scene.server.sessions().len(), 0);
}

/// Joins eight servers from one endpoint and closes it. Returns the ends as the hooks saw them.
async fn ends_of_a_member_that_closes(seed: u64) -> Vec<Hook> {
    let (network, hooks) = (Network::new(seed), Hooks::default());
    let builder = || Endpoint::builder().sessions(hooks.watch(Sessions::new()));
    let _servers: Vec<_> = (2..10).map(|number| bind(&network, addr(number), builder())).collect();
    let member = bind(&network, addr(1), Endpoint::builder());
    let mut sessions = Vec::new();
    for number in 2..10 {
        sessions.push(member.join(addr(number)).await.unwrap());
    }
    hooks.take();
    member.close(Duration::ZERO).await;
    sleep(ms(100)).await;
    hooks.take()
}

#[tokio::test(start_paused = true)]
async fn closing_member_leaves_its_servers_in_the_same_order_in_each_run() {
    let ends = ends_of_a_member_that_closes(1).await;
    assert_eq!(ends.len(), 8);
    for _ in 0..3 {
        assert_eq!(ends_of_a_member_that_closes(1).await, ends);
    }
}

#[tokio::test(start_paused = true)]
async fn closing_endpoint_ends_joins_in_line_and_between_attempts_at_once() {
    let scene = Scene::new(1, Sessions::new().exclusive().queue(1));
    scene.network.return_undeliverable(true);
    let _member = scene.join(1).await;
    for (number, server) in [(2, server_addr()), (3, addr(9))] {
        let endpoint = scene.player(number);
        let policy = Rejoin::new().first_delay(Duration::from_secs(20));
        let join = tokio::spawn(endpoint.join(server).rejoin(policy));
        sleep(ms(100)).await;
        assert!(!join.is_finished());
        endpoint.close(Duration::ZERO).await;
        let error = timeout(ms(10), join).await.expect("the join ends").unwrap().unwrap_err();
        assert!(matches!(error, JoinError::Ended { reason: EndReason::Closing, .. }), "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn end_between_two_calls_is_a_change() {
    let scene = Scene::new(1, Sessions::new());
    let mut session = scene.join(1).await;
    scene.server.sessions().evict(session.id().unwrap(), "over");
    sleep(ms(100)).await;
    assert_eq!(session.changed().await, Some(SessionState::Ended(EndReason::Evicted("over".into()))));
    assert_eq!(session.changed().await, None);
}

#[tokio::test(start_paused = true)]
async fn join_whose_response_was_lost_finds_its_own_place_again() {
    let scene = Scene::new(1, Sessions::new().exclusive());
    let player: SocketAddr = "127.0.0.5:7000".parse().unwrap();
    let endpoint = bind(&scene.network, player, Endpoint::builder());
    scene.network.set_link(server_addr().ip(), player.ip(), Conditions::default().loss(1.0));
    let started = Instant::now();
    let join = tokio::spawn(endpoint.join(server_addr()).rejoin(Rejoin::new()));
    sleep(Duration::from_secs(4)).await;
    let credential = scene.server.sessions().list()[0].id();
    sleep(ms(1_001)).await;
    scene.network.set_link(server_addr().ip(), player.ip(), Conditions::default());
    let session = join.await.unwrap().unwrap();
    assert_eq!(session.id(), Some(credential));
    assert!(started.elapsed() < LEASE, "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn member_joins_again_when_its_server_is_back() {
    let network = Network::new(1);
    let server = serve(&network, Hooks::default().watch(Sessions::new()));
    let endpoint = bind(&network, addr(1), Endpoint::builder());
    let mut session = endpoint.join(server_addr()).rejoin(Rejoin::new()).await.unwrap();
    let first = session.id();
    server.close(Duration::ZERO).await;
    drop(server);
    let state = session.changed().await.unwrap();
    assert!(matches!(state, SessionState::Rejoining { attempt: 1, .. }), "{state:?}");
    sleep(Duration::from_secs(60)).await;
    let _server = serve(&network, Hooks::default().watch(Sessions::new()));
    session.turn().await.unwrap();
    assert_ne!(session.id(), first);
    assert_eq!(lobby(&session).number().await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn member_notices_that_its_server_has_restarted_in_between() {
    let network = Network::new(1);
    let server = serve(&network, Hooks::default().watch(Sessions::new()));
    let endpoint = bind(&network, addr(1), Endpoint::builder());
    let session = endpoint.join(server_addr()).await.unwrap();
    // A crash: no notice is sent.
    network.set_conditions(Conditions::default().loss(1.0));
    server.close(Duration::ZERO).await;
    drop(server);
    network.set_conditions(Conditions::default());
    let _server = serve(&network, Hooks::default().watch(Sessions::new()));
    let started = Instant::now();
    assert_eq!(session.ended().await, EndReason::Expired);
    assert!(started.elapsed() <= LEASE / 2, "one request finds out: {:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn policy_to_join_again_waits_for_a_server_that_starts_later_and_gives_up_in_time() {
    let network = Network::new(1);
    network.return_undeliverable(true);
    let endpoint = bind(&network, addr(1), Endpoint::builder());
    let error = endpoint.join(server_addr()).rejoin(Rejoin::new().max_attempts(3)).await.unwrap_err();
    assert!(error.to_string().contains("unreachable"), "{error}");
    let join = tokio::spawn(endpoint.join(server_addr()).rejoin(Rejoin::new()));
    sleep(Duration::from_secs(100)).await;
    let _server = serve(&network, Hooks::default().watch(Sessions::new()));
    let session = join.await.unwrap().unwrap();
    assert_eq!(LobbyClient::new(&session, session.peer()).number().await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn duplicate_of_a_request_that_ran_gets_its_response_after_the_session_has_ended() {
    let scene = Scene::new(1, Sessions::new());
    let session = scene.join(1).await;
    // The response is lost, and the session ends before the retransmission arrives.
    scene.network.set_link(server_addr().ip(), addr(1).ip(), Conditions::default().loss(1.0));
    let call = tokio::spawn(lobby(&session).say("once".into()));
    sleep(ms(30)).await;
    scene.server.sessions().evict(session.id().unwrap(), "over");
    scene.network.set_link(server_addr().ip(), addr(1).ip(), Conditions::default());
    assert_eq!(call.await.unwrap().unwrap(), 1, "the caller must not be told that it did not run");
}

/// A socket whose driver panics when the test says so, as it would because of a bug.
#[derive(Debug)]
struct Panics<T> {
    inner: T,
    is_due: Arc<AtomicBool>,
}

impl<T: Transport> Transport for Panics<T> {
    fn poll_receive(&self, cx: &mut task::Context<'_>, batch: &mut ReceiveBatch) -> Poll<io::Result<()>> {
        assert!(!self.is_due.load(Ordering::Relaxed), "a panic on purpose");
        self.inner.poll_receive(cx, batch)
    }
    fn try_send(&self, datagram: Datagram<'_>) -> io::Result<()> {
        self.inner.try_send(datagram)
    }
    fn poll_writable(&self, cx: &mut task::Context<'_>) -> Poll<io::Result<()>> {
        self.inner.poll_writable(cx)
    }
    fn local_addr(&self) -> SocketAddr {
        self.inner.local_addr()
    }
}

/// Binds an endpoint, and returns it with the switch of its panic.
fn bind_panicking(network: &Network, addr: SocketAddr, builder: Builder) -> (Endpoint, Arc<AtomicBool>) {
    let is_due = Arc::<AtomicBool>::default();
    let transport = Panics { inner: network.bind(addr).unwrap(), is_due: Arc::clone(&is_due) };
    (builder.bind_transport(transport).unwrap(), is_due)
}

#[tokio::test(start_paused = true)]
async fn panic_of_a_driver_ends_its_sessions() {
    let (network, hooks) = (Network::new(1), Hooks::default());
    let builder = Endpoint::builder().sessions(hooks.watch(Sessions::new().capacity(2).queue(1)));
    let builder = builder.sessions(Sessions::pool("operator")).serve(LobbyServer::new(Game::default()));
    let (server, is_due) = bind_panicking(&network, server_addr(), builder);
    let mut events = server.sessions().events();
    let (endpoint, is_due_at_member) = bind_panicking(&network, addr(1), Endpoint::builder());
    let first = endpoint.join(server_addr()).await.unwrap();
    let second = bind(&network, addr(2), Endpoint::builder()).join(server_addr()).await.unwrap();
    let ids = [first.id().unwrap(), second.id().unwrap()];
    let other = bind(&network, addr(4), Endpoint::builder());
    // The member's driver.
    is_due_at_member.store(true, Ordering::Relaxed);
    let to_member = LobbyClient::new(&other, addr(1)).open().timeout(ms(100)).await;
    assert!(to_member.is_err());
    assert_eq!(first.ended().await, EndReason::Closing);
    sleep(ms(10)).await;
    assert_eq!(server.sessions().list().iter().map(Member::id).collect::<Vec<_>>(), [ids[1]], "the other has left");
    // The server's.
    is_due.store(true, Ordering::Relaxed);
    let to_server = LobbyClient::new(&other, server_addr()).open().timeout(ms(100)).await;
    assert!(to_server.is_err());
    assert_eq!(second.ended().await, EndReason::Closing);
    let mut ends = Vec::new();
    while let Some(event) = events.next().await {
        if let SessionEvent::Ended { member, reason } = event {
            ends.push((member.id(), reason));
        }
    }
    assert_eq!(ends, [(ids[0], EndReason::Left), (ids[1], EndReason::Closing)]);
    assert_eq!(hooks.take().last(), Some(&Hook::Ended(ids[1], EndReason::Closing)));
}

/// The runtime of a server ends without its endpoint being closed.
#[test]
fn sessions_end_with_the_runtime_of_their_endpoint() {
    let (runtime, network, hooks) = (paused_runtime(), Network::new(1), Hooks::default());
    let server = runtime.block_on(async {
        let server = serve(&network, hooks.watch(Sessions::new()));
        let session = bind(&network, addr(1), Endpoint::builder()).join(server_addr()).await.unwrap();
        std::mem::forget(session);
        server
    });
    drop(runtime);
    assert!(server.sessions().is_empty());
    assert!(matches!(&hooks.take()[..], [Hook::Joined(one), Hook::Ended(other, EndReason::Closing)] if one == other));
}
