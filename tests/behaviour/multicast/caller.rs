//! The caller's side: one request, and the response of each member until the window ends.

use std::time::Duration;

use rpcudp::sim::Conditions;
use rpcudp::{CallError, DidRun, DropReason};
use rpcudp_core::{Dialect, MessageId, Request, Response};
use tokio::time::{Instant, sleep};

use super::{AbsentClient, GROUP, Lan, MemberClient, collect};
use crate::support::{ms, receive, seeds, send};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn each_member_is_heard_once_until_the_window_ends() {
    for seed in seeds(5) {
        let lan = Lan::new(seed, 50);
        lan.network.set_conditions(Lan::quiet().duplication(0.5));
        let (results, end) = collect(lan.client().number().all().within(SECOND)).await;
        let mut heard: Vec<_> = results.iter().map(|(peer, number, _)| (*peer, *number.as_ref().unwrap())).collect();
        heard.sort();
        assert_eq!(heard, (0..50).map(|number| (Lan::addr(number), number)).collect::<Vec<_>>(), "seed {seed}");
        assert_eq!(end, SECOND, "seed {seed}");
        let stats = lan.caller.stats();
        assert_eq!((stats.datagrams.sent, stats.calls.started, stats.calls.completed), (1, 1, 1), "seed {seed}");
        assert_eq!(stats.calls.in_flight, 0, "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn request_is_sent_once_although_the_method_is_retransmitted() {
    let lan = Lan::new(1, 20);
    lan.network.set_conditions(Lan::quiet().loss(0.3));
    let (results, _) = collect(lan.client().repeat().all()).await;
    assert!(!results.is_empty() && results.len() < 20, "{}", results.len());
    let stats = lan.caller.stats();
    assert_eq!((stats.datagrams.sent, stats.calls.retransmitted), (1, 0));

    lan.network.set_conditions(Conditions::default().loss(1.0));
    let (results, end) = collect(lan.client().repeat().all().within(SECOND)).await;
    assert_eq!((results.len(), end), (0, SECOND), "silence is no result");
    assert_eq!(lan.caller.stats().calls.timed_out, 1);
}

#[tokio::test(start_paused = true)]
async fn call_without_all_ends_with_an_error_that_names_it() {
    let lan = Lan::new(1, 1);
    for addr in [GROUP, "255.255.255.255:7000", "[ff02::1]:7000"] {
        let client = MemberClient::new(&lan.caller, addr.parse().unwrap());
        let error = client.repeat().await.unwrap_err();
        assert!(matches!(error, CallError::Io { did_run: DidRun::No, .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.starts_with(&format!("the request to {addr} could not be sent: ")), "{text}");
        assert!(text.ends_with("call them with `.all()`"), "{text}");
    }
    assert_eq!(lan.caller.stats().datagrams.sent, 0);
}

#[tokio::test(start_paused = true)]
async fn oneway_calls_reach_all_members_with_and_without_all() {
    let lan = Lan::new(1, 7);
    lan.client().tell().await.unwrap();
    let (results, _) = collect(lan.client().tell().all()).await;
    assert!(matches!(&results[..], [(peer, Ok(()), _)] if peer.to_string() == GROUP), "{results:?}");
    sleep(ms(20)).await;
    assert_eq!((lan.runs(), lan.caller.stats().datagrams.sent), (14, 2));
}

#[tokio::test(start_paused = true)]
async fn metadata_and_the_window_travel_together() {
    let lan = Lan::new(1, 9);
    let text = "x".repeat(400);
    let (results, _) = collect(lan.client().tag().metadata("tag", &text).all().within(2 * SECOND)).await;
    assert_eq!(results.len(), 9);
    assert!(results.iter().any(|(.., at)| *at > ms(100)), "the responses are spread");
    for (_, result, _) in results {
        assert_eq!(result.unwrap(), (Some(text.clone()), Some(2 * SECOND)));
    }
    let (results, _) = collect(lan.client().tag().omit_deadline().all().within(SECOND)).await;
    assert!(results.len() == 9 && results.iter().all(|(.., at)| *at == ms(10)), "without a window, at once");
}

#[tokio::test(start_paused = true)]
async fn broadcast_reaches_every_node_with_the_port() {
    let lan = Lan::new(1, 7);
    let client = MemberClient::new(&lan.caller, "255.255.255.255:7000".parse().unwrap());
    let (results, _) = collect(client.called_at().all().within(SECOND)).await;
    // The caller has the port too, and no methods: it is silent.
    assert_eq!(results.len(), 7);
    for (_, called_at, _) in results {
        assert_eq!(called_at.unwrap().to_string(), "255.255.255.255:7000");
    }
    // An address that does not show that it is a broadcast address.
    let one = MemberClient::new(&lan.caller, Lan::addr(3));
    let (results, end) = collect(one.number().all().broadcast().within(SECOND)).await;
    assert_eq!((results.len(), end), (1, SECOND));
}

#[tokio::test(start_paused = true)]
async fn dropping_the_stream_silences_the_members_that_have_not_responded() {
    let lan = Lan::new(1, 100);
    let mut all = lan.client().number().all().within(Duration::from_secs(8));
    let (_, first) = all.next().await.unwrap();
    first.unwrap();
    drop(all);
    sleep(Duration::from_secs(10)).await;
    let stats = lan.caller.stats();
    assert_eq!((stats.datagrams.sent, stats.calls.cancels_sent, stats.calls.cancelled), (2, 1, 1));
    assert!(stats.datagrams.received < 10, "{} members have responded", stats.datagrams.received);
    assert_eq!(stats.calls.in_flight, 0);
    let cancelled: u64 = lan.members.iter().map(|member| member.stats().requests.cancels_received).sum();
    assert!(cancelled > 90, "{cancelled}");
}

#[tokio::test(start_paused = true)]
async fn a_quorum_ends_when_enough_members_agree() {
    let lan = Lan::new(1, 30);
    let start = Instant::now();
    let called_at = lan.client().called_at().all().within(Duration::from_secs(8)).quorum(3).await.unwrap();
    assert_eq!(called_at.to_string(), GROUP);
    assert!(start.elapsed() < SECOND * 3, "{:?}", start.elapsed());
    assert_eq!(lan.caller.stats().calls.in_flight, 0);
    let error = lan.client().number().all().within(SECOND).quorum(2).await.unwrap_err();
    assert_eq!((error.needed, error.peers, error.agreeing), (2, 30, 1), "the peers are those that responded");
}

#[tokio::test(start_paused = true)]
async fn errors_of_members_are_results_and_a_closed_endpoint_ends_the_stream() {
    let lan = Lan::new(1, 3);
    let (results, _) = collect(lan.client().fails().all().within(SECOND)).await;
    let mut errors: Vec<_> = results.into_iter().map(|(_, result, _)| result.unwrap_err()).collect();
    errors.sort_by_key(ToString::to_string);
    assert!(matches!(errors[..], [CallError::Application(0), CallError::Application(1), CallError::Application(2)]));

    let mut all = lan.client().number_after(100_000).all().within(SECOND * 1_000);
    let closing = tokio::spawn(async move { (all.next().await, all.next().await) });
    sleep(SECOND).await;
    lan.caller.close(Duration::ZERO).await;
    let (error, end) = closing.await.unwrap();
    assert!(matches!(error, Some((peer, Err(CallError::Closed))) if peer.to_string() == GROUP));
    assert!(end.is_none());
}

#[tokio::test(start_paused = true)]
async fn members_without_the_method_are_silent() {
    let lan = Lan::new(1, 10);
    let (results, _) = collect(AbsentClient::new(&lan.caller, GROUP.parse().unwrap()).absent().all()).await;
    assert!(results.is_empty());
    assert_eq!(lan.members[0].stats().requests.refused, 1, "it is counted");
    assert_eq!(lan.caller.stats().datagrams.received, 0);
}

/// A host that sees the request may respond under any number of addresses.
#[tokio::test(start_paused = true)]
async fn forged_responses_are_bounded_and_need_the_message_id() {
    let lan = Lan::new(1, 0);
    let spy = lan.network.bind("10.2.0.1:7000").unwrap();
    spy.join_multicast(GROUP.parse::<std::net::SocketAddr>().unwrap().ip());
    let mut all = lan.client().number().all().within(SECOND);
    let results = tokio::spawn(async move {
        let mut count = 0;
        while all.next().await.is_some() {
            count += 1;
        }
        count
    });
    sleep(ms(20)).await;
    let seen = receive(&spy).await;
    let id = Request::decode(&seen[0], Dialect::Rpcudp).unwrap().id;
    let response = |id| {
        let mut response = Vec::new();
        Response::begin(&mut response, Dialect::Rpcudp, id);
        response.push(7);
        response
    };
    // Ports 1 to 60,000 of one host.
    for port in 1..=5_000 {
        let liar = lan.network.bind(("10.3.0.1", port)).unwrap();
        send(&liar, lan.caller.local_addr(), &response(id));
        send(&liar, lan.caller.local_addr(), &response(MessageId::from_bytes([7; 20])));
    }
    assert_eq!(results.await.unwrap(), 4_096);
    let dropped = lan.caller.stats().dropped(DropReason::UnmatchedResponse);
    assert_eq!(dropped, 5_000 + (5_000 - 4_096));
}
