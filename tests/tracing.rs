//! What is told of calls and requests: a span for each, and one line for each failure.

mod support;

use std::collections::BTreeMap;
use std::fmt;
use std::future::pending;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use rpcudp::sim::Network;
use rpcudp::{Dialect, DropReason, Endpoint, rpc_service};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use support::{Pair, SERVER, bind, paused_runtime, send};

#[rpc_service]
trait Told {
    fn answers(&self) -> u8;
    fn fails(&self) -> Result<u8, u8>;
    fn panics(&self);
    async fn never(&self);
    async fn later(&self) -> u8;
    fn big(&self) -> Vec<u8>;
    #[rpc(oneway)]
    fn noted(&self);
}

struct Service;

impl Told for Service {
    fn answers(&self) -> u8 {
        tracing::info!("in the handler");
        1
    }
    fn fails(&self) -> Result<u8, u8> {
        Err(2)
    }
    fn panics(&self) {
        panic!("told by the panic hook")
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
    fn noted(&self) {}
}

type Fields = BTreeMap<&'static str, String>;

/// Keeps everything it is told.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    spans: Vec<(&'static str, Fields)>,
    /// The spans that are entered, innermost last.
    entered: Vec<usize>,
    events: Vec<Line>,
    /// An endpoint whose stats are read at each event.
    watched: Option<Endpoint>,
}

struct Line {
    level: Level,
    fields: Fields,
    span: Option<usize>,
}

struct Into<'a>(&'a mut Fields);

impl Visit for Into<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

impl Subscriber for Notes {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // What comes from the crate has one target; the handler's own is that of this test.
        metadata.target() == "rpcudp" || metadata.target() == "tracing"
    }
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut kept = self.0.lock().unwrap();
        let mut fields = Fields::new();
        span.record(&mut Into(&mut fields));
        kept.spans.push((span.metadata().name(), fields));
        Id::from_u64(kept.spans.len() as u64)
    }
    fn record(&self, span: &Id, values: &Record<'_>) {
        let mut kept = self.0.lock().unwrap();
        values.record(&mut Into(&mut kept.spans[index(span)].1));
    }
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        let watched = self.0.lock().unwrap().watched.clone();
        if let Some(endpoint) = watched {
            let _ = endpoint.stats();
        }
        let mut kept = self.0.lock().unwrap();
        let mut fields = Fields::new();
        event.record(&mut Into(&mut fields));
        let span = kept.entered.last().copied();
        kept.events.push(Line { level: *event.metadata().level(), fields, span });
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

impl Notes {
    /// The fields of the one span by this name.
    fn span(&self, name: &str) -> Fields {
        let kept = self.0.lock().unwrap();
        let spans: Vec<_> = kept.spans.iter().filter(|span| span.0 == name).collect();
        assert_eq!(spans.len(), 1, "one span `{name}`");
        spans[0].1.clone()
    }

    /// Level and message of each event between binding and closing, and the name of the span that it came from.
    fn events(&self) -> Vec<(Level, String, Option<&'static str>)> {
        let kept = self.0.lock().unwrap();
        let event =
            |event: &Line| (event.level, event.fields["message"].clone(), event.span.map(|span| kept.spans[span].0));
        let ends = ["endpoint bound", "endpoint closed"];
        kept.events.iter().filter(|event| !ends.contains(&&*event.fields["message"])).map(event).collect()
    }

    /// The fields of each event with this message.
    fn fields(&self, message: &str) -> Vec<Fields> {
        let kept = self.0.lock().unwrap();
        kept.events
            .iter()
            .filter(|event| event.fields["message"] == message)
            .map(|event| event.fields.clone())
            .collect()
    }
}

/// Runs `act` with a client on a simulated network, and keeps what is told.
fn told<F: Future>(act: impl FnOnce(ToldClient) -> F) -> Notes {
    let notes = Notes::default();
    tell(&notes, act);
    notes
}

/// As [`told`], for notes that are there already.
fn tell<F: Future>(notes: &Notes, act: impl FnOnce(ToldClient) -> F) {
    tracing::subscriber::with_default(notes.clone(), || {
        paused_runtime().block_on(async {
            let server = Endpoint::builder().serve(ToldServer::new(Service));
            let pair = Pair::new(Network::new(1), server, Endpoint::builder());
            act(pair.client()).await;
        });
    });
}

#[test]
fn a_call_and_its_request_have_a_span_each() {
    for (method, notes) in [
        ("answers", told(async |client| assert_eq!(client.answers().await.unwrap(), 1))),
        ("later", told(async |client| assert_eq!(client.later().await.unwrap(), 3))),
    ] {
        let (call, request) = (notes.span("rpc_call"), notes.span("rpc_request"));
        assert_eq!(
            (&*call["method"], &*call["peer"], &*call["outcome"]),
            (&*format!("{method:?}"), "10.0.0.1:7000", "\"answered\"")
        );
        assert_eq!((&*request["method"], &*request["peer"]), (&*format!("{method:?}"), "10.0.0.2:7000"));
        assert_eq!(request["outcome"], "\"answered\"");
        assert_eq!(call["message_id"], request["message_id"]);
        assert_eq!(call["message_id"].len(), 40);
        assert!(call.contains_key("elapsed") && request.contains_key("elapsed"));
        // What the handler tells, it tells within the span; nothing else is told of a call that succeeds.
        assert_eq!(notes.events(), [(Level::INFO, "in the handler".into(), Some("rpc_request"))]);
    }
}

#[test]
fn an_applications_error_is_told_as_one() {
    let notes = told(async |client| drop(client.fails().await.unwrap_err()));
    assert_eq!(notes.span("rpc_call")["outcome"], "\"application_error\"");
    assert_eq!(notes.span("rpc_request")["outcome"], "\"application_error\"");
}

#[test]
fn a_failure_is_one_line_on_each_side() {
    let notes = told(async |client| drop(client.never().timeout(Duration::from_secs(1)).await.unwrap_err()));
    let call = notes.span("rpc_call");
    assert_eq!((&*call["outcome"], &*call["elapsed"]), ("\"timeout\"", "1s"));
    assert_eq!(notes.events(), [(Level::DEBUG, "call failed".into(), Some("rpc_call"))]);
    // What the span says is not said again.
    let line = notes.fields("call failed").remove(0);
    assert_eq!(line["error"], "`never`: no response from 10.0.0.1:7000 within 1s");
    assert!(line.keys().eq(&["error", "message"]), "{line:?}");

    let notes = told(async |client| drop(client.panics().await.unwrap_err()));
    assert_eq!(notes.span("rpc_request")["outcome"], "\"refused\"");
    let events = notes.events();
    assert_eq!(events.len(), 2, "{events:?}");
    assert_eq!((events[0].0, &*events[0].1), (Level::ERROR, "request refused"));
    assert_eq!((events[1].0, &*events[1].1), (Level::DEBUG, "call failed"));

    let notes = told(async |client| drop(client.big().await.unwrap_err()));
    let events = notes.events();
    assert_eq!((events[0].0, &*events[0].1), (Level::WARN, "request refused"));
    assert_eq!(events.len(), 2, "{events:?}");
}

#[test]
fn an_applications_error_is_told_without_its_words() {
    let notes = told(async |client| drop(client.fails().await.unwrap_err()));
    assert_eq!(notes.fields("call failed")[0]["error"], "the method returned an error");
}

#[test]
fn a_oneway_call_was_sent_and_its_request_is_done() {
    let notes = told(async |client| {
        client.noted().await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    });
    assert_eq!(notes.span("rpc_call")["outcome"], "\"sent\"");
    assert_eq!(notes.span("rpc_request")["outcome"], "\"done\"");
    assert_eq!(notes.events(), []);
}

#[test]
fn an_endpoint_tells_when_it_is_bound_and_closed() {
    let notes = told(async |client| {
        client.endpoint().close(Duration::ZERO).await;
    });
    let addr = |message| notes.fields(message).iter().map(|line| line["local_addr"].clone()).collect::<Vec<_>>();
    assert_eq!(addr("endpoint bound"), ["10.0.0.1:7000", "10.0.0.2:7000"]);
    assert_eq!(addr("endpoint closed")[0], "10.0.0.2:7000");
}

#[test]
fn a_peer_causes_one_line_a_second_of_each_kind() {
    let notes = told(async |client| {
        for _ in 0..100 {
            client.panics().await.unwrap_err();
            client.big().await.unwrap_err();
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        for _ in 0..100 {
            client.panics().await.unwrap_err();
        }
    });
    let lines = notes.fields("request refused");
    let shown: Vec<_> = lines.iter().map(|line| (&*line["method"], line.get("suppressed").map(|n| &**n))).collect();
    assert_eq!(shown, [("\"panics\"", None), ("\"big\"", None), ("\"panics\"", Some("99"))]);
}

#[test]
fn the_other_dialect_is_told_of_once() {
    let notes = told(async |client| {
        let network = Network::new(2);
        let target = bind(&network, SERVER, Endpoint::builder());
        let storj = bind(&network, "10.6.6.6:666", Endpoint::builder().dialect(Dialect::Storj));
        for _ in 0..10 {
            let call = ToldClient::new(&storj, target.local_addr()).answers().timeout(Duration::from_secs(1));
            assert!(call.await.unwrap_err().is_timeout());
        }
        assert_eq!(target.stats().dropped(DropReason::OtherDialect), 10);
        drop(client);
    });
    let warnings: Vec<_> = notes.events().into_iter().filter(|event| event.0 == Level::WARN).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].1.starts_with("dropped a datagram in the other dialect"), "{warnings:?}");
}

#[test]
fn whoever_listens_may_look_at_the_endpoint() {
    let (done, is_done) = mpsc::channel();
    // One that waited for a lock that its own thread holds would wait for ever.
    thread::spawn(move || {
        let notes = Notes::default();
        tell(&notes, async |client| {
            let watch = |endpoint: &Endpoint| notes.0.lock().unwrap().watched = Some(endpoint.clone());
            watch(client.endpoint());
            client.panics().await.unwrap_err();
            client.big().await.unwrap_err();
            client.never().timeout(Duration::from_secs(1)).await.unwrap_err();

            let network = Network::new(2);
            let target = bind(&network, SERVER, Endpoint::builder());
            watch(&target);
            let storj = bind(&network, "10.6.6.6:666", Endpoint::builder().dialect(Dialect::Storj));
            let call = ToldClient::new(&storj, target.local_addr()).answers().timeout(Duration::from_secs(1));
            call.await.unwrap_err();
            notes.0.lock().unwrap().watched = None;
        });
        done.send(notes.events().len()).unwrap();
    });
    let told_count = is_done.recv_timeout(Duration::from_secs(30)).expect("a lock was held while the log was told");
    assert_eq!(
        told_count, 7,
        "two lines on each side for two calls, one for the third, one of the dialect, one more timeout"
    );
}

#[test]
fn a_dropped_datagram_is_told_by_a_counter_alone() {
    let notes = told(async |client| {
        let endpoint = client.endpoint().clone();
        let network = Network::new(2);
        let target = bind(&network, SERVER, Endpoint::builder());
        let stranger = network.bind("10.6.6.6:666").unwrap();
        (0..100).for_each(|_| send(&stranger, target.local_addr(), b"garbage"));
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(target.stats().dropped_in_all(), 100);
        drop(endpoint);
    });
    assert_eq!(notes.events(), []);
}
