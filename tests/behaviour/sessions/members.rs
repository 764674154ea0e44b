//! The server's view of its members: events, calls back, and calls to all of them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpcudp::session::{EndReason, SessionEvent, Sessions};
use rpcudp::sim::Network;
use rpcudp::{Endpoint, Session};
use tokio::time::sleep;

use super::fixture::{EventsClient, EventsServer, Listener, Scene, addr, server_addr};
use crate::support::{bind, ms};

/// A member that is called back, and the games that it has heard of.
struct Caller {
    session: Session,
    games: Arc<Mutex<Vec<u32>>>,
}

async fn caller(network: &Network, number: u8) -> Caller {
    let games = Arc::default();
    let listener = Listener { name: format!("player {number}"), games: Arc::clone(&games) };
    let endpoint = bind(network, addr(number), Endpoint::builder().serve(EventsServer::new(listener)));
    Caller { session: endpoint.join(server_addr()).await.unwrap(), games }
}

#[tokio::test(start_paused = true)]
async fn group_of_members_follows_their_comings_and_goings() {
    let network = Network::new(1);
    let nat = network.nat([198, 51, 100, 1].into(), [addr(1).ip()], Duration::from_secs(600));
    let scene = Scene::on(network, Sessions::new());
    let one = caller(&scene.network, 1).await;
    let events: EventsClient = scene.server.sessions().group();
    let other = caller(&scene.network, 2).await;
    let tell = async |game| {
        let mut all = scene.server.sessions().group::<EventsClient>().started(game).all();
        let mut count = 0;
        while let Some((_, result)) = all.next().await {
            result.unwrap();
            count += 1;
        }
        sleep(ms(1)).await;
        count
    };
    assert_eq!(tell(1).await, 2);
    // A member that moves is reached at its new address.
    nat.rebind();
    sleep(Duration::from_secs(6)).await;
    assert_eq!(tell(2).await, 2);
    // A client of the group that is kept follows too.
    drop(other.session);
    sleep(ms(1)).await;
    assert_eq!(events.peers().len(), 1);
    assert_eq!(tell(3).await, 1);
    assert_eq!((&*one.games.lock().unwrap(), &*other.games.lock().unwrap()), (&vec![1, 2, 3], &vec![1, 2]));
}

#[tokio::test(start_paused = true)]
async fn single_member_is_called_back_by_its_id() {
    let scene = Scene::new(1, Sessions::new());
    let callers = [caller(&scene.network, 1).await, caller(&scene.network, 2).await];
    for (number, caller) in callers.iter().enumerate() {
        let client: EventsClient = scene.server.sessions().client(caller.session.id().unwrap()).unwrap();
        assert_eq!(client.name().await.unwrap(), format!("player {}", number + 1));
    }
    let mut all = scene.server.sessions().group::<EventsClient>().name().all();
    let mut names = Vec::new();
    while let Some((_, name)) = all.next().await {
        names.push(name.unwrap());
    }
    names.sort();
    assert_eq!(names, ["player 1", "player 2"]);
}

#[tokio::test(start_paused = true)]
async fn oneway_call_to_many_members_reaches_all_of_them() {
    let scene = Scene::new(1, Sessions::new().capacity(200));
    let mut callers = Vec::new();
    for number in 0..200 {
        callers.push(caller(&scene.network, number).await);
    }
    let mut all = scene.server.sessions().group::<EventsClient>().started(7).all();
    while all.next().await.is_some() {}
    sleep(ms(10)).await;
    assert!(callers.iter().all(|caller| *caller.games.lock().unwrap() == [7]));
}

#[tokio::test(start_paused = true)]
async fn slow_subscriber_of_events_learns_the_number_that_it_has_missed() {
    let scene = Scene::new(1, Sessions::new());
    let mut slow = scene.server.sessions().events();
    let mut operators = scene.server.sessions().pool("operator").events();
    let endpoint = scene.player(1);
    for _ in 0..600 {
        drop(endpoint.join(server_addr()).await.unwrap());
        sleep(ms(1)).await;
    }
    assert_eq!(slow.next().await, Some(SessionEvent::Lagged(1_200 - 1_024)));
    assert!(matches!(slow.next().await, Some(SessionEvent::Joined(_))));
    let session = endpoint.join(server_addr()).pool("operator").await.unwrap();
    assert!(matches!(operators.next().await, Some(SessionEvent::Lagged(_))));
    let event = operators.next().await.unwrap();
    assert_eq!(event.member().map(|member| member.id()), session.id(), "events of other pools are left out");
}

#[tokio::test(start_paused = true)]
async fn hook_may_evict_another_member() {
    // The newcomer takes the place of the oldest member.
    let network = Network::new(1);
    let place: Arc<Mutex<Option<Endpoint>>> = Arc::default();
    let server = Arc::clone(&place);
    let sessions = Sessions::new().on_join(move |_| {
        let server = server.lock().unwrap().clone().unwrap();
        let oldest = server.sessions().list().pop();
        if let Some(member) = oldest {
            server.sessions().evict(member.id(), "replaced");
        }
        Ok(())
    });
    let server = bind(&network, "10.0.0.1:7000", Endpoint::builder().sessions(sessions));
    *place.lock().unwrap() = Some(server.clone());
    let one = bind(&network, addr(1), Endpoint::builder()).join(server_addr()).await.unwrap();
    let other = bind(&network, addr(2), Endpoint::builder()).join(server_addr()).await.unwrap();
    assert_eq!(one.ended().await, EndReason::Evicted("replaced".into()));
    assert_eq!(server.sessions().list()[0].id(), other.id().unwrap());
    *place.lock().unwrap() = None;
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "the endpoint has no pool `typo`: pass `Sessions::pool(\"typo\")` to `Builder::sessions`")]
async fn unknown_pool_is_a_mistake_of_the_program() {
    let scene = Scene::new(1, Sessions::new());
    let _ = scene.server.sessions().pool("typo");
}
