//! Services whose methods are known at run time only, behind layers.

use std::sync::{Arc, Mutex};
use std::thread;

use rpcudp::contract::{Delivery, Method};
use rpcudp::dynamic::RawArguments;
use rpcudp::sim::Network;
use rpcudp::tower::{Request, Response};
use rpcudp::{Call, Context, DynamicMethod, DynamicResponse, DynamicService, Endpoint, Refusal};
use tower::ServiceBuilder;
use tower::util::{MapRequestLayer, MapResponseLayer};

use crate::install_subscriber;
use crate::support::{Pair, ms, receive, refusal, request, send};

/// A service that counts its runs, and that another thread responds for.
struct Counter(Mutex<u64>);

impl DynamicService for Counter {
    fn name(&self) -> &str {
        "Counter"
    }

    fn methods(&self) -> Vec<Method> {
        vec![Method { delivery: Delivery::AtMostOnce, ..Method::named("count") }, Method::named("never")]
    }

    fn other_methods(&self) -> Option<Delivery> {
        Some(Delivery::Maybe)
    }

    async fn call(&self, _: &Context, method: &str, _: RawArguments<'_>) -> DynamicResponse {
        if method == "never" {
            std::future::pending::<()>().await;
        }
        let count = {
            let mut count = self.0.lock().unwrap();
            *count += 1;
            *count
        };
        let (responder, response) = DynamicResponse::deferred();
        thread::spawn(move || responder.respond(DynamicResponse::value(&count))).join().unwrap();
        response.await
    }
}

#[tokio::test(start_paused = true)]
async fn requests_and_responses_pass_the_layers() {
    install_subscriber();
    let records = Arc::<Mutex<Vec<String>>>::default();
    let (requests, responses) = (Arc::clone(&records), Arc::clone(&records));
    let layers = ServiceBuilder::new()
        .layer(MapRequestLayer::new(move |request: Request| {
            requests.lock().unwrap().push(format!("{} {}", request.method(), request.delivery().as_str()));
            request
        }))
        .layer(MapResponseLayer::new(move |response: Response| {
            responses.lock().unwrap().push(response.outcome().into());
            response
        }))
        .timeout(ms(100));
    let server = Endpoint::builder().serve_dynamic(Counter(Mutex::default())).layer(layers);
    let pair = Pair::new(Network::new(1), server, Endpoint::builder());
    let call =
        |method| -> Call<u64> { DynamicMethod::new(method).call(&pair.caller, pair.server.local_addr(), &[(); 0]) };
    assert_eq!((call("count").await.unwrap(), call("anything").await.unwrap()), (1, 2));
    assert_eq!(refusal(call("never").await).0, Refusal::Stopped);
    let expected = ["count at_most_once", "answered", "anything maybe", "answered", "never maybe"];
    assert_eq!(*records.lock().unwrap(), expected);

    let node = pair.network.bind("192.0.2.1:7000").unwrap();
    for _ in 0..3 {
        send(&node, pair.server.local_addr(), &request([7; 20], "count", &[]));
        assert_eq!(receive(&node).await.len(), 1);
    }
    assert_eq!(call("count").await.unwrap(), 4, "the duplicates did not run");
}

#[tokio::test(start_paused = true)]
async fn services_that_are_added_are_behind_the_layers_too() {
    install_subscriber();
    let layers = ServiceBuilder::new().timeout(ms(100));
    let pair = Pair::new(Network::new(1), Endpoint::builder().layer(layers), Endpoint::builder());
    let added = pair.server.add_dynamic(Counter(Mutex::default())).unwrap();
    let never = || -> Call<u64> { DynamicMethod::new("never").call(&pair.caller, pair.server.local_addr(), &[(); 0]) };
    assert_eq!(refusal(never().await).0, Refusal::Stopped);
    let running = tokio::spawn(never());
    tokio::time::sleep(ms(50)).await;
    assert!(pair.server.remove_service(added));
    assert_eq!(refusal(never().await).0, Refusal::UnknownMethod);
    assert_eq!(refusal(running.await.unwrap()).0, Refusal::Stopped, "its handler ran on");
}
