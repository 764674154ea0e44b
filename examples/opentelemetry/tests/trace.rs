//! Three programs, each with its own subscriber and exporter, and one trace.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use opentelemetry::trace::{SpanKind, Status};
use opentelemetry_sdk::trace::SpanData;
use rpcudp::{Endpoint, Service};
use rpcudp_opentelemetry::{Apples, CornerShop, ShopClient, ShopServer, StockServer, subscriber, tree};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tracing::Instrument;

/// A server on a thread of its own, with its own runtime and subscriber, as in another process.
struct Program {
    addr: SocketAddr,
    stop: oneshot::Sender<()>,
    spans: thread::JoinHandle<Vec<SpanData>>,
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

impl Program {
    fn start(name: &'static str, service: impl Service) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (bound, addr) = mpsc::channel();
        let spans = thread::spawn(move || {
            let (subscriber, exporter) = subscriber(name);
            let _default = tracing::subscriber::set_default(subscriber);
            runtime().block_on(async {
                let endpoint = Endpoint::builder().serve(service).bind("127.0.0.1:0").await.unwrap();
                bound.send(endpoint.local_addr()).unwrap();
                let _ = stopped.await;
                endpoint.close(Duration::from_secs(5)).await;
            });
            exporter.get_finished_spans().unwrap()
        });
        Self { addr: addr.recv().unwrap(), stop, spans }
    }

    fn stop(self) -> Vec<SpanData> {
        self.stop.send(()).unwrap();
        self.spans.join().unwrap()
    }
}

/// Orders an item in a program of its own, with metadata. Returns the spans of the caller, the shop
/// and the stock.
fn order(item: &str, metadata: &[(&str, &str)]) -> [Vec<SpanData>; 3] {
    let stock = Program::start("stock", StockServer::new(Apples));
    let shop = Program::start("shop", ShopServer::new(CornerShop { stock: stock.addr }));
    let (subscriber, exporter) = subscriber("caller");
    let _default = tracing::subscriber::set_default(subscriber);
    runtime().block_on(async {
        let caller = Endpoint::bind("127.0.0.1:0").await.unwrap();
        let client = ShopClient::new(&caller, shop.addr);
        let call = client.order(item.to_owned());
        let call = metadata.iter().fold(call, |call, (key, value)| call.metadata(key, value)).into_future();
        let _ = call.instrument(tracing::info_span!("checkout")).await;
        caller.close(Duration::from_secs(5)).await;
    });
    [exporter.get_finished_spans().unwrap(), shop.stop(), stock.stop()]
}

#[test]
fn spans_of_caller_and_servers_are_one_trace() {
    let [caller, shop, stock] = order("apple", &[("tenant", "acme")]);
    assert_eq!((caller.len(), shop.len(), stock.len()), (2, 2, 1));
    let all = [caller, shop, stock].concat();
    let trace = all[0].span_context.trace_id();
    assert!(all.iter().all(|span| span.span_context.trace_id() == trace), "{all:#?}");
    let expected =
        ["internal checkout", "  client order", "    server order", "      client take", "        server take"];
    assert_eq!(tree(&all), expected);
    let remote: Vec<_> = all.iter().filter(|span| span.parent_span_is_remote).map(|span| &span.span_kind).collect();
    assert_eq!(remote, [&SpanKind::Server, &SpanKind::Server]);
    // The event of the handler.
    assert!(all.iter().any(|span| span.events.iter().any(|event| event.name == "taken")), "{all:#?}");
}

#[test]
fn failed_call_is_an_error_in_the_trace() {
    let [caller, shop, _] = order("pear", &[]);
    let status = |spans: &[SpanData], kind| spans.iter().find(|span| span.span_kind == kind).unwrap().status.clone();
    assert!(matches!(status(&caller, SpanKind::Client), Status::Error { .. }));
    assert!(matches!(status(&shop, SpanKind::Client), Status::Error { .. }));
}

#[test]
fn metadata_of_the_caller_comes_before_the_trace() {
    let other = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let full = "x".repeat(500);
    for (metadata, expected) in [
        (("traceparent", other), Some("0af7651916cd43dd8448eb211c80319c")),
        (("traceparent", "no trace"), None),
        (("key", &*full), None),
    ] {
        let [caller, shop, stock] = order("apple", &[metadata]);
        let traces = [&caller, &shop, &stock].map(|spans| spans[0].span_context.trace_id());
        assert_eq!((traces[0] == traces[1], traces[1] == traces[2]), (false, true), "{metadata:?}");
        assert!(expected.is_none_or(|expected| traces[1].to_string() == expected), "{metadata:?}");
    }
}
