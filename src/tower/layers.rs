use std::error::Error;
use std::fmt;
use std::future::{Future, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as TaskContext, Poll, Waker};

use ::tower::Service;
use ::tower::load_shed::error::Overloaded;
use ::tower::timeout::error::Elapsed;

use super::{BoxError, Request, Response};
use crate::buffer_pool;
use crate::endpoint::handlers::Handlers;
use crate::server::inline_request::{Arrived, Deferred};
use crate::server::rejection::Reason;
use crate::server::response::{AnswerWriter, Panicked};
use crate::server::service::AnyService;
use crate::telemetry::outcome::Conclusion;
use crate::telemetry::trace::Trace;

/// The layers around what an endpoint serves, with that at their heart: one service, for all requests and sockets.
pub(crate) struct Layers {
    outermost: Mutex<Box<dyn Erased>>,
}

/// A service whose type is forgotten.
pub(super) trait Erased: Send {
    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), BoxError>>;
    fn call(&mut self, request: Request) -> Responding;
}

type Responding = Pin<Box<dyn Future<Output = Result<Response, BoxError>> + Send>>;

impl<S> Erased for S
where
    S: Service<Request, Response = Response> + Send,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
{
    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), BoxError>> {
        Service::poll_ready(self, cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request) -> Responding {
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
        Self { outermost: Mutex::new(Box::new(service)) }
    }

    /// For a layer around these: nobody else has them.
    pub(super) fn within(&mut self) -> &mut dyn Erased {
        &mut **self.outermost.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a request through the layers, in a task of its own.
    pub(crate) fn call(&self, service: &Arc<dyn AnyService>, method: usize, arrived: Arrived<'_>) {
        let Some(running) = Handlers::start(&arrived.cx.shared) else { return arrived.refuse(&Reason::Busy) };
        let trace = Trace::of_request(arrived.method, arrived.cx);
        // The layers are somebody else's code, as a handler is.
        let began = trace.in_scope(|| {
            catch_unwind(AssertUnwindSafe(|| self.begin(|| Request::new(&arrived, service, method))))
                .map_err(|_| Panicked)
        });
        let responding = match began {
            Ok(Some(responding)) => responding,
            Ok(None) => {
                trace.end(Conclusion::Busy.outcome(), None);
                return arrived.refuse(&Reason::Busy);
            }
            Err(Panicked) => {
                trace.end(Conclusion::Panicked.outcome(), None);
                return arrived.refuse(&Reason::Panicked);
            }
        };
        let deferred = arrived.defer(trace, running);
        deferred.cx.shared.runtime.clone().spawn(async move {
            let guarded = deferred.cx.shared.handlers.guard(&deferred.trace, responding);
            match guarded.await {
                Ok(Ok(Ok(response))) => answer(deferred, response),
                Ok(Ok(Err(error))) => refuse(deferred, error),
                Ok(Err(Panicked)) => refuse_panicked(deferred),
                // Where the endpoint has closed there is nobody left to answer through.
                Err(_) => deferred.stop(),
            }
        });
    }

    /// Has the layers take a request, if they are ready for one. A layer that is not ready is not waited for.
    fn begin(&self, request: impl FnOnce() -> Request) -> Option<Responding> {
        // One that panicked, here or there, goes on with what it is left with.
        let mut outermost = self.outermost.lock().unwrap_or_else(PoisonError::into_inner);
        match outermost.poll_ready(&mut TaskContext::from_waker(Waker::noop())) {
            Poll::Ready(Ok(())) => Some(outermost.call(request())),
            Poll::Ready(Err(error)) => Some(Box::pin(ready(Err(error)))),
            Poll::Pending => None,
        }
    }
}

fn answer(deferred: Deferred, response: Response) {
    let Response { answer, conclusion } = response;
    match conclusion {
        Some(conclusion) => deferred.answer(conclusion, answer),
        None => deferred.expire(),
    }
}

fn refuse(deferred: Deferred, error: BoxError) {
    // What an error displays, and how it is dropped, is somebody else's code too.
    let refused = catch_unwind(AssertUnwindSafe(|| {
        let mut answer = buffer_pool::take();
        let conclusion = AnswerWriter::new(&mut answer, deferred.asked()).refuse(&reason(error));
        (conclusion, answer)
    }));
    match refused {
        Ok((conclusion, answer)) => deferred.answer(conclusion, answer),
        Err(_) => refuse_panicked(deferred),
    }
}

fn refuse_panicked(deferred: Deferred) {
    let mut answer = buffer_pool::take();
    let conclusion = AnswerWriter::new(&mut answer, deferred.asked()).refuse(&Reason::Panicked);
    deferred.answer(conclusion, answer);
}

/// What a layer's error is to the caller, by itself or by what it comes from.
fn reason(error: BoxError) -> Reason {
    let mut cause: Option<&(dyn Error + 'static)> = Some(&*error);
    while let Some(error) = cause {
        if error.is::<Overloaded>() {
            return Reason::Busy;
        }
        if error.is::<Elapsed>() {
            return Reason::StoppedLate;
        }
        cause = error.source();
    }
    Reason::Rejected(error)
}

impl fmt::Debug for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Layers")
    }
}
