use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use ::tower::Service;
use rpcudp_core::RawArguments;
use rpcudp_core::codec::{ArgumentError, Arguments};
use rpcudp_core::contract::Delivery;

use super::{BoxError, Layers, Request, Response};
use crate::server::owned_request::OwnedRequest;
use crate::server::response::{Answer, AnswerWriter, Asked, Panicked};
use crate::{Context, buffer_pool};

/// What a layer is put around: everything that an endpoint serves, and the layers that were put around it before.
///
/// It is always ready, unless one of those is not, and fails only where one of them does: what a method returns, and what is
/// wrong with a request, is a [`Response`].
pub struct Handler {
    layers: Option<Layers>,
}

impl Handler {
    pub(crate) fn new(layers: Option<Layers>) -> Self {
        Self { layers }
    }
}

impl Service<Request> for Handler {
    type Response = Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), BoxError>> {
        match &mut self.layers {
            Some(layers) => layers.within().poll_ready(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    fn call(&mut self, request: Request) -> Self::Future {
        match &mut self.layers {
            Some(layers) => layers.within().call(request),
            None => Box::pin(async move { Ok(request.run().await) }),
        }
    }
}

impl Request {
    /// Runs the method, a sync one too.
    async fn run(self) -> Response {
        let mut place = Place::Empty;
        let Self { request, method, delivery, len, service, index } = self;
        let cx = request.context();
        if cx.remaining() == Some(Duration::ZERO) {
            return Response { answer: Vec::new(), conclusion: None };
        }
        let arguments = request.raw_arguments();
        service.call(index, Innermost { cx, method, delivery, arguments, len, place: &mut place }.into());
        match place {
            Place::Ended(response) => response,
            Place::Runs(running) => {
                // It has a copy of what it needs.
                drop((request, service));
                running.await
            }
            Place::Empty => unreachable!("every method is run or spawned"),
        }
    }
}

/// A request that has come through all layers.
#[derive(Debug)]
pub(crate) struct Innermost<'a> {
    cx: &'a Context,
    method: &'static str,
    delivery: Delivery,
    arguments: RawArguments<'a>,
    len: usize,
    place: &'a mut Place,
}

/// Where its response is to be found.
enum Place {
    Empty,
    Ended(Response),
    Runs(Pin<Box<dyn Future<Output = Response> + Send>>),
}

impl<'a> Innermost<'a> {
    pub(crate) fn run<A: Answer>(self, handler: impl FnOnce(&Context, &mut Arguments<'a>) -> Result<A, ArgumentError>) {
        let mut arguments = Arguments::new(self.arguments);
        // As where there is no layer: it costs this request alone.
        let guarded = AssertUnwindSafe(|| handler(self.cx, &mut arguments));
        let result = catch_unwind(guarded).map_err(|_| Panicked);
        let Self { cx, method, delivery, len, place, .. } = self;
        *place = Place::Ended(conclude(cx, method, delivery, len, result));
    }

    pub(crate) fn spawn<A, F>(self, handler: impl FnOnce(OwnedRequest) -> F + Send + 'static)
    where
        A: Answer,
        F: Future<Output = Result<A, ArgumentError>> + Send + 'static,
    {
        let Self { cx, method, delivery, arguments, len, place } = self;
        let (cx, request) = (cx.clone(), OwnedRequest::new(cx, arguments));
        *place = Place::Runs(Box::pin(async move {
            let result = caught(async { handler(request).await }).await;
            conclude(&cx, method, delivery, len, result)
        }));
    }
}

fn conclude<A: Answer>(
    cx: &Context,
    method: &'static str,
    delivery: Delivery,
    len: usize,
    result: Result<Result<A, ArgumentError>, Panicked>,
) -> Response {
    let asked = Asked { cx, method, len, oneway: delivery == Delivery::OneWay };
    let mut answer = buffer_pool::take();
    let conclusion = AnswerWriter::new(&mut answer, asked).conclude(result);
    Response { answer, conclusion: Some(conclusion) }
}

/// Runs a handler to its end or to a panic.
async fn caught<T>(handler: impl Future<Output = T>) -> Result<T, Panicked> {
    let mut handler = pin!(handler);
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| handler.as_mut().poll(cx))) {
        Ok(polled) => polled.map(Ok),
        Err(_) => Poll::Ready(Err(Panicked)),
    })
    .await
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handler")
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Place")
    }
}
