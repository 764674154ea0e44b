//! A shop and its stock: two services, of which one calls the other, and a trace of OpenTelemetry
//! that spans both and their caller.

use std::net::SocketAddr;

use opentelemetry::global;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use rpcudp::{CallError, Context, rpc_service};
use tracing::Subscriber;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

/// The contract of the shop.
#[rpc_service]
pub trait Shop {
    /// Orders an item. Returns the number that is left.
    #[rpc(at_most_once)]
    async fn order(&self, cx: &Context, item: String) -> Result<u64, String>;
}

/// The contract of the stock.
#[rpc_service]
pub trait Stock {
    /// Takes an item out of the stock. Returns the number that is left.
    #[rpc(at_most_once)]
    fn take(&self, item: &str) -> Result<u64, String>;
}

/// A shop whose items are in the stock of another peer.
#[derive(Debug)]
pub struct CornerShop {
    /// The address of the stock.
    pub stock: SocketAddr,
}

/// A stock of three apples.
#[derive(Debug)]
pub struct Apples;

impl Shop for CornerShop {
    async fn order(&self, cx: &Context, item: String) -> Result<u64, String> {
        // A client made from the context keeps to the deadline of the order.
        let stock = StockClient::new(cx, self.stock);
        stock.take(&item).await.map_err(|error| match error {
            CallError::Application(error) => error,
            error => error.to_string(),
        })
    }
}

impl Stock for Apples {
    fn take(&self, item: &str) -> Result<u64, String> {
        // An event of the span that rpcudp opens for the request.
        tracing::info!(item, "taken");
        if item == "apple" { Ok(2) } else { Err(format!("there is no {item}")) }
    }
}

/// Returns a subscriber that passes spans to OpenTelemetry, for the program of this name, and the
/// place where finished spans arrive. A real program exports them to a collector instead, with the
/// crate `opentelemetry-otlp`.
pub fn subscriber(program: &'static str) -> (impl Subscriber + Send + Sync, InMemorySpanExporter) {
    // Without a propagator, no context travels.
    global::set_text_map_propagator(TraceContextPropagator::new());
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(exporter.clone())
        .with_resource(Resource::builder_empty().with_service_name(program).build())
        .build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer(program));
    // The spans of rpcudp have the level `debug`.
    let levels = Targets::new().with_default(LevelFilter::INFO).with_target("rpcudp", LevelFilter::DEBUG);
    (tracing_subscriber::registry().with(layer.with_filter(levels)), exporter)
}

/// Returns the spans as lines, each below its parent.
#[must_use]
pub fn tree(spans: &[SpanData]) -> Vec<String> {
    let ids: Vec<_> = spans.iter().map(|span| span.span_context.span_id()).collect();
    let roots = spans.iter().filter(|span| !ids.contains(&span.parent_span_id));
    let mut lines = Vec::new();
    roots.for_each(|root| add_lines(root, spans, 0, &mut lines));
    lines
}

fn add_lines(span: &SpanData, spans: &[SpanData], depth: usize, lines: &mut Vec<String>) {
    lines.push(format!("{}{:?} {}", "  ".repeat(depth), span.span_kind, span.name).to_lowercase());
    for child in spans.iter().filter(|child| child.parent_span_id == span.span_context.span_id()) {
        add_lines(child, spans, depth + 1, lines);
    }
}
