//! Forged requests, floods, and peers that break the rules.

use std::net::Ipv4Addr;
use std::time::Duration;

use rpcudp::session::{EndReason, SessionState, Sessions};
use rpcudp::sim::Node;
use tokio::time::sleep;

use super::fixture::{Scene, addr, lobby, server_addr};
use crate::support::{Encode, ms, receive, request, send};

/// A method that a peer requires.
type Required = (&'static str, u64);

fn join(id: u8, key: u64, token: Option<u64>) -> Vec<u8> {
    let methods: [Required; 0] = [];
    request([id; 20], "rpc.join", &[&1_u32, &"", &key, &methods.as_slice(), &token])
}

async fn sent(node: &Node, datagram: &[u8]) -> Vec<u8> {
    send(node, server_addr(), datagram);
    receive(node).await.concat()
}

/// Returns the token of a challenge: nil, and a number of eight bytes.
fn token(response: &[u8]) -> u64 {
    assert_eq!(response[21..24], *b"\x92\xc0\xcf", "{response:x?}");
    u64::from_be_bytes(response[24..32].try_into().unwrap())
}

#[tokio::test(start_paused = true)]
async fn nothing_is_kept_for_an_address_that_has_not_been_confirmed() {
    let scene = Scene::new(1, Sessions::new().capacity(5));
    for number in 0..100_u8 {
        let node = scene.network.bind(addr(number)).unwrap();
        let datagram = join(number, u64::from(number), None);
        let response = sent(&node, &datagram).await;
        let _ = token(&response);
        assert!(response.len() <= datagram.len(), "no amplification: {} for {}", response.len(), datagram.len());
        // A wrong token is as good as none, and so is another address's.
        assert_eq!(sent(&node, &join(200, 7, Some(u64::from(number)))).await.len(), response.len());
    }
    let stats = scene.server.stats().sessions;
    assert_eq!((stats.members, stats.joined, stats.challenged), (0, 0, 200));
    // With its token, the request has a place.
    let node = scene.network.bind(addr(200)).unwrap();
    let token = token(&sent(&node, &join(1, 7, None)).await);
    let response = sent(&node, &join(2, 7, Some(token))).await;
    assert_eq!(response[21..24], *b"\x93\xc4\x10");
    assert_eq!(scene.server.stats().sessions.members, 1);
    // A late duplicate finds the same session.
    assert_eq!(sent(&node, &join(2, 7, Some(token))).await, response);
    assert_eq!(scene.server.stats().sessions.members, 1);
}

#[tokio::test(start_paused = true)]
async fn port_of_a_validated_host_gets_no_place_before_it_is_confirmed() {
    let scene = Scene::new(1, Sessions::new().capacity(5));
    // The session validates the host, so that a forger could name its other ports.
    let session = scene.join(1).await;
    assert_eq!(lobby(&session).number().await.unwrap(), 1);
    for port in 1..5 {
        let node = scene.network.bind((addr(1).ip(), port)).unwrap();
        let _ = token(&sent(&node, &join(port as u8, u64::from(port), None)).await);
    }
    assert_eq!(scene.server.stats().sessions.joined, 1);
}

#[tokio::test(start_paused = true)]
async fn trusted_address_is_challenged_when_the_pool_is_more_than_half_full() {
    let scene = Scene::new(1, Sessions::new().capacity(5));
    let loopback = |number: u8| scene.network.bind((Ipv4Addr::new(127, 0, 0, number), 7_000)).unwrap();
    for number in 1..4 {
        let response = sent(&loopback(number), &join(number, u64::from(number), None)).await;
        assert_eq!(response[21..24], *b"\x93\xc4\x10", "{number}");
    }
    let node = loopback(4);
    let token = token(&sent(&node, &join(4, 4, None)).await);
    assert_eq!(sent(&node, &join(5, 4, Some(token))).await[21..24], *b"\x93\xc4\x10");
}

#[tokio::test(start_paused = true)]
async fn forged_requests_to_keep_or_leave_change_nothing_and_are_counted() {
    let scene = Scene::new(1, Sessions::new());
    let session = scene.join(1).await;
    let member = scene.server.sessions().list().pop().unwrap();
    let node = scene.network.bind(addr(99)).unwrap();
    let public = u64::from_str_radix(&session.id().unwrap().to_string(), 16).unwrap();
    for number in 0..100_u8 {
        // The id of the session is known, and its key is not.
        let mut credential = public.to_be_bytes().to_vec();
        credential.extend([number; 8]);
        for method in ["rpc.keep", "rpc.leave"] {
            let datagram = request([number; 20], method, &[&credential]);
            let response = sent(&node, &datagram).await;
            assert!(response.len() <= datagram.len(), "no amplification");
        }
    }
    assert_eq!(member.addr(), addr(1));
    assert_eq!((session.state(), scene.server.stats().sessions.unknown), (SessionState::Member, 200));
    assert_eq!(lobby(&session).number().await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn forged_join_from_a_members_address_takes_nothing_from_it() {
    let scene = Scene::new(1, Sessions::new());
    // A member without limits and challenges.
    let node = scene.network.bind("127.0.0.9:7000").unwrap();
    let first = sent(&node, &join(1, 7, None)).await;
    assert_eq!(first[21..24], *b"\x93\xc4\x10");
    // The forger sends in its name, and does not see the token.
    let _ = token(&sent(&node, &join(2, 8, None)).await);
    let stats = scene.server.stats().sessions;
    assert_eq!((stats.members, stats.joined), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn member_cannot_take_the_address_of_another() {
    let scene = Scene::new(1, Sessions::new());
    let session = scene.player(1).join(server_addr()).await.unwrap();
    let node = scene.network.bind(addr(2)).unwrap();
    let challenge = token(&sent(&node, &join(1, 7, None)).await);
    let place = sent(&node, &join(2, 7, Some(challenge))).await;
    let credential = place[24..40].to_vec();
    // The member sends in the name of the other's host, and does not see the token.
    let forger = scene.network.bind((addr(1).ip(), 7_001)).unwrap();
    let keep = |id: u8, token: Option<u64>| request([id; 20], "rpc.keep", &[&credential, &u64::from(id), &token]);
    let response = sent(&forger, &keep(3, None)).await;
    let _ = token(&response);
    assert!(response.len() <= keep(3, None).len(), "no amplification");
    assert_eq!(token(&sent(&forger, &keep(4, Some(challenge))).await), token(&response), "another address's token");
    let members = scene.server.sessions().list();
    assert!(members.iter().any(|member| member.addr() == addr(2)), "{members:?}");
    assert_eq!(lobby(&session).number().await.unwrap(), 1);
    // With its token, the request moves the session.
    assert_eq!(sent(&forger, &keep(5, Some(token(&response)))).await[21], 0x92);
    let members = scene.server.sessions().list();
    assert!(members.iter().any(|member| member.addr().port() == 7_001), "{members:?}");
}

#[tokio::test(start_paused = true)]
async fn second_session_of_an_endpoint_ends_the_first() {
    let scene = Scene::new(1, Sessions::new());
    let endpoint = scene.player(1);
    let first = endpoint.join(server_addr()).await.unwrap();
    let second = endpoint.join(server_addr()).await.unwrap();
    assert!(matches!(first.ended().await, EndReason::Evicted(_)));
    assert_eq!((second.state(), scene.server.sessions().len()), (SessionState::Member, 1));
    assert_eq!(lobby(&second).number().await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn forged_notices_do_not_end_a_session() {
    let scene = Scene::new(1, Sessions::new());
    let session = scene.join(1).await;
    let node = scene.network.bind(addr(99)).unwrap();
    let reason: (u8, &str) = (1, "");
    let credential = vec![0_u8; 16];
    send(&node, addr(1), &request([1; 20], "rpc.ended", &[&credential, &reason]));
    sleep(ms(10)).await;
    assert_eq!(session.state(), SessionState::Member);
}

#[tokio::test(start_paused = true)]
async fn flood_of_joins_leaves_bounded_state_and_the_members_alone() {
    let scene = Scene::new(1, Sessions::new().capacity(8).queue(8));
    let session = scene.join(1).await;
    let node = scene.network.bind(addr(99)).unwrap();
    for number in 0..20_000_u32 {
        let mut id = [9; 20];
        id[..4].copy_from_slice(&number.to_be_bytes());
        let methods: [Required; 0] = [];
        let arguments = [&1_u32 as &dyn Encode, &"", &u64::from(number), &methods.as_slice(), &None::<u64>];
        send(&node, server_addr(), &request(id, "rpc.join", &arguments));
        if number % 500 == 0 {
            sleep(ms(1)).await;
        }
    }
    assert_eq!(lobby(&session).number().await.unwrap(), 1);
    sleep(Duration::from_secs(20)).await;
    let stats = scene.server.stats().sessions;
    assert_eq!((stats.members, stats.waiting, stats.joined), (1, 0, 1));
    assert_eq!(session.state(), SessionState::Member);
}
