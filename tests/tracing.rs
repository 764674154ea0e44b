//! Spans and log events: a span for each call and request, and one event for each failure. Callsite
//! caches of tracing are global, so these tests have a binary of their own.

mod support;

use std::collections::BTreeMap;
use std::fmt;
use std::future::pending;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use rpcudp::contract::Delivery;
use rpcudp::dynamic::RawArguments;
use rpcudp::sim::Network;
use rpcudp::{Context, Dialect, DropReason, DynamicResponse, DynamicService, Endpoint, Limits, Refusal, rpc_service};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Level, Metadata, Subscriber, dispatcher};

use support::{Pair, SERVER, bind, paused_runtime, send};

#[rpc_service]
trait Traced {
    fn succeeds(&self) -> u8;
    fn fails(&self) -> Result<u8, u8>;
    fn panics(&self);
    async fn never(&self);
    async fn later(&self) -> u8;
    fn big(&self) -> Vec<u8>;
    fn blocks(&self, millis: u64);
    #[rpc(oneway)]
    fn oneway(&self);
}

struct Service;

impl Traced for Service {
    fn succeeds(&self) -> u8 {
        tracing::info!("in the handler");
        1
    }
    fn fails(&self) -> Result<u8, u8> {
        Err(2)
    }
    fn panics(&self) {
        panic!("an expected panic of the handler")
    }
    async fn never(&self) {
        pending::<()>().await;
    }
    async fn later(&self) -> u8 {
        tokio::task::yield_now().await;
        tracing::info!("in the handler");
        3
    }
    fn big(&self) -> Vec<u8> {
        vec![0; 100_000]
    }
    fn blocks(&self, millis: u64) {
        thread::sleep(Duration::from_millis(millis));
    }
    fn oneway(&self) {}
}

#[rpc_service]
trait Files {
    #[rpc(blocking)]
    fn read(&self) -> u8;
}

/// A service whose handler logs on another thread, which has no subscriber of its own.
struct Disk(Dispatch);

impl Files for Disk {
    fn read(&self) -> u8 {
        dispatcher::with_default(&self.0, || tracing::info!("in the handler"));
        4
    }
}

type Fields = BTreeMap<&'static str, String>;

/// A subscriber that stores spans and events.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Recorded>>);

#[derive(Default)]
struct Recorded {
    spans: Vec<(&'static str, Fields)>,
    /// The indices of the entered spans, innermost last.
    entered: Vec<usize>,
    events: Vec<RecordedEvent>,
    /// An endpoint, to read its statistics at each event.
    watched: Option<Endpoint>,
}

struct RecordedEvent {
    level: Level,
    fields: Fields,
    span: Option<usize>,
}

struct FieldVisitor<'a>(&'a mut Fields);

impl Visit for FieldVisitor<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // The first is the target of the crate, the second of the handlers in this file.
        metadata.target() == "rpcudp" || metadata.target() == "tracing"
    }
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut recorded = self.0.lock().unwrap();
        let mut fields = Fields::new();
        span.record(&mut FieldVisitor(&mut fields));
        recorded.spans.push((span.metadata().name(), fields));
        Id::from_u64(recorded.spans.len() as u64)
    }
    fn record(&self, span: &Id, values: &Record<'_>) {
        let mut recorded = self.0.lock().unwrap();
        values.record(&mut FieldVisitor(&mut recorded.spans[index(span)].1));
    }
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        let watched = self.0.lock().unwrap().watched.clone();
        if let Some(endpoint) = watched {
            let _ = endpoint.stats();
        }
        let mut recorded = self.0.lock().unwrap();
        let mut fields = Fields::new();
        event.record(&mut FieldVisitor(&mut fields));
        let span = recorded.entered.last().copied();
        recorded.events.push(RecordedEvent { level: *event.metadata().level(), fields, span });
    }
    fn enter(&self, span: &Id) {
        self.0.lock().unwrap().entered.push(index(span));
    }
    fn exit(&self, _: &Id) {
        self.0.lock().unwrap().entered.pop();
    }
}

fn index(span: &Id) -> usize {
    span.into_u64() as usize - 1
}

impl Recorder {
    /// Returns the fields of the only span with this name.
    fn span(&self, name: &str) -> Fields {
        let recorded = self.0.lock().unwrap();
        let spans: Vec<_> = recorded.spans.iter().filter(|span| span.0 == name).collect();
        assert_eq!(spans.len(), 1, "one span `{name}`");
        spans[0].1.clone()
    }

    /// Returns the level, the message and the span of each event except for binding and closing.
    fn events(&self) -> Vec<(Level, String, Option<&'static str>)> {
        let recorded = self.0.lock().unwrap();
        let event = |event: &RecordedEvent| {
            (event.level, event.fields["message"].clone(), event.span.map(|span| recorded.spans[span].0))
        };
        let ends = ["endpoint bound", "endpoint closed"];
        recorded.events.iter().filter(|event| !ends.contains(&&*event.fields["message"])).map(event).collect()
    }

    /// Returns the fields of each event with this message.
    fn fields(&self, message: &str) -> Vec<Fields> {
        let recorded = self.0.lock().unwrap();
        recorded
            .events
            .iter()
            .filter(|event| event.fields["message"] == message)
            .map(|event| event.fields.clone())
            .collect()
    }
}

/// Runs `act` with a client on a simulated network, and returns the spans and events.
fn record<F: Future>(act: impl FnOnce(TracedClient) -> F) -> Recorder {
    let recorder = Recorder::default();
    record_into(&recorder, act);
    recorder
}

/// Does the same as [`record`] with an existing recorder.
fn record_into<F: Future>(recorder: &Recorder, act: impl FnOnce(TracedClient) -> F) {
    tracing::subscriber::with_default(recorder.clone(), || {
        paused_runtime().block_on(async {
            let server = Endpoint::builder().serve(TracedServer::new(Service));
            let pair = Pair::new(Network::new(1), server, Endpoint::builder());
            act(pair.client()).await;
        });
    });
}

#[test]
fn call_and_request_have_a_span_each() {
    for (method, recorder) in [
        ("succeeds", record(async |client| assert_eq!(client.succeeds().await.unwrap(), 1))),
        ("later", record(async |client| assert_eq!(client.later().await.unwrap(), 3))),
    ] {
        let (call, request) = (recorder.span("rpc_call"), recorder.span("rpc_request"));
        assert_eq!(
            (&*call["method"], &*call["peer"], &*call["outcome"]),
            (&*format!("{method:?}"), "10.0.0.1:7000", "\"answered\"")
        );
        assert_eq!((&*request["method"], &*request["peer"]), (&*format!("{method:?}"), "10.0.0.2:7000"));
        assert_eq!(request["outcome"], "\"answered\"");
        assert_eq!(call["message_id"], request["message_id"]);
        assert_eq!(call["message_id"].len(), 40);
        assert!(call.contains_key("elapsed") && request.contains_key("elapsed"));
        // Events of the handler are within the span. A successful call has no event of its own.
        assert_eq!(recorder.events(), [(Level::INFO, "in the handler".into(), Some("rpc_request"))]);
    }
}

#[test]
fn blocking_method_runs_inside_the_span_of_its_request() {
    let recorder = Recorder::default();
    tracing::subscriber::with_default(recorder.clone(), || {
        paused_runtime().block_on(async {
            let service = Disk(dispatcher::get_default(Dispatch::clone));
            let server = Endpoint::builder().serve(FilesServer::new(service));
            let pair = Pair::new(Network::new(1), server, Endpoint::builder());
            assert_eq!(pair.client::<FilesClient>().read().await.unwrap(), 4);
        });
    });
    let (call, request) = (recorder.span("rpc_call"), recorder.span("rpc_request"));
    assert_eq!((&*request["method"], &*request["outcome"]), ("\"read\"", "\"answered\""));
    assert_eq!(call["message_id"], request["message_id"]);
    assert_eq!(recorder.events(), [(Level::INFO, "in the handler".into(), Some("rpc_request"))]);
}

/// A service that logs, and takes every name.
struct Anything;

impl DynamicService for Anything {
    fn name(&self) -> &str {
        "Anything"
    }

    fn other_methods(&self) -> Option<Delivery> {
        Some(Delivery::Maybe)
    }

    async fn call(&self, _: &Context, _: &str, _: RawArguments<'_>) -> DynamicResponse {
        tracing::info!("in the handler");
        DynamicResponse::refusal(Refusal::Rejected)
    }
}

#[test]
fn request_to_a_dynamic_service_has_a_span_with_the_name_of_its_method() {
    let recorder = Recorder::default();
    tracing::subscriber::with_default(recorder.clone(), || {
        paused_runtime().block_on(async {
            let pair = Pair::new(Network::new(1), Endpoint::builder().serve_dynamic(Anything), Endpoint::builder());
            pair.client::<TracedClient>().later().await.unwrap_err();
        });
    });
    let request = recorder.span("rpc_request");
    assert_eq!((&*request["method"], &*request["outcome"]), ("\"later\"", "\"refused\""));
    assert!(recorder.events().contains(&(Level::INFO, "in the handler".into(), Some("rpc_request"))));
    let refused = recorder.fields("request refused").remove(0);
    assert_eq!(
        (&*refused["method"], &*refused["reason"]),
        ("\"later\"", "the service refused: a layer rejected the call")
    );
}

#[test]
fn application_error_is_an_outcome_of_its_own() {
    let recorder = record(async |client| drop(client.fails().await.unwrap_err()));
    assert_eq!(recorder.span("rpc_call")["outcome"], "\"application_error\"");
    assert_eq!(recorder.span("rpc_request")["outcome"], "\"application_error\"");
}

#[test]
fn cancelled_request_has_an_outcome() {
    let recorder = record(|client| async move {
        tokio::time::timeout(Duration::from_millis(100), client.never()).await.unwrap_err();
        tokio::time::sleep(Duration::from_millis(100)).await;
    });
    assert_eq!(recorder.span("rpc_request")["outcome"], "\"cancelled\"");
}

#[test]
fn failure_is_one_event_on_each_side() {
    let recorder = record(async |client| drop(client.never().timeout(Duration::from_secs(1)).await.unwrap_err()));
    let call = recorder.span("rpc_call");
    assert_eq!((&*call["outcome"], &*call["elapsed"]), ("\"timeout\"", "1s"));
    assert_eq!(recorder.events(), [(Level::DEBUG, "call failed".into(), Some("rpc_call"))]);
    // The event does not repeat the fields of the span.
    let line = recorder.fields("call failed").remove(0);
    assert_eq!(line["error"], "`never`: no response from 10.0.0.1:7000 within 1s");
    assert!(line.keys().eq(&["error", "message"]), "{line:?}");

    let recorder = record(async |client| drop(client.panics().await.unwrap_err()));
    assert_eq!(recorder.span("rpc_request")["outcome"], "\"refused\"");
    let mut events = recorder.events();
    // Printing the panic with a backtrace may take long enough to be reported too.
    events.retain(|event| !event.1.starts_with("a sync method blocked"));
    assert_eq!(events.len(), 2, "{events:?}");
    assert_eq!((events[0].0, &*events[0].1), (Level::ERROR, "request refused"));
    assert_eq!((events[1].0, &*events[1].1), (Level::DEBUG, "call failed"));

    let recorder = record(async |client| drop(client.big().await.unwrap_err()));
    let events = recorder.events();
    assert_eq!((events[0].0, &*events[0].1), (Level::WARN, "request refused"));
    assert_eq!(events.len(), 2, "{events:?}");
}

#[test]
fn refusal_of_arguments_is_a_warning_that_names_the_argument() {
    /// A contract that a caller has changed.
    #[rpc_service]
    trait Changed {
        fn blocks(&self, millis: &str);
    }

    let recorder = record(async |client| {
        let changed = ChangedClient::new(client.endpoint(), client.peer());
        drop(changed.blocks("half a second").await.unwrap_err());
    });
    assert_eq!(recorder.events()[0].0, Level::WARN);
    let line = recorder.fields("request refused").remove(0);
    assert_eq!(line["method"], "\"blocks\"");
    assert_eq!(line["reason"], "`millis`: invalid type: string \"half a second\", expected u64 (argument 1)");
}

#[test]
fn event_of_an_application_error_omits_its_message() {
    let recorder = record(async |client| drop(client.fails().await.unwrap_err()));
    assert_eq!(recorder.fields("call failed")[0]["error"], "the method returned an error");
}

#[test]
fn outcomes_of_a_oneway_call_are_sent_and_done() {
    let recorder = record(async |client| {
        client.oneway().await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    });
    assert_eq!(recorder.span("rpc_call")["outcome"], "\"sent\"");
    assert_eq!(recorder.span("rpc_request")["outcome"], "\"done\"");
    assert_eq!(recorder.events(), []);
}

#[test]
fn binding_and_closing_are_events() {
    let recorder = record(async |client| {
        client.endpoint().close(Duration::ZERO).await;
    });
    let addr = |message| recorder.fields(message).iter().map(|line| line["local_addr"].clone()).collect::<Vec<_>>();
    assert_eq!(addr("endpoint bound"), ["10.0.0.1:7000", "10.0.0.2:7000"]);
    assert_eq!(addr("endpoint closed")[0], "10.0.0.2:7000");
}

#[test]
fn peer_causes_at_most_one_event_a_second_of_each_kind() {
    let recorder = record(async |client| {
        for _ in 0..100 {
            client.panics().await.unwrap_err();
            client.big().await.unwrap_err();
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        for _ in 0..100 {
            client.panics().await.unwrap_err();
        }
    });
    let lines = recorder.fields("request refused");
    let shown: Vec<_> = lines.iter().map(|line| (&*line["method"], line.get("suppressed").map(|n| &**n))).collect();
    assert_eq!(shown, [("\"panics\"", None), ("\"big\"", None), ("\"panics\"", Some("99"))]);
}

#[test]
fn datagrams_in_the_other_dialect_cause_one_warning() {
    let recorder = record(async |client| {
        let network = Network::new(2);
        let target = bind(&network, SERVER, Endpoint::builder());
        let storj = bind(&network, "10.6.6.6:666", Endpoint::builder().dialect(Dialect::Storj));
        for _ in 0..10 {
            let call = TracedClient::new(&storj, target.local_addr()).succeeds().timeout(Duration::from_secs(1));
            assert!(call.await.unwrap_err().is_timeout());
        }
        assert_eq!(target.stats().dropped(DropReason::OtherDialect), 10);
        drop(client);
    });
    let warnings: Vec<_> = recorder.events().into_iter().filter(|event| event.0 == Level::WARN).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].1.starts_with("dropped a datagram in the other dialect"), "{warnings:?}");
}

#[test]
fn a_sync_method_that_blocks_its_endpoint_is_reported_once_a_second() {
    let recorder = record(async |client| {
        client.blocks(0).await.unwrap();
        for _ in 0..3 {
            client.blocks(80).await.unwrap();
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        client.blocks(80).await.unwrap();
    });
    let warnings: Vec<_> = recorder.events().into_iter().filter(|event| event.0 == Level::WARN).collect();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    let text = "a sync method blocked its endpoint, which received nothing meanwhile: make it async, or mark it with \
                `#[rpc(blocking)]`";
    let lines = recorder.fields(text);
    let shown: Vec<_> = lines.iter().map(|line| (&*line["method"], line.get("suppressed").map(|n| &**n))).collect();
    assert_eq!(shown, [("\"blocks\"", None), ("\"blocks\"", Some("2"))]);
}

#[test]
fn responses_beyond_the_budget_cause_one_warning_per_second() {
    for is_async in [false, true] {
        let recorder = record(async |client| {
            let network = Network::new(2);
            let limits = Limits::default().response_bytes_per_source(1_000);
            let server = Endpoint::builder().serve(TracedServer::new(Service)).limits(limits);
            let server = bind(&network, SERVER, server);
            let caller = bind(&network, "10.6.6.6:666", Endpoint::builder());
            let throttled = TracedClient::new(&caller, server.local_addr());
            let start = tokio::time::Instant::now();
            while start.elapsed() < Duration::from_secs(3) {
                let (timeout, pause) = (Duration::from_millis(10), Duration::from_millis(1));
                let call = if is_async { throttled.later() } else { throttled.succeeds() };
                let _ = call.timeout(timeout).await;
                tokio::time::sleep(pause).await;
            }
            assert!(server.stats().dropped(DropReason::ResponseBudget) > 100);
            drop(client);
        });
        let warnings: Vec<_> = recorder.events().into_iter().filter(|event| event.0 == Level::WARN).collect();
        assert!((2..=3).contains(&warnings.len()), "{warnings:?}");
        assert!(warnings[0].1.starts_with("a response was dropped: the peer was sent"), "{warnings:?}");
    }
}

#[test]
fn subscriber_can_read_statistics_at_each_event() {
    let (done, is_done) = mpsc::channel();
    // A deadlock would block the thread for ever, so the test waits with a timeout.
    thread::spawn(move || {
        let recorder = Recorder::default();
        record_into(&recorder, async |client| {
            let watch = |endpoint: &Endpoint| recorder.0.lock().unwrap().watched = Some(endpoint.clone());
            watch(client.endpoint());
            client.panics().await.unwrap_err();
            client.big().await.unwrap_err();
            client.never().timeout(Duration::from_secs(1)).await.unwrap_err();

            let network = Network::new(2);
            let target = bind(&network, SERVER, Endpoint::builder());
            watch(&target);
            let storj = bind(&network, "10.6.6.6:666", Endpoint::builder().dialect(Dialect::Storj));
            let call = TracedClient::new(&storj, target.local_addr()).succeeds().timeout(Duration::from_secs(1));
            call.await.unwrap_err();
            recorder.0.lock().unwrap().watched = None;
        });
        done.send(recorder.events().len()).unwrap();
    });
    let event_count = is_done.recv_timeout(Duration::from_secs(30)).expect("a lock was held during an event");
    assert_eq!(
        event_count, 7,
        "two events for each of two refused calls, one for a timeout, one for the dialect, one for its timeout"
    );
}

#[test]
fn dropped_datagrams_are_counted_without_events() {
    let recorder = record(async |client| {
        let endpoint = client.endpoint().clone();
        let network = Network::new(2);
        let target = bind(&network, SERVER, Endpoint::builder());
        let peer = network.bind("10.6.6.6:666").unwrap();
        (0..100).for_each(|_| send(&peer, target.local_addr(), b"garbage"));
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(target.stats().dropped_in_all(), 100);
        drop(endpoint);
    });
    assert_eq!(recorder.events(), []);
}
