//! Requests and responses that pass through layers.

use std::sync::{Arc, Mutex};

use rpcudp::sim::Network;
use rpcudp::testing::MockPeer;
use rpcudp::tower::{Request, Response};
use rpcudp::{CallError, Dialect, Endpoint, Refusal};
use tokio::time::sleep;
use tower::ServiceBuilder;
use tower::util::{MapRequestLayer, MapResponseLayer};

use crate::support::{Pair, ms, refusal};
use crate::{Runs, WorksClient, WorksServer, install_subscriber, pair};

type Records = Arc<Mutex<Vec<String>>>;

/// Returns a layer that records the method of each request.
fn recording(
    records: &Records,
    name: &'static str,
) -> MapRequestLayer<impl FnMut(Request) -> Request + Clone + Send + use<>> {
    let records = Arc::clone(records);
    MapRequestLayer::new(move |request: Request| {
        records.lock().unwrap().push(format!("{name} {}", request.method()));
        request
    })
}

#[tokio::test(start_paused = true)]
async fn requests_to_a_mock_peer_pass_its_layers_unless_it_has_a_fault() {
    let records = Records::default();
    let builder = Endpoint::builder().serve(WorksServer::new(Runs::default())).layer(recording(&records, "layer"));
    let peer = MockPeer::with_builder(builder);
    let works: WorksClient = peer.client();
    assert_eq!(works.add("four", b"five5").await.unwrap(), 9);
    peer.refuse_requests(Refusal::Busy);
    assert_eq!(refusal(works.add("four", b"five5").await).0, Refusal::Busy);
    peer.serve_requests();
    assert_eq!(works.slow("aloud", 10).await.unwrap(), "ALOUD");
    assert_eq!(*records.lock().unwrap(), ["layer add", "layer slow"]);
}

#[tokio::test(start_paused = true)]
async fn layers_and_the_methods_behind_them_see_the_metadata() {
    let records = Records::default();
    let seen = Arc::clone(&records);
    let layer = MapRequestLayer::new(move |request: Request| {
        seen.lock().unwrap().push(format!("{:?}", request.context().metadata("tenant")));
        request
    });
    let (_pair, works, _) = pair(|builder| builder.layer(layer));
    assert_eq!(works.tenant().metadata("tenant", "acme").await.unwrap().as_deref(), Some("acme"));
    assert_eq!(works.tenant_later().metadata("tenant", "later").await.unwrap().as_deref(), Some("later"));
    assert_eq!(works.tenant().await.unwrap(), None);
    assert_eq!(*records.lock().unwrap(), ["Some(\"acme\")", "Some(\"later\")", "None"]);
}

#[tokio::test(start_paused = true)]
async fn layers_leave_arguments_and_results_unchanged() {
    let responses = Records::default();
    let recorded = Arc::clone(&responses);
    let layer = MapResponseLayer::new(move |response: Response| {
        recorded.lock().unwrap().push(format!("{} {}", response.outcome(), response.is_success()));
        response
    });
    let (pair, works, runs) = pair(|builder| builder.layer(layer));
    assert_eq!(works.add("four", b"five5").await.unwrap(), 9);
    assert_eq!(works.slow("aloud", 10).await.unwrap(), "ALOUD");
    assert_eq!(works.fails().await.unwrap_err().into_application().unwrap(), "as it should");
    assert_eq!(works.sender().await.unwrap(), pair.caller.local_addr().to_string());
    assert_eq!(refusal(works.panics().await).0, Refusal::Panicked);
    assert_eq!(refusal(works.panics_later().await).0, Refusal::Panicked);
    assert!(matches!(refusal(works.big().await).0, Refusal::ResponseTooLarge { size: Some(_), .. }));
    works.note("noted".into()).await.unwrap();
    sleep(ms(10)).await;
    assert_eq!(runs.of("note"), [1, 0]);
    let expected = [
        "answered true",
        "answered true",
        "application_error false",
        "answered true",
        "panicked false",
        "panicked false",
        "response_too_large false",
        "done true",
    ];
    assert_eq!(*responses.lock().unwrap(), expected);
    let requests = pair.server.stats().requests;
    assert_eq!((requests.received, requests.completed, requests.refused, requests.panicked), (8, 4, 3, 2));
}

#[tokio::test(start_paused = true)]
async fn first_layer_is_outermost_in_one_call_and_innermost_in_several() {
    let records = Records::default();
    let [a, b, c] = ["a", "b", "c"].map(|name| recording(&records, name));
    let (_pair, works, _) = pair(|builder| builder.layer(ServiceBuilder::new().layer(a).layer(b)).layer(c));
    works.add("", b"").await.unwrap();
    assert_eq!(*records.lock().unwrap(), ["c add", "a add", "b add"]);
}

#[tokio::test(start_paused = true)]
async fn layer_sees_sender_deadline_arguments_and_delivery() {
    let records = Records::default();
    let recorded = Arc::clone(&records);
    let layer = MapRequestLayer::new(move |request: Request| {
        let (cx, arguments) = (request.context(), request.arguments());
        let remaining = cx.remaining().map(|remaining| remaining.as_millis());
        recorded.lock().unwrap().push(format!("{} {remaining:?} {arguments:x?} {:?}", cx.sender(), request.delivery()));
        request
    });
    let (_pair, works, _) = pair(|builder| builder.layer(layer));
    works.add("a", &[7]).timeout(ms(700)).await.unwrap();
    works.note("noted".into()).await.unwrap();
    sleep(ms(10)).await;
    let records = records.lock().unwrap();
    assert_eq!(records[0], "10.0.0.2:7000 Some(700) [a1, 61, c4, 1, 7] Maybe");
    assert!(records[1].ends_with("OneWay"), "{}", records[1]);
}

/// The storj dialect has no failure frame, so a refusal sends nothing.
#[tokio::test(start_paused = true)]
async fn refusal_in_the_storj_dialect_is_a_timeout() {
    install_subscriber();
    let builder = || Endpoint::builder().dialect(Dialect::Storj);
    let server = builder().serve(WorksServer::new(Runs::default()));
    let pair = Pair::new(Network::new(1), server.layer(ServiceBuilder::new().timeout(ms(50))), builder());
    let works: WorksClient = pair.client();
    assert_eq!(works.add("", b"").await.unwrap(), 0);
    let error = works.slow("a", 1_000).await.unwrap_err();
    assert!(matches!(error, CallError::Timeout { .. }), "{error}");
    assert_eq!(pair.network.stats().sent, 3);
}
