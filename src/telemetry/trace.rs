use std::fmt;
use std::net::SocketAddr;
use std::time::Instant;

use rpcudp_core::MessageId;
use tracing::level_filters::LevelFilter;
use tracing::{Span, field};

use crate::Context;
use crate::endpoint::shared::now;

/// What is told of a call or a request: nothing, and at next to no cost, where nobody listens.
pub(crate) struct Trace(Option<Box<Told>>);

struct Told {
    span: Span,
    started: Instant,
}

impl Trace {
    pub(crate) const NONE: Self = Self(None);

    /// Begins to tell of a call.
    pub(crate) fn of_call(method: &'static str, peer: SocketAddr, started: Instant) -> Self {
        Self::begin(
            || {
                tracing::debug_span!(
                    target: "rpcudp",
                    "rpc_call",
                    method,
                    %peer,
                    message_id = field::Empty,
                    outcome = field::Empty,
                    elapsed = field::Empty,
                )
            },
            || started,
        )
    }

    /// Begins to tell of a request.
    pub(crate) fn of_request(method: &'static str, cx: &Context) -> Self {
        Self::begin(
            || {
                tracing::debug_span!(
                    target: "rpcudp",
                    "rpc_request",
                    method,
                    peer = %cx.sender,
                    message_id = %cx.id,
                    outcome = field::Empty,
                    elapsed = field::Empty,
                )
            },
            now,
        )
    }

    fn begin(span: impl FnOnce() -> Span, started: impl FnOnce() -> Instant) -> Self {
        // Where nobody listens at all, this look is all that it costs.
        if LevelFilter::current() < LevelFilter::DEBUG {
            return Self::NONE;
        }
        let span = span();
        Self((!span.is_disabled()).then(|| Box::new(Told { span, started: started() })))
    }

    /// Says which message id a call got.
    pub(crate) fn sent(&self, id: MessageId) {
        if let Some(told) = &self.0 {
            told.span.record("message_id", field::display(id));
        }
    }

    /// Runs what is to be told as part of it.
    pub(crate) fn in_scope<T>(&self, within: impl FnOnce() -> T) -> T {
        match &self.0 {
            Some(told) => told.span.in_scope(within),
            None => within(),
        }
    }

    /// Says how it ended, and in a line why, if it failed.
    pub(crate) fn end(&self, outcome: &'static str, failure: Option<&dyn fmt::Display>) {
        let Some(Told { span, started }) = self.0.as_deref() else { return };
        let elapsed = now().saturating_duration_since(*started);
        span.record("outcome", outcome).record("elapsed", field::debug(elapsed));
        if let Some(error) = failure {
            span.in_scope(|| tracing::debug!(target: "rpcudp", %error, "call failed"));
        }
    }
}
