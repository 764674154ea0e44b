//! Joining, waiting in line, and the errors of both.

use std::time::Duration;

use rpcudp::session::{EndReason, JoinError, Member, SessionState, Sessions};
use rpcudp::sim::Network;
use rpcudp::{BindError, Call, CallError, Context, DidRun, DynamicMethod, Endpoint, Refusal};
use tokio::time::{Instant, sleep, timeout};

use super::fixture::{
    EventsServer, Game, Hook, Listener, Lobby, LobbyClient, LobbyServer, Player, Scene, addr, lobby, server_addr,
};
use crate::support::{SERVER, bind, ms, refusal};

#[tokio::test(start_paused = true)]
async fn member_is_known_by_its_id_and_data_on_both_sides() {
    let scene = Scene::new(1, Sessions::new().capacity(5));
    let (one, other) = (scene.join(1).await, scene.join(2).await);
    assert_eq!(lobby(&one).number().await.unwrap(), 1);
    assert_eq!(lobby(&other).number().await.unwrap(), 2);
    for session in [&one, &other] {
        let id = session.id().unwrap();
        assert_eq!(lobby(session).whoami().await.unwrap(), Some(id.to_string()));
        let member = scene.server.sessions().get(id).unwrap();
        assert_eq!((member.id(), member.end()), (id, None));
    }
    assert_eq!((scene.server.sessions().len(), one.state(), one.position()), (2, SessionState::Member, 0));
    let stats = scene.server.stats().sessions;
    assert_eq!((stats.members, stats.joined, stats.challenged), (2, 2, 2), "each address is confirmed");
}

#[tokio::test(start_paused = true)]
async fn caller_without_a_session_is_refused_before_its_arguments_are_decoded() {
    let scene = Scene::new(1, Sessions::new());
    let endpoint = scene.player(1);
    let client = LobbyClient::new(&endpoint, server_addr());
    assert_eq!(client.open().await.unwrap(), 7);
    assert_eq!(client.whoami().await.unwrap(), None);
    assert_eq!(refusal(client.number().await), (Refusal::NoSession, "number".into()));
    let error = client.say("text".into()).await.unwrap_err();
    assert_eq!(error.did_run(), DidRun::No);
    assert_eq!(error.to_string(), "10.0.0.1:7000 refused `say`: the caller has no session");
    // The arguments do not decode.
    let call: Call<u8> = DynamicMethod::new("say").call(&endpoint, server_addr(), &[7_u8]);
    assert_eq!(refusal(call.await).0, Refusal::NoSession);
    // A session in one pool is none in another.
    let session = endpoint.join(server_addr()).await.unwrap();
    assert_eq!(refusal(lobby(&session).operate().await).0, Refusal::NoSession);
    let operator = endpoint.join(server_addr()).pool("operator").await.unwrap();
    assert_eq!(lobby(&operator).operate().await.unwrap(), "operator");
    assert_eq!(operator.pool(), "operator");
}

#[tokio::test(start_paused = true)]
async fn full_pool_without_a_line_refuses_with_its_capacity() {
    let scene = Scene::new(1, Sessions::new().capacity(1));
    let _member = scene.join(1).await;
    let error = scene.player(2).join(server_addr()).await.unwrap_err();
    assert!(matches!(error, JoinError::Full { capacity: 1, queue: 0, .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "10.0.0.1:7000 is busy: all places of the default pool are taken, 1 for members and 0 in line (`Sessions::queue` \
         lets peers wait)"
    );
}

#[tokio::test(start_paused = true)]
async fn peers_in_line_learn_their_positions_and_get_places_in_order() {
    let scene = Scene::new(1, Sessions::new().exclusive().queue(3));
    let first = scene.join(1).await;
    let mut waiting = Vec::new();
    for number in 2..5 {
        waiting.push(scene.player(number).join(server_addr()).without_waiting().await.unwrap());
    }
    assert_eq!(waiting.iter().map(|session| session.position()).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!((scene.server.sessions().len(), scene.server.sessions().waiting()), (1, 3));
    let error = scene.player(5).join(server_addr()).await.unwrap_err();
    assert!(matches!(error, JoinError::Full { capacity: 1, queue: 3, .. }), "{error:?}");
    assert_eq!(refusal(lobby(&waiting[0]).number().await).0, Refusal::NoSession, "one in line is no member");

    // The second in line gives up, and the third moves up at its next request.
    assert_eq!(waiting.remove(1).leave().await, EndReason::Left);
    let mut last = waiting.pop().unwrap();
    assert_eq!(last.changed().await.unwrap(), SessionState::Waiting { position: 2 });
    let started = Instant::now();
    assert_eq!(first.leave().await, EndReason::Left);
    waiting[0].turn().await.unwrap();
    assert!(started.elapsed() < ms(10), "the server tells the first in line: {:?}", started.elapsed());
    assert_eq!(lobby(&waiting[0]).number().await.unwrap(), 2);
    drop(waiting);
    last.turn().await.unwrap();
    assert_eq!(lobby(&last).number().await.unwrap(), 3);
    let joined = scene.hooks.take().into_iter().filter(|hook| matches!(hook, Hook::Joined(_))).count();
    assert_eq!(joined, 3, "the hook runs for members only");
}

#[tokio::test(start_paused = true)]
async fn future_of_a_join_that_is_dropped_gives_up_the_place_in_line() {
    let scene = Scene::new(1, Sessions::new().exclusive().queue(3));
    let _first = scene.join(1).await;
    let endpoint = scene.player(2);
    assert!(timeout(ms(100), endpoint.join(server_addr())).await.is_err());
    sleep(ms(10)).await;
    assert_eq!(scene.server.sessions().waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn silent_peer_in_line_loses_its_place() {
    let scene = Scene::new(1, Sessions::new().exclusive().queue(3).lease(Duration::from_secs(5)));
    let first = scene.join(1).await;
    let silent = scene.player(2).join(server_addr()).without_waiting().await.unwrap();
    let next = scene.player(3).join(server_addr()).without_waiting().await.unwrap();
    scene.network.partition([addr(2).ip()]);
    sleep(Duration::from_secs(9)).await;
    assert_eq!((silent.state(), next.position()), (SessionState::Ended(EndReason::Expired), 1));
    drop(first);
    next.turn().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn hook_refuses_with_a_text_and_a_panic_refuses_too() {
    let network = Network::new(1);
    let pool = |name: &'static str| Sessions::pool(name).exclusive().queue(5);
    let banned = pool("banned").on_join(|_| Err::<(), _>("banned until monday".into()));
    let broken = pool("broken").on_join(|_| -> Result<(), String> { panic!("the hook panics") });
    let server = bind(&network, SERVER, Endpoint::builder().sessions(banned).sessions(broken));
    let endpoint = bind(&network, addr(1), Endpoint::builder());
    let error = endpoint.join(server_addr()).pool("banned").await.unwrap_err();
    assert_eq!(error.to_string(), "10.0.0.1:7000 refused the session: banned until monday");
    let error = endpoint.join(server_addr()).pool("broken").await.unwrap_err();
    assert_eq!(error.to_string(), "10.0.0.1:7000 refused the session: the hook for joining panicked");
    let stats = server.stats().sessions;
    assert_eq!((stats.members, stats.waiting, stats.joined, stats.ended), (0, 0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn hook_that_refuses_a_peer_when_its_turn_comes_lets_the_next_one_in() {
    let network = Network::new(1);
    let banned = addr(2);
    let refuse = move |member: &Member| if member.addr() == banned { Err("banned".to_owned()) } else { Ok(()) };
    let sessions = Sessions::new().exclusive().queue(5).on_join(refuse);
    let _server = bind(&network, SERVER, Endpoint::builder().sessions(sessions));
    let endpoints = [1, 2, 3].map(|number| bind(&network, addr(number), Endpoint::builder()));
    let first = endpoints[0].join(server_addr()).await.unwrap();
    let refused = tokio::spawn(endpoints[1].join(server_addr()));
    sleep(ms(10)).await;
    let next = tokio::spawn(endpoints[2].join(server_addr()));
    sleep(ms(10)).await;
    first.leave().await;
    let error = refused.await.unwrap().unwrap_err();
    assert!(matches!(&error, JoinError::Refused { reason, .. } if reason == "banned"), "{error:?}");
    assert_eq!(next.await.unwrap().unwrap().state(), SessionState::Member);
}

#[tokio::test(start_paused = true)]
async fn joining_what_is_not_there_names_the_way_out() {
    let network = Network::new(1);
    let _plain = bind(&network, SERVER, Endpoint::builder().serve(EventsServer::new(Listener::default())));
    let endpoint = bind(&network, addr(1), Endpoint::builder());
    let error = endpoint.join(server_addr()).await.unwrap_err();
    assert_eq!(error.to_string(), "10.0.0.1:7000 has no sessions: its program enables them with `Builder::sessions`");
    let scene = Scene::new(1, Sessions::new());
    let endpoint = scene.player(1);
    let error = endpoint.join(server_addr()).pool("typo").await.unwrap_err();
    assert_eq!(error.to_string(), "10.0.0.1:7000 has no sessions in the pool `typo`");
    let error = endpoint.join(addr(9)).await.unwrap_err();
    assert!(matches!(error, JoinError::Call(CallError::Timeout { method: "rpc.join", .. })), "{error:?}");
}

#[tokio::test]
async fn pools_that_are_missing_or_double_are_errors_of_binding() {
    let service = || LobbyServer::new(Game::default());
    let error = Endpoint::builder().serve(service()).bind("127.0.0.1:0").await.unwrap_err();
    assert!(matches!(error, BindError::UnknownPool { pool: "", .. }));
    assert_eq!(
        error.to_string(),
        "`number` requires a session, and the endpoint has none: pass `Sessions::new()` to `Builder::sessions`"
    );
    let builder = Endpoint::builder().serve(service()).sessions(Sessions::new());
    let error = builder.bind("127.0.0.1:0").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "`operate` requires a session in the pool `operator`, which the endpoint does not have: pass \
         `Sessions::pool(\"operator\")` to `Builder::sessions`"
    );
    let builder = Endpoint::builder().sessions(Sessions::pool("a")).sessions(Sessions::pool("a"));
    let error = builder.bind("127.0.0.1:0").await.unwrap_err();
    assert!(matches!(&error, BindError::DuplicatePool { pool } if pool == "a"), "{error}");
}

#[test]
fn handler_is_tested_with_a_session_of_its_own() {
    let cx = Context::for_test().session(Player { number: 9 }).build();
    assert_eq!(Lobby::number(&Game::default(), &cx), 9);
    assert!(Context::for_test().build().session().is_none());
}
