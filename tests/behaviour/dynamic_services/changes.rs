//! Services that are added and removed while their endpoint serves.

use std::sync::atomic::AtomicBool;

use rpcudp::sim::{Conditions, Network};
use rpcudp::{AddServiceError, BindError, Builder, CallError, DidRun, DropReason, Refusal, rpc_service};
use tokio::task::JoinSet;

use crate::support::{Pair, TestResult, bind, receive, refusal, request, send};

use super::*;

#[rpc_service]
trait Counter {
    fn next(&self) -> u64;
    #[rpc(at_most_once)]
    async fn slow(&self, millis: u64) -> u64;
}

#[derive(Default)]
struct Count(AtomicU64);

impl Counter for Count {
    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }

    async fn slow(&self, millis: u64) -> u64 {
        sleep(ms(millis)).await;
        millis
    }
}

#[rpc_service]
trait Stable {
    fn sync(&self, number: u64) -> u64;
    #[rpc(at_most_once)]
    async fn asynchronous(&self, number: u64) -> u64;
}

struct Echo;

impl Stable for Echo {
    fn sync(&self, number: u64) -> u64 {
        number
    }

    async fn asynchronous(&self, number: u64) -> u64 {
        tokio::task::yield_now().await;
        number
    }
}

/// Sets a flag when it is dropped.
struct Guarded(Recorder, Arc<AtomicBool>);

impl Drop for Guarded {
    fn drop(&mut self) {
        self.1.store(true, Ordering::Release);
    }
}

impl DynamicService for Guarded {
    fn name(&self) -> &str {
        "Guarded"
    }

    fn methods(&self) -> Vec<Method> {
        self.0.methods()
    }

    async fn call(&self, cx: &Context, method: &str, arguments: RawArguments<'_>) -> DynamicResponse {
        self.0.call(cx, method, arguments).await
    }
}

fn pair(server: Builder) -> Pair {
    Pair::new(Network::new(1), server, Endpoint::builder())
}

#[tokio::test(start_paused = true)]
async fn added_service_serves_until_it_is_removed() -> TestResult {
    let pair = pair(Endpoint::builder());
    let counter = pair.client::<CounterClient>();
    assert_eq!(refusal(counter.next().await).0, Refusal::UnknownMethod);
    let typed = pair.server.add_service(CounterServer::new(Count::default()))?;
    let dynamic = pair.server.add_dynamic(Recorder::default())?;
    assert_eq!(counter.next().await?, 0);
    assert!(call(&pair.caller, pair.server.local_addr(), "maybe", NO_ARGUMENTS).await.is_ok());
    assert!(pair.server.remove_service(typed));
    assert!(!pair.server.remove_service(typed), "it is gone");
    assert_eq!(refusal(counter.next().await).0, Refusal::UnknownMethod);
    assert!(call(&pair.caller, pair.server.local_addr(), "maybe", NO_ARGUMENTS).await.is_ok());
    assert!(!pair.caller.remove_service(dynamic), "the service of another endpoint");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn collision_names_both_services_and_changes_nothing() -> TestResult {
    #[rpc_service]
    trait Other {
        #[rpc(name = "slow")]
        fn slowly(&self);
    }
    struct Others;
    impl Other for Others {
        fn slowly(&self) {}
    }

    let pair = pair(Endpoint::builder().serve(CounterServer::new(Count::default())));
    match pair.server.add_service(OtherServer::new(Others)) {
        Err(AddServiceError::DuplicateMethod { method: "slow", services: ["Counter", "Other"] }) => {}
        other => panic!("{other:?}"),
    }
    let rest = || Recorder { other_methods: Some(Delivery::Maybe), ..Recorder::default() };
    let recorder = pair.server.add_dynamic(rest())?;
    // Another service, whose only collision is that of the other methods.
    struct Rest;
    impl DynamicService for Rest {
        fn name(&self) -> &str {
            "Rest"
        }
        fn other_methods(&self) -> Option<Delivery> {
            Some(Delivery::OneWay)
        }
        async fn call(&self, _: &Context, _: &str, _: RawArguments<'_>) -> DynamicResponse {
            DynamicResponse::none()
        }
    }
    let error = pair.server.add_dynamic(Rest).unwrap_err();
    assert!(matches!(error, AddServiceError::DuplicateOtherMethods { services: ["Recorder", "Rest"] }), "{error:?}");
    assert!(error.to_string().starts_with("both `Recorder` and `Rest` take methods that no service has"), "{error}");
    let bound = Endpoint::builder().serve_dynamic(rest()).serve_dynamic(Rest).bind("127.0.0.1:0").await;
    assert!(matches!(bound, Err(BindError::DuplicateOtherMethods { services: ["Recorder", "Rest"] })));
    assert_eq!(pair.client::<CounterClient>().slow(3).await?, 3);
    assert!(pair.server.remove_service(recorder));
    assert!(pair.server.add_dynamic(Rest).is_ok());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn removed_service_finishes_its_handlers_and_is_dropped() -> TestResult {
    let pair = pair(Endpoint::builder());
    let dropped = Arc::new(AtomicBool::new(false));
    let service = pair.server.add_dynamic(Guarded(Recorder::default(), Arc::clone(&dropped)))?;
    let running = tokio::spawn(call(&pair.caller, pair.server.local_addr(), "at_most", &[500]));
    sleep(ms(50)).await;
    assert!(pair.server.remove_service(service));
    sleep(ms(50)).await;
    assert!(!dropped.load(Ordering::Acquire), "a handler runs");
    assert!(running.await?.is_ok());
    sleep(ms(50)).await;
    assert!(dropped.load(Ordering::Acquire), "although no datagram has arrived since");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn idle_service_is_dropped_when_it_is_removed_and_when_the_endpoint_closes() -> TestResult {
    let pair = pair(Endpoint::builder());
    for closes in [false, true] {
        let dropped = Arc::new(AtomicBool::new(false));
        let service = pair.server.add_dynamic(Guarded(Recorder::default(), Arc::clone(&dropped)))?;
        if closes {
            pair.server.close(ms(0)).await;
        } else {
            assert!(pair.server.remove_service(service));
            sleep(ms(1)).await;
        }
        assert!(dropped.load(Ordering::Acquire), "closes: {closes}");
    }
    assert!(matches!(pair.server.add_dynamic(Recorder::default()), Err(AddServiceError::Closed)));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn service_with_a_drop_that_panics_costs_no_driver() -> TestResult {
    struct Panics(Recorder);
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("while it is dropped");
        }
    }
    impl DynamicService for Panics {
        fn name(&self) -> &str {
            "Panics"
        }
        fn methods(&self) -> Vec<Method> {
            self.0.methods()
        }
        async fn call(&self, cx: &Context, method: &str, arguments: RawArguments<'_>) -> DynamicResponse {
            self.0.call(cx, method, arguments).await
        }
    }

    let pair = pair(Endpoint::builder().serve(CounterServer::new(Count::default())));
    let service = pair.server.add_dynamic(Panics(Recorder::default()))?;
    assert!(call(&pair.caller, pair.server.local_addr(), "maybe", NO_ARGUMENTS).await.is_ok());
    assert!(pair.server.remove_service(service));
    sleep(ms(10)).await;
    assert_eq!(pair.client::<CounterClient>().next().await?, 0);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn duplicates_of_a_removed_method_are_treated_as_before() -> TestResult {
    for takes_others in [false, true] {
        let pair = pair(Endpoint::builder());
        let peer = pair.server.local_addr();
        let node = pair.network.bind("192.0.2.1:7000")?;
        let exchange = async |id, method: &str, millis: u64| {
            send(&node, peer, &request([id; 20], method, &[&millis]));
            receive(&node).await
        };
        let recorder = Recorder::default();
        let service = pair.server.add_dynamic(recorder.clone())?;
        let others = Recorder { other_methods: Some(Delivery::Maybe), ..Recorder::default() };
        let finished = exchange(1, "at_most", 0).await;
        assert_eq!(finished.len(), 1);
        for (id, method) in [(2, "at_most"), (3, "at_least")] {
            assert!(exchange(id, method, 500).await.is_empty(), "{method} runs");
        }
        assert!(pair.server.remove_service(service));
        if takes_others {
            struct Others(Recorder);
            impl DynamicService for Others {
                fn name(&self) -> &str {
                    "Others"
                }
                fn other_methods(&self) -> Option<Delivery> {
                    Some(Delivery::Maybe)
                }
                async fn call(&self, cx: &Context, method: &str, arguments: RawArguments<'_>) -> DynamicResponse {
                    self.0.call(cx, method, arguments).await
                }
            }
            pair.server.add_dynamic(Others(others.clone()))?;
        }
        let dropped = pair.server.stats().dropped(DropReason::DuplicateRequest);
        for _ in 0..3 {
            assert_eq!(exchange(1, "at_most", 0).await, finished, "the stored response");
            for (id, method) in [(2, "at_most"), (3, "at_least")] {
                let running = exchange(id, method, 500).await;
                assert!(running.iter().all(|frame| frame[0] == 6), "no refusal of {method}: {running:?}");
            }
        }
        assert_eq!(pair.server.stats().dropped(DropReason::DuplicateRequest), dropped + 6);
        sleep(ms(600)).await;
        assert_eq!(receive(&node).await.len(), 2, "the responses of the running handlers");
        assert_eq!(exchange(3, "at_least", 500).await.len(), 1, "a slow response is stored");
        // Other requests are refused, or run as the rest does.
        for (id, method) in [(5, "at_most"), (6, "at_least"), (7, "maybe")] {
            (0..2).for_each(|_| send(&node, peer, &request([id; 20], method, &[])));
            let mut responses = receive(&node).await;
            responses.extend(receive(&node).await);
            assert_eq!(responses.len(), 2, "{method}");
            assert!(responses.iter().all(|response| (response[0] == 4) != takes_others), "{method}: {responses:?}");
        }
        assert_eq!(recorder.seen(), ["at_most", "at_most", "at_least"]);
        assert_eq!(others.seen().len(), if takes_others { 6 } else { 0 });
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn retransmitted_call_gets_its_response_although_the_service_is_removed() -> TestResult {
    let pair = pair(Endpoint::builder());
    let counter = pair.client::<CounterClient>();
    let added = pair.server.add_service(CounterServer::new(Count::default()))?;
    let call = tokio::spawn(counter.slow(3_000).timeout(ms(10_000)));
    sleep(ms(100)).await;
    assert!(pair.server.remove_service(added));
    assert_eq!(call.await??, 3_000);
    assert!(pair.caller.stats().calls.retransmitted > 0);
    let error = counter.slow(1).await.unwrap_err();
    assert_eq!((error.did_run(), refusal(Err::<u64, _>(error)).0), (DidRun::No, Refusal::UnknownMethod));
    Ok(())
}

/// The first copy runs and its response is lost. The second is refused, because the service is gone
/// and at-least-once methods are not remembered.
#[tokio::test(start_paused = true)]
async fn refusal_of_a_retransmission_may_mean_that_the_method_ran() -> TestResult {
    let pair = pair(Endpoint::builder());
    let recorder = Recorder::default();
    let added = pair.server.add_dynamic(recorder.clone())?;
    pair.set_response_conditions(Conditions::default().loss(1.0));
    let call = call(&pair.caller, pair.server.local_addr(), "maybe", NO_ARGUMENTS).retransmit(true);
    let call = tokio::spawn(call);
    sleep(ms(100)).await;
    assert!(pair.server.remove_service(added));
    pair.set_response_conditions(Conditions::default());
    let error = call.await?.unwrap_err();
    assert_eq!((recorder.seen().len(), error.did_run()), (1, DidRun::Maybe));
    assert_eq!(refusal(Err::<Value, _>(error)).0, Refusal::UnknownMethod);
    Ok(())
}

/// Calls a service over and over while another one comes and goes, on several sockets and threads.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn no_call_is_lost_while_services_come_and_go() -> TestResult {
    let server = Endpoint::builder().serve(StableServer::new(Echo)).sockets(2).bind("127.0.0.1:0").await?;
    let caller = Endpoint::bind("127.0.0.1:0").await?;
    let peer = server.local_addr();
    // Calls of the service that comes and goes: those that it ran, and those that were refused.
    let counts = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
    let is_over = |counts: &[AtomicU64; 2]| counts.iter().all(|count| count.load(Ordering::Relaxed) >= 1_000);
    let mut tasks = JoinSet::new();
    for task in 0..16_u64 {
        let (caller, counts) = (caller.clone(), Arc::clone(&counts));
        tasks.spawn(async move {
            let (stable, counter) = (StableClient::new(&caller, peer), CounterClient::new(&caller, peer));
            while !is_over(&counts) {
                assert_eq!(stable.sync(task).await.unwrap(), task);
                assert_eq!(stable.asynchronous(task).await.unwrap(), task);
                for result in [counter.next().await, counter.slow(0).await] {
                    match result {
                        Ok(_) => counts[0].fetch_add(1, Ordering::Relaxed),
                        Err(CallError::Refused { reason: Refusal::UnknownMethod, .. }) => {
                            counts[1].fetch_add(1, Ordering::Relaxed)
                        }
                        Err(error) => panic!("{error}"),
                    };
                }
            }
        });
    }
    while !is_over(&counts) {
        let added = server.add_service(CounterServer::new(Count::default()))?;
        tokio::task::yield_now().await;
        assert!(server.remove_service(added));
        tokio::task::yield_now().await;
    }
    while let Some(ended) = tasks.join_next().await {
        ended?;
    }
    let stats = caller.stats().calls;
    assert_eq!((stats.timed_out, stats.unreachable), (0, 0));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn service_added_from_its_own_handler_serves() -> TestResult {
    struct Loader;
    impl DynamicService for Loader {
        fn name(&self) -> &str {
            "Loader"
        }
        fn methods(&self) -> Vec<Method> {
            vec![Method::named("load")]
        }
        async fn call(&self, cx: &Context, _: &str, _: RawArguments<'_>) -> DynamicResponse {
            let added = cx.endpoint().add_service(CounterServer::new(Count::default()));
            added.map_or_else(|error| DynamicResponse::error(&error.to_string()), |_| DynamicResponse::value(&()))
        }
    }

    let network = Network::new(1);
    let server = bind(&network, crate::support::SERVER, Endpoint::builder().serve_dynamic(Loader));
    let caller = bind(&network, crate::support::CALLER, Endpoint::builder());
    let load = async || call(&caller, server.local_addr(), "load", NO_ARGUMENTS).await;
    assert!(load().await.is_ok());
    assert_eq!(CounterClient::new(&caller, server.local_addr()).next().await?, 0);
    let error = load().await.unwrap_err().into_application().unwrap();
    assert!(error.as_str().unwrap().starts_with("`Counter` is served twice"), "{error}");
    Ok(())
}
