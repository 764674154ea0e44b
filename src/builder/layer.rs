use std::any::Any;

use ::tower::{Layer, Service};

use super::Builder;
use crate::server::router::Middleware;
use crate::tower::{BoxError, Handler, Layers, Request, Response};

impl Builder {
    /// Puts a layer between the network and everything that this endpoint serves. It may be called
    /// before or after [`serve`](Self::serve). Feature `tower`; see
    /// [`rpcudp::tower`](crate::tower).
    ///
    /// A second layer goes around the first. Tower's `ServiceBuilder` combines several layers, the
    /// outermost first.
    ///
    /// ```
    /// use rpcudp::tower::BoxError;
    /// use rpcudp::{Endpoint, rpc_service};
    /// use tower::filter::FilterLayer;
    ///
    /// #[rpc_service]
    /// trait Clock {
    ///     fn hour(&self) -> u8;
    ///     fn set(&self, hour: u8);
    /// }
    /// # struct Noon;
    /// # impl Clock for Noon {
    /// #     fn hour(&self) -> u8 {
    /// #         12
    /// #     }
    /// #     fn set(&self, _: u8) {}
    /// # }
    ///
    /// /// Lets only programs on this machine set the clock.
    /// fn check(request: rpcudp::tower::Request) -> Result<rpcudp::tower::Request, BoxError> {
    ///     match request.method() {
    ///         "set" if !request.context().sender().ip().is_loopback() => Err("only local programs may set the clock".into()),
    ///         _ => Ok(request),
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Endpoint::builder().serve(ClockServer::new(Noon)).layer(FilterLayer::new(check));
    /// let server = server.bind("127.0.0.1:0").await?;
    /// # ClockClient::new(&server, server.local_addr()).set(1).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn layer<L>(mut self, layer: L) -> Self
    where
        L: Layer<Handler>,
        L::Service: Service<Request, Response = Response> + Send + 'static,
        <L::Service as Service<Request>>::Error: Into<BoxError>,
        <L::Service as Service<Request>>::Future: Send + 'static,
    {
        let inner = self.middleware.take().map(layers);
        self.middleware = Some(Box::new(Layers::new(layer.layer(Handler::new(inner)))));
        self
    }
}

/// Returns the layers behind the middleware of a builder.
fn layers(middleware: Box<dyn Middleware>) -> Layers {
    let middleware: Box<dyn Any> = middleware;
    *middleware.downcast().expect("layers are the only middleware")
}
