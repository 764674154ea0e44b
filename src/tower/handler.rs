use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use ::tower::Service;

use super::layers::Layers;
use super::request::{BoxError, Request, Response};
use crate::server::layered_request::{LayeredRequest, LayeredResult};

/// The service that a layer wraps: everything that an endpoint serves, inside the layers added
/// before.
///
/// It is always ready unless one of those layers is not, and it fails only if one of them does. The
/// error of a method, and a refusal, is a [`Response`].
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
            Some(layers) => layers.outermost().poll_ready(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    fn call(&mut self, request: Request) -> Self::Future {
        match &mut self.layers {
            Some(layers) => layers.outermost().call(request),
            None => Box::pin(async move { Ok(run(request).await) }),
        }
    }
}

/// Runs the method of a request.
async fn run(request: Request) -> Response {
    let mut result = LayeredResult::Empty;
    let Request { owned, service, index } = request;
    if owned.head.is_expired() {
        return Response { datagram: Vec::new(), outcome: None };
    }
    let arguments = owned.raw_arguments();
    service.call(index, LayeredRequest { head: &owned.head, arguments, result: &mut result }.into());
    let (datagram, outcome) = match result {
        LayeredResult::Ready(response) => response,
        LayeredResult::Pending(response) => {
            // The future has a copy of the arguments.
            drop((owned, service));
            response.await
        }
        LayeredResult::Empty => unreachable!("the dispatcher runs or spawns every method"),
    };
    Response { datagram, outcome }
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handler")
    }
}
