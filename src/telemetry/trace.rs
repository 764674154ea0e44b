use std::fmt;
use std::net::SocketAddr;
use std::time::Instant;

use rpcudp_core::MessageId;
use tracing::level_filters::LevelFilter;
use tracing::{Span, field};

use super::progress::{Progress, ProgressReport};
use crate::clock::now;

/// The span of a call or a request, and the progress of a call. Empty if no subscriber is
/// interested and the caller has not asked for the progress, which costs one comparison.
pub(crate) struct Trace(Option<Box<SpanState>>);

struct SpanState {
    /// Disabled if only the progress is of interest.
    span: Span,
    started: Instant,
    progress: Option<ProgressReport>,
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
        Self((!span.is_disabled()).then(|| Box::new(SpanState { span, started: started(), progress: None })))
    }

    /// Reports the progress of the call from now on.
    #[cold]
    pub(crate) fn report_progress(&mut self, progress: ProgressReport) {
        let empty = || Box::new(SpanState { span: Span::none(), started: now(), progress: None });
        self.0.get_or_insert_with(empty).progress = Some(progress);
    }

    /// Returns the progress of the call, if its caller has asked for it.
    pub(crate) fn progress(&self) -> Option<&Progress> {
        self.0.as_deref()?.progress.as_ref().map(|report| &report.0)
    }

    /// Records the message id of a call. Returns its progress, if its caller has asked for it.
    pub(crate) fn record_id(&self, id: MessageId) -> Option<&Progress> {
        let state = self.0.as_deref()?;
        state.span.record("message_id", field::display(id));
        state.progress.as_ref().map(|report| &report.0)
    }

    /// Returns the span, unless it is empty.
    #[cfg(feature = "opentelemetry")]
    pub(super) fn span(&self) -> Option<&Span> {
        self.0.as_deref().map(|state| &state.span).filter(|span| !span.is_disabled())
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
        let Some(SpanState { span, started, progress }) = self.0.as_deref() else { return };
        if let Some(ProgressReport(progress)) = progress {
            progress.end();
        }
        if span.is_disabled() {
            return;
        }
        let elapsed = now().saturating_duration_since(*started);
        span.record("outcome", outcome).record("elapsed", field::debug(elapsed));
        if let Some(error) = failure {
            #[cfg(feature = "opentelemetry")]
            span.record("otel.status_code", "ERROR");
            span.in_scope(|| tracing::debug!(target: "rpcudp", %error, "call failed"));
        }
    }
}
