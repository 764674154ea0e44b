use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};

use rpcudp_core::RawArguments;
use rpcudp_core::codec::{ArgumentError, Arguments};
use tokio::sync::oneshot;
use tracing::Span;

use super::blocking_pool::spawn_blocking;
use super::context::Context;
use super::owned_request::OwnedRequest;
use super::rejection::Rejection;
use super::request_head::RequestHead;
use super::response::{IntoResponse, ResponseWriter};
use crate::buffer_pool;
use crate::endpoint::handlers::HandlerKind;
use crate::panic::{Panicked, catch, catch_poll};
use crate::telemetry::outcome::Outcome;

/// A request that has passed all layers of the feature `tower`. Its response goes back through
/// them.
#[derive(Debug)]
pub(crate) struct LayeredRequest<'a> {
    pub(crate) head: &'a RequestHead,
    pub(crate) arguments: RawArguments<'a>,
    pub(crate) result: &'a mut LayeredResult,
}

/// An encoded response, with its outcome: `None` if the caller's deadline had passed before the
/// method ran.
pub(crate) type LayeredResponse = (Vec<u8>, Option<Outcome>);

/// The place for a layered request's response.
pub(crate) enum LayeredResult {
    Empty,
    Ready(LayeredResponse),
    Pending(Pin<Box<dyn Future<Output = LayeredResponse> + Send>>),
}

impl<'a> LayeredRequest<'a> {
    /// Runs a sync method at once.
    pub(crate) fn run<R: IntoResponse>(
        self,
        handler: impl FnOnce(&Context, &mut Arguments<'a>) -> Result<R, ArgumentError>,
    ) {
        let mut arguments = Arguments::new(self.arguments);
        let result = catch(|| handler(&self.head.context, &mut arguments));
        *self.result = LayeredResult::Ready(respond(self.head, result));
    }

    /// Prepares the future of an async method, on a copy of its arguments.
    pub(crate) fn spawn<R, F>(self, handler: impl FnOnce(OwnedRequest) -> F + Send + 'static)
    where
        R: IntoResponse,
        F: Future<Output = Result<R, ArgumentError>> + Send + 'static,
    {
        let (head, request) = (self.head.clone(), OwnedRequest::new(self.head.clone(), self.arguments));
        *self.result = LayeredResult::Pending(Box::pin(async move {
            let result = catch_panic(async { handler(request).await }).await;
            respond(&head, result)
        }));
    }
}

impl LayeredRequest<'_> {
    /// Refuses the request.
    pub(crate) fn refuse(self, rejection: &Rejection) {
        *self.result = LayeredResult::Ready(refuse(self.head, rejection));
    }

    /// Prepares the future of a method that runs on a thread that may block, on a copy of its
    /// arguments. Dropping the future does not end the method.
    pub(crate) fn run_blocking<R: IntoResponse>(
        self,
        handler: impl FnOnce(OwnedRequest) -> Result<R, ArgumentError> + Send + 'static,
    ) {
        let shared = &self.head.context.shared;
        let Some(permit) = shared.handlers.try_acquire(HandlerKind::Blocking, self.head.origin) else {
            *self.result = LayeredResult::Ready(refuse(self.head, &Rejection::Busy));
            return;
        };
        let (head, request) = (self.head.clone(), OwnedRequest::new(self.head.clone(), self.arguments));
        // The request's span, or that of a layer.
        let span = Span::current();
        let (send, response) = oneshot::channel();
        spawn_blocking(&shared.runtime, move || {
            // The request may have ended while it waited for a thread.
            if send.is_closed() {
                return;
            }
            let response = if head.is_expired() {
                (Vec::new(), None)
            } else {
                respond(&head, span.in_scope(|| catch(|| handler(request))))
            };
            drop(permit);
            let _ = send.send(response);
        });
        let head = self.head.clone();
        *self.result = LayeredResult::Pending(Box::pin(async move {
            // Without a response, the runtime ended before the method ran.
            response.await.unwrap_or_else(|_| refuse(&head, &Rejection::Closing))
        }));
    }
}

fn refuse(head: &RequestHead, rejection: &Rejection) -> LayeredResponse {
    let mut response = buffer_pool::take();
    let outcome = ResponseWriter::new(&mut response, head, head.handler_time()).refuse(rejection);
    (response, Some(outcome))
}

fn respond<R: IntoResponse>(head: &RequestHead, result: Result<Result<R, ArgumentError>, Panicked>) -> LayeredResponse {
    let mut response = buffer_pool::take();
    let outcome = ResponseWriter::new(&mut response, head, head.handler_time()).finish(result);
    (response, Some(outcome))
}

/// Runs a handler until it returns or panics.
async fn catch_panic<T>(handler: impl Future<Output = T>) -> Result<T, Panicked> {
    let mut handler = pin!(handler);
    poll_fn(|cx| catch_poll(handler.as_mut(), cx)).await
}

impl fmt::Debug for LayeredResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LayeredResult")
    }
}
