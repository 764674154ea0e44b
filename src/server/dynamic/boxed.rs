use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use rpcudp_core::RawArguments;
use rpcudp_core::contract::{Delivery, Method};

use super::DynamicService;
use super::response::DynamicResponse;
use crate::server::context::Context;

/// A [`DynamicService`] with its type erased, to keep services of different types in one list. A
/// clone is the same service.
///
/// Allocates the future of each request.
///
/// ```
/// use rpcudp::contract::Method;
/// use rpcudp::dynamic::{BoxedService, RawArguments};
/// use rpcudp::{Builder, Context, DynamicResponse, DynamicService, Endpoint};
///
/// struct Constant(&'static str, u64);
///
/// impl DynamicService for Constant {
///     fn name(&self) -> &str {
///         "Constant"
///     }
///     fn methods(&self) -> Vec<Method> {
///         vec![Method::named(self.0)]
///     }
///     async fn call(&self, _: &Context, _: &str, _: RawArguments<'_>) -> DynamicResponse {
///         DynamicResponse::value(&self.1)
///     }
/// }
///
/// /// The services of a program's plugins.
/// fn plugins() -> Vec<BoxedService> {
///     vec![BoxedService::new(Constant("answer", 42))]
/// }
///
/// let builder = plugins().into_iter().fold(Endpoint::builder(), Builder::serve_dynamic);
/// ```
#[derive(Clone)]
pub struct BoxedService(Arc<dyn ErasedService>);

impl BoxedService {
    /// Erases the type of a service.
    pub fn new(service: impl DynamicService) -> Self {
        Self(Arc::new(service))
    }
}

impl DynamicService for BoxedService {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn methods(&self) -> Vec<Method> {
        self.0.methods()
    }

    fn other_methods(&self) -> Option<Delivery> {
        self.0.other_methods()
    }

    async fn call(&self, cx: &Context, method: &str, arguments: RawArguments<'_>) -> DynamicResponse {
        self.0.call(cx, method, arguments).await
    }
}

impl fmt::Debug for BoxedService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BoxedService").field(&self.0.name()).finish()
    }
}

type ResponseFuture<'a> = Pin<Box<dyn Future<Output = DynamicResponse> + Send + 'a>>;

/// A [`DynamicService`] that can be a trait object.
trait ErasedService: Send + Sync {
    fn name(&self) -> &str;
    fn methods(&self) -> Vec<Method>;
    fn other_methods(&self) -> Option<Delivery>;
    fn call<'a>(&'a self, cx: &'a Context, method: &'a str, arguments: RawArguments<'a>) -> ResponseFuture<'a>;
}

impl<S: DynamicService> ErasedService for S {
    fn name(&self) -> &str {
        DynamicService::name(self)
    }

    fn methods(&self) -> Vec<Method> {
        DynamicService::methods(self)
    }

    fn other_methods(&self) -> Option<Delivery> {
        DynamicService::other_methods(self)
    }

    fn call<'a>(&'a self, cx: &'a Context, method: &'a str, arguments: RawArguments<'a>) -> ResponseFuture<'a> {
        Box::pin(DynamicService::call(self, cx, method, arguments))
    }
}
