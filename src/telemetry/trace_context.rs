//! The feature `opentelemetry`: the trace context of a call travels in its metadata, so that the
//! spans of the caller and of the server belong to one trace.

use opentelemetry::Context;
use opentelemetry::global::get_text_map_propagator;
use opentelemetry::propagation::{Extractor, Injector};
use opentelemetry::trace::TraceContextExt;
use rpcudp_core::Metadata;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::trace::Trace;

/// A writer of the entries that the program's propagator injects.
struct Entries<F>(F);

impl<F: FnMut(&str, &str)> Injector for Entries<F> {
    fn set(&mut self, key: &str, value: String) {
        (self.0)(key, &value);
    }
}

struct Received<'a>(&'a Metadata);

impl Extractor for Received<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.iter().map(|(key, _)| key).collect()
    }
}

impl Trace {
    /// Passes the entries of the call's trace context to `set`. There are none if neither the call
    /// nor its surroundings have a span that OpenTelemetry sees.
    pub(crate) fn inject(&self, mut set: impl FnMut(&str, &str)) {
        let context = match self.span() {
            Some(span) => span.context(),
            None => Context::current(),
        };
        if context.span().span_context().is_valid() {
            get_text_map_propagator(|propagator| propagator.inject_context(&context, &mut Entries(&mut set)));
        }
    }

    /// Makes the span of a request a child of the caller's span, if its metadata has the context.
    pub(crate) fn join(&self, metadata: Option<&Metadata>) {
        let (Some(span), Some(metadata)) = (self.span(), metadata) else { return };
        let parent =
            get_text_map_propagator(|propagator| propagator.extract_with_context(&Context::new(), &Received(metadata)));
        if parent.span().span_context().is_valid() {
            // Fails only if no layer of OpenTelemetry sees the span.
            let _ = span.set_parent(parent);
        }
    }
}
