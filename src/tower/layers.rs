use std::error::Error;
use std::fmt;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};

use ::tower::Service;
use ::tower::load_shed::error::Overloaded;
use ::tower::timeout::error::Elapsed;

use super::request::{BoxError, Request, Response};
use crate::buffer_pool;
use crate::endpoint::handlers::{Aborted, HandlerKind};
use crate::lock::Lock;
use crate::panic::{Panicked, catch};
use crate::server::inline_request::InlineRequest;
use crate::server::owned_request::OwnedRequest;
use crate::server::rejection::Rejection;
use crate::server::response::ResponseWriter;
use crate::server::router::Middleware;
use crate::server::service::AnyService;
use crate::server::spawned_request::SpawnedRequest;
use crate::telemetry::outcome::Outcome;

/// The layers around an endpoint's services: one tower service, for all requests and sockets.
pub(crate) struct Layers {
    outermost: Lock<Box<dyn ErasedService>>,
}

/// A tower service with its type erased.
pub(super) trait ErasedService: Send {
    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), BoxError>>;
    fn call(&mut self, request: Request) -> ResponseFuture;
}

type ResponseFuture = Pin<Box<dyn Future<Output = Result<Response, BoxError>> + Send>>;

impl<S> ErasedService for S
where
    S: Service<Request, Response = Response> + Send,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
{
    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), BoxError>> {
        Service::poll_ready(self, cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request) -> ResponseFuture {
        let response = Service::call(self, request);
        Box::pin(async move { response.await.map_err(Into::into) })
    }
}

impl Layers {
    pub(crate) fn new<S>(service: S) -> Self
    where
        S: Service<Request, Response = Response> + Send + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send + 'static,
    {
        Self { outermost: Lock::new(Box::new(service)) }
    }

    /// Returns the outermost layer, for another layer around it.
    pub(super) fn outermost(&mut self) -> &mut dyn ErasedService {
        &mut **self.outermost.get_mut()
    }

    /// Passes a request to the layers if they are ready. Returns `None` if they are not.
    fn begin(&self, request: impl FnOnce() -> Request) -> Option<ResponseFuture> {
        // Layers run under this lock. After a panic of a layer, the layers go on as the panic left
        // them.
        let mut outermost = self.outermost.lock();
        match outermost.poll_ready(&mut TaskContext::from_waker(Waker::noop())) {
            Poll::Ready(Ok(())) => Some(outermost.call(request())),
            Poll::Ready(Err(error)) => Some(Box::pin(ready(Err(error)))),
            Poll::Pending => None,
        }
    }
}

impl Middleware for Layers {
    /// Passes a request through the layers, as a task.
    fn call(&self, service: &Arc<dyn AnyService>, index: usize, request: InlineRequest<'_>) {
        let Some(request) = request.admit(true) else { return };
        let shared = &request.head.context.shared;
        let Some(permit) = shared.handlers.try_acquire(HandlerKind::Task, request.head.origin) else {
            return request.refuse(&Rejection::Busy);
        };
        let trace = request.trace();
        // Layers are user code, like handlers.
        let owned = || OwnedRequest::new(request.head.for_handler(&permit), request.arguments);
        let begun = trace.in_scope(|| catch(|| self.begin(|| Request::new(owned(), service, index))));
        let rejection = match begun {
            Ok(Some(response)) => {
                let spawned = request.into_spawned(trace, permit);
                let runtime = spawned.head.context.shared.runtime.clone();
                runtime.spawn(respond(spawned, response));
                return;
            }
            Ok(None) => Rejection::Busy,
            Err(Panicked) => Rejection::Panicked,
        };
        trace.end(Outcome::Refused(rejection.kind()).span_label(), None);
        request.refuse(&rejection);
    }
}

/// Sends the response of the layers.
async fn respond(spawned: SpawnedRequest, response: ResponseFuture) {
    match spawned.permit.guard(&spawned.trace, spawned.head.bounds(), response).await {
        Ok(Ok(Ok(Response { datagram, outcome: Some(outcome) }))) => spawned.respond(outcome, datagram),
        Ok(Ok(Ok(Response { outcome: None, .. }))) => spawned.expire(),
        Ok(Ok(Err(error))) => refuse(spawned, error),
        Ok(Err(Panicked)) => spawned.refuse(&Rejection::Panicked),
        // A closed endpoint has no socket to respond through.
        Err(Aborted::Closed) => spawned.abort(),
        Err(Aborted::TimedOut) => spawned.refuse(&Rejection::Stopped),
        Err(Aborted::Cancelled) => spawned.cancel(),
    }
}

fn refuse(spawned: SpawnedRequest, error: BoxError) {
    // `Display` and `Drop` of the error are user code too.
    let refused = catch(|| {
        let mut response = buffer_pool::take();
        let outcome =
            ResponseWriter::new(&mut response, &spawned.head, spawned.head.handler_time()).refuse(&rejection(error));
        (outcome, response)
    });
    match refused {
        Ok((outcome, response)) => spawned.respond(outcome, response),
        Err(Panicked) => spawned.refuse(&Rejection::Panicked),
    }
}

/// Returns the rejection for a layer's error, or for the first of its sources that is known.
fn rejection(error: BoxError) -> Rejection {
    let mut cause: Option<&(dyn Error + 'static)> = Some(&*error);
    while let Some(error) = cause {
        if error.is::<Overloaded>() {
            return Rejection::Busy;
        }
        if error.is::<Elapsed>() {
            return Rejection::Stopped;
        }
        cause = error.source();
    }
    Rejection::Rejected(error)
}

impl fmt::Debug for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Layers")
    }
}
