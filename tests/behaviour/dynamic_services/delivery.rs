//! Delivery, cancellation, deadlines and limits are those of a contract's async methods.

use rpcudp::session::Sessions;
use rpcudp::sim::{Conditions, Network};
use rpcudp::{BindError, Builder, DropReason, Refusal, rpc_service};

use super::*;
use crate::support::{Pair, receive, refusal, request, send};

fn pair(configure: impl FnOnce(Builder) -> Builder) -> (Pair, Recorder) {
    let recorder = Recorder::default();
    let server = configure(Endpoint::builder().serve_dynamic(recorder.clone()));
    (Pair::new(Network::new(1), server, Endpoint::builder()), recorder)
}

#[tokio::test(start_paused = true)]
async fn duplicates_run_as_the_delivery_says() {
    for (method, runs, responses) in [("maybe", 3, 3), ("at_least", 3, 3), ("at_most", 1, 3), ("oneway", 3, 0)] {
        let (pair, recorder) = pair(|server| server);
        let node = pair.network.bind("192.0.2.1:7000").unwrap();
        let mut received = Vec::new();
        for _ in 0..3 {
            send(&node, pair.server.local_addr(), &request([7; 20], method, &[]));
            received.extend(receive(&node).await);
        }
        assert_eq!((recorder.seen().len(), received.len()), (runs, responses), "{method}");
        if method == "at_most" {
            assert!(received.iter().all(|response| *response == received[0]), "the stored response");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn duplicates_of_a_running_request_are_dropped() {
    for (method, runs) in [("maybe", 2), ("at_least", 1), ("at_most", 1)] {
        let (pair, recorder) = pair(|server| server);
        let node = pair.network.bind("192.0.2.1:7000").unwrap();
        let datagram = request([7; 20], method, &[&50_u64]);
        (0..2).for_each(|_| send(&node, pair.server.local_addr(), &datagram));
        sleep(ms(200)).await;
        assert_eq!(recorder.seen().len(), runs, "{method}");
        assert_eq!(pair.server.stats().dropped(DropReason::DuplicateRequest), 2 - runs as u64, "{method}");
    }
}

#[tokio::test(start_paused = true)]
async fn at_most_once_call_runs_once_although_responses_are_lost() {
    let (pair, recorder) = pair(|server| server);
    pair.set_response_conditions(Conditions::default().loss(0.9));
    let call = call(&pair.caller, pair.server.local_addr(), "at_most", NO_ARGUMENTS).retransmit(true);
    let value = call.timeout(ms(60_000)).await.unwrap();
    assert_eq!(value.to_string(), r#"["at_most", 1]"#);
    assert_eq!(recorder.seen(), ["at_most"]);
}

#[tokio::test(start_paused = true)]
async fn alias_runs_the_method_under_its_present_name() {
    let (pair, _) = pair(|server| server);
    let value = call(&pair.caller, pair.server.local_addr(), "once", NO_ARGUMENTS).await.unwrap();
    assert_eq!(value.to_string(), r#"["maybe", 1]"#);
}

#[tokio::test(start_paused = true)]
async fn dropped_call_ends_the_handler_unless_it_is_at_most_once() {
    for (method, dropped) in [("maybe", 1), ("at_least", 1), ("at_most", 0), ("oneway", 0)] {
        let (pair, recorder) = pair(|server| server);
        let call = tokio::spawn(call(&pair.caller, pair.server.local_addr(), method, &[1_000]));
        sleep(ms(50)).await;
        call.abort();
        sleep(ms(2_000)).await;
        assert_eq!(recorder.dropped.load(Ordering::Relaxed), dropped, "{method}");
        assert_eq!(pair.server.stats().requests.cancelled, dropped, "{method}");
    }
}

#[tokio::test(start_paused = true)]
async fn limits_of_handlers_apply() {
    let (pair, recorder) = pair(|server| server.max_handlers(1).handler_timeout(ms(200)));
    let call = |method, millis: u64| call(&pair.caller, pair.server.local_addr(), method, &[millis]).timeout(ms(100));
    let (first, second) = tokio::join!(call("maybe", 60), call("maybe", 60));
    assert!(first.is_ok());
    assert_eq!(refusal(second).0, Refusal::Busy);
    let outlasts = call("maybe", 10_000).timeout(ms(10_000)).await;
    assert!(outlasts.is_err());
    assert_eq!(recorder.seen().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn close_waits_for_running_handlers() {
    let (pair, recorder) = pair(|server| server);
    let call = tokio::spawn(call(&pair.caller, pair.server.local_addr(), "maybe", &[300]));
    sleep(ms(50)).await;
    pair.server.close(ms(1_000)).await;
    assert!(call.await.unwrap().is_ok());
    assert_eq!(recorder.dropped.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn names_that_no_service_has_run_with_the_delivery_of_the_rest() {
    let recorder = Recorder { other_methods: Some(Delivery::AtMostOnce), ..Recorder::default() };
    let server = Endpoint::builder().serve_dynamic(recorder.clone());
    let pair = Pair::new(Network::new(1), server, Endpoint::builder());
    let value = call(&pair.caller, pair.server.local_addr(), "any.name at all", NO_ARGUMENTS).await.unwrap();
    assert_eq!(value.to_string(), r#"["any.name at all", 1]"#);
    let node = pair.network.bind("192.0.2.1:7000").unwrap();
    for _ in 0..3 {
        send(&node, pair.server.local_addr(), &request([7; 20], "", &[]));
        assert_eq!(receive(&node).await.len(), 1);
    }
    assert_eq!(recorder.seen(), ["any.name at all", ""]);
}

#[tokio::test(start_paused = true)]
async fn refusal_names_the_method_that_no_service_has() {
    struct Refuses;

    impl DynamicService for Refuses {
        fn name(&self) -> &str {
            "Refuses"
        }
        fn other_methods(&self) -> Option<Delivery> {
            Some(Delivery::Maybe)
        }
        async fn call(&self, _: &Context, _: &str, _: RawArguments<'_>) -> DynamicResponse {
            DynamicResponse::refusal(Refusal::UnknownMethod)
        }
    }

    let server = Endpoint::builder().serve_dynamic(Refuses);
    let pair = Pair::new(Network::new(1), server, Endpoint::builder());
    let refused = refusal(call(&pair.caller, pair.server.local_addr(), "nothing", NO_ARGUMENTS).await);
    assert_eq!(refused, (Refusal::UnknownMethod, "nothing".into()));
}

/// A service with a method for members of a session only.
struct Members;

impl DynamicService for Members {
    fn name(&self) -> &str {
        "Members"
    }

    fn methods(&self) -> Vec<Method> {
        vec![Method { session: Some("".into()), returns: "bool".into(), ..Method::named("member") }]
    }

    async fn call(&self, cx: &Context, _: &str, _: RawArguments<'_>) -> DynamicResponse {
        DynamicResponse::value(&cx.session().is_some())
    }
}

#[tokio::test(start_paused = true)]
async fn methods_may_require_a_session() {
    #[rpc_service]
    trait Member {
        #[rpc(session)]
        async fn member(&self) -> bool;
    }

    let server = Endpoint::builder().sessions(Sessions::new()).serve_dynamic(Members);
    let pair = Pair::new(Network::new(1), server, Endpoint::builder());
    let client = pair.client::<MemberClient>();
    assert_eq!(refusal(client.member().await).0, Refusal::NoSession);
    let session = pair.caller.join(pair.server.local_addr()).require::<MemberClient>().await.unwrap();
    assert!(client.member().await.unwrap());
    session.leave().await;
    let bound = Endpoint::builder().serve_dynamic(Members).bind("127.0.0.1:0").await;
    assert!(matches!(bound, Err(BindError::UnknownPool { method: "member", pool: "" })), "{bound:?}");
}
