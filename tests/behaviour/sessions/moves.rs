//! Members whose addresses change.

use std::net::IpAddr;
use std::time::Duration;

use rpcudp::Refusal;
use rpcudp::session::{SessionEvent, SessionState, Sessions};
use rpcudp::sim::{Conditions, Network};
use tokio::time::sleep;

use super::fixture::{Scene, addr, lobby, server_addr};
use crate::support::{ms, refusal, seeds};

const PUBLIC: &str = "198.51.100.1";

fn public() -> IpAddr {
    PUBLIC.parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn session_goes_on_under_its_id_after_the_router_has_restarted() {
    for seed in seeds(20) {
        let network = Network::new(seed);
        network.set_conditions(Conditions::default().latency(ms(30)).jitter(ms(10)).loss(0.1));
        let nat = network.nat(public(), [addr(1).ip()], Duration::from_secs(600));
        let scene = Scene::on(network, Sessions::new());
        let mut events = scene.server.sessions().events();
        let session = scene.join(1).await;
        let id = session.id().unwrap();
        let member = scene.server.sessions().get(id).unwrap();
        let before = member.addr();
        assert_eq!(lobby(&session).number().await.unwrap(), 1, "seed {seed}");
        for round in 0..3_u8 {
            if round == 2 {
                nat.rebind_to("198.51.100.9".parse().unwrap());
            } else {
                nat.rebind();
            }
            // The first call finds out, and makes the session ask.
            let called = lobby(&session).number().await;
            assert!(called.is_ok() || refusal(called).0 == Refusal::NoSession, "seed {seed}");
            sleep(Duration::from_secs(2)).await;
            assert_eq!(lobby(&session).number().await.unwrap(), 1, "seed {seed}: the same data");
            assert_eq!((session.id(), session.state()), (Some(id), SessionState::Member), "seed {seed}");
        }
        assert_ne!(member.addr(), before, "seed {seed}");
        assert!(matches!(events.next().await, Some(SessionEvent::Joined(_))));
        for _ in 0..3 {
            let event = events.next().await.unwrap();
            assert!(matches!(event, SessionEvent::Moved { .. }), "seed {seed}: {event:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn idle_session_behind_an_impatient_router_stays() {
    // The mapping is shorter than the interval between the requests of the session.
    let network = Network::new(1);
    let _nat = network.nat(public(), [addr(1).ip()], Duration::from_secs(2));
    let scene = Scene::on(network, Sessions::new());
    let session = scene.join(1).await;
    sleep(Duration::from_secs(600)).await;
    assert_eq!(session.state(), SessionState::Member);
    assert_eq!(scene.server.stats().sessions.joined, 1);
}

#[tokio::test(start_paused = true)]
async fn address_that_another_member_takes_over_belongs_to_it() {
    let network = Network::new(1);
    let hosts = [addr(1).ip(), addr(2).ip()];
    let nat = network.nat(public(), hosts, Duration::from_secs(600));
    let scene = Scene::on(network, Sessions::new());
    let one = scene.join(1).await;
    // The router restarts, and gives the first member's port to the second.
    nat.rebind_to("198.51.100.2".parse().unwrap());
    nat.rebind_to(public());
    let other = scene.join(2).await;
    sleep(Duration::from_secs(10)).await;
    assert_eq!(lobby(&one).number().await.unwrap(), 1);
    assert_eq!(lobby(&other).number().await.unwrap(), 2);
    assert_eq!(scene.server.sessions().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn overtaken_request_does_not_move_a_session_back() {
    for seed in seeds(20) {
        let network = Network::new(seed);
        network.set_conditions(Conditions::default().latency(ms(100)).reordering(0.5).duplication(0.5).jitter(ms(90)));
        let nat = network.nat(public(), [addr(1).ip()], Duration::from_secs(600));
        let scene = Scene::on(network, Sessions::new());
        let mut events = scene.server.sessions().events();
        let session = scene.join(1).await;
        for _ in 0..12 {
            sleep(ms(3_370)).await;
            nat.rebind();
        }
        sleep(Duration::from_secs(10)).await;
        assert_eq!(session.state(), SessionState::Member, "seed {seed}");
        drop(events.next().await);
        let mut ports = Vec::new();
        while let Ok(Some(event)) = tokio::time::timeout(ms(1), events.next()).await {
            let SessionEvent::Moved { from, .. } = event else { panic!("seed {seed}: {event:?}") };
            ports.push(from.port());
        }
        assert!(ports.len() > 2, "seed {seed}: {ports:?}");
        assert!(ports.is_sorted(), "seed {seed}: a session was moved back: {ports:?}");
        assert_eq!(server_addr(), session.peer());
    }
}
