use std::fmt;
use std::net::SocketAddr;
use std::time::Instant;

use rpcudp_core::MessageId;
use tracing::level_filters::LevelFilter;
use tracing::{Span, field};

use crate::clock::now;

/// The span of a call or a request. Empty if no subscriber is interested, which costs one
/// comparison.
pub(crate) struct Trace(Option<Box<SpanState>>);

struct SpanState {
    span: Span,
    started: Instant,
}

/// Opens a span with the fields that all spans have. With the feature `opentelemetry`, it has those
/// to which `tracing-opentelemetry` gives a meaning, too.
macro_rules! span {
    ($name:literal, $kind:literal, $method:ident, $($fields:tt)*) => {{
        #[cfg(feature = "opentelemetry")]
        let span = tracing::debug_span!(
            target: "rpcudp",
            $name,
            $method,
            $($fields)*,
            outcome = field::Empty,
            elapsed = field::Empty,
            otel.name = $method,
            otel.kind = $kind,
            otel.status_code = field::Empty,
        );
        #[cfg(not(feature = "opentelemetry"))]
        let span = tracing::debug_span!(
            target: "rpcudp",
            $name,
            $method,
            $($fields)*,
            outcome = field::Empty,
            elapsed = field::Empty,
        );
        span
    }};
}

impl Trace {
    pub(crate) const NONE: Self = Self(None);

    /// Opens the span `rpc_call`.
    pub(crate) fn of_call(method: &'static str, peer: SocketAddr, started: Instant) -> Self {
        Self::open(|| span!("rpc_call", "client", method, %peer, message_id = field::Empty), || started)
    }

    /// Opens the span `rpc_request`.
    pub(crate) fn of_request(method: &str, peer: SocketAddr, message_id: MessageId) -> Self {
        Self::open(|| span!("rpc_request", "server", method, %peer, %message_id), now)
    }

    fn open(span: impl FnOnce() -> Span, started: impl FnOnce() -> Instant) -> Self {
        // Without a subscriber for debug spans, this comparison is the whole cost.
        if LevelFilter::current() < LevelFilter::DEBUG {
            return Self::NONE;
        }
        let span = span();
        Self((!span.is_disabled()).then(|| Box::new(SpanState { span, started: started() })))
    }

    /// Records the message id of a call.
    pub(crate) fn record_id(&self, id: MessageId) {
        if let Some(state) = &self.0 {
            state.span.record("message_id", field::display(id));
        }
    }

    /// Returns the span, unless it is empty.
    #[cfg(feature = "opentelemetry")]
    pub(super) fn span(&self) -> Option<&Span> {
        self.0.as_deref().map(|state| &state.span)
    }

    /// Runs code inside the span.
    pub(crate) fn in_scope<T>(&self, code: impl FnOnce() -> T) -> T {
        match &self.0 {
            Some(state) => state.span.in_scope(code),
            None => code(),
        }
    }

    /// Records the outcome and the elapsed time, and logs the failure of a call in one line.
    pub(crate) fn end(&self, outcome: &'static str, failure: Option<&dyn fmt::Display>) {
        let Some(SpanState { span, started }) = self.0.as_deref() else { return };
        let elapsed = now().saturating_duration_since(*started);
        span.record("outcome", outcome).record("elapsed", field::debug(elapsed));
        if let Some(error) = failure {
            #[cfg(feature = "opentelemetry")]
            span.record("otel.status_code", "ERROR");
            span.in_scope(|| tracing::debug!(target: "rpcudp", %error, "call failed"));
        }
    }
}
