//! Services with methods known at run time only.

pub(crate) mod adapter;
pub(crate) mod boxed;
pub(crate) mod deferred;
pub(crate) mod response;

use std::future::Future;
use std::sync::Arc;

use rpcudp_core::RawArguments;
use rpcudp_core::contract::{Delivery, Method};

use self::response::DynamicResponse;
use super::context::Context;

/// A service with methods known at run time only, for gateways, bridges to other languages and
/// plugins. The counterpart of [`DynamicMethod`](crate::DynamicMethod).
///
/// Serve it with [`Builder::serve_dynamic`](crate::Builder::serve_dynamic). Its callers cannot tell
/// it from a service of a contract: delivery, limits, deadlines, cancellation, metrics, spans and
/// layers are the same as for async methods of a trait.
///
/// ```
/// use rpcudp::contract::{Delivery, Method};
/// use rpcudp::dynamic::{Arguments, RawArguments};
/// use rpcudp::{Call, Context, DynamicMethod, DynamicResponse, DynamicService, Endpoint};
/// use std::collections::BTreeMap;
///
/// /// Functions of two numbers, which a program might read from its configuration.
/// struct Calculator(BTreeMap<String, fn(f64, f64) -> f64>);
///
/// impl DynamicService for Calculator {
///     fn name(&self) -> &str {
///         "Calculator"
///     }
///
///     fn methods(&self) -> Vec<Method> {
///         let method = |name: &String| Method { delivery: Delivery::AtLeastOnce, ..Method::named(name.clone()) };
///         self.0.keys().map(method).collect()
///     }
///
///     async fn call(&self, _: &Context, method: &str, arguments: RawArguments<'_>) -> DynamicResponse {
///         let mut arguments = Arguments::new(arguments);
///         let (one, other) = match (arguments.take("one"), arguments.take("other")) {
///             (Ok(one), Ok(other)) => (one, other),
///             (Err(error), _) | (_, Err(error)) => return DynamicResponse::malformed(error),
///         };
///         DynamicResponse::value(&self.0[method](one, other))
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut functions: BTreeMap<String, fn(f64, f64) -> f64> = BTreeMap::new();
/// functions.insert("sum".into(), |one, other| one + other);
/// let server = Endpoint::builder().serve_dynamic(Calculator(functions)).bind("127.0.0.1:0").await?;
///
/// let endpoint = Endpoint::bind("127.0.0.1:0").await?;
/// let call: Call<f64> = DynamicMethod::new("sum").call(&endpoint, server.local_addr(), &[40, 2]);
/// assert_eq!(call.await?, 42.0);
/// # Ok(())
/// # }
/// ```
///
/// An `Arc` of a service is a service too. [`BoxedService`](crate::dynamic::BoxedService) keeps
/// services of different types in one list.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a service with methods known at run time",
    label = "does not implement `DynamicService`",
    note = "implement `DynamicService` for it; or pass the server that `#[rpc_service]` generates to `serve` or \
            `add_service` instead"
)]
pub trait DynamicService: Send + Sync + 'static {
    /// Returns the name of the service, for error messages and, if the service is published, for
    /// its contract. It must then be an identifier of Rust.
    fn name(&self) -> &str;

    /// Returns the methods: their names, delivery and documentation. [`Method::named`] makes one.
    /// Default: none, for a service that only takes [other names](Self::other_methods).
    ///
    /// Called once, when the service is added to an endpoint. Each distinct name is kept in memory
    /// for the rest of the program, and with the feature `metrics` its counters as well.
    ///
    /// The wire name, the aliases, the delivery, `session` and `is_secure` have an effect on
    /// requests. The rest is the contract that the endpoint publishes, if the service is added with
    /// [`serve_dynamic_described`](crate::Builder::serve_dynamic_described).
    fn methods(&self) -> Vec<Method> {
        Vec::new()
    }

    /// Returns the delivery of methods that no service of the endpoint has, if this service takes
    /// requests for them. Default: `None`, and such requests are refused.
    ///
    /// An endpoint has at most one service that takes other names. Names come from peers, so they
    /// are not kept in memory, and metrics count them under one name.
    fn other_methods(&self) -> Option<Delivery> {
        None
    }

    /// Handles a request. `method` is the wire name: the present one if the request has an alias.
    ///
    /// Runs as a task of its own, as an async method of a contract, and must not block. The
    /// response of a oneway method is ignored. A panic is caught, and the request is refused.
    ///
    /// [`DynamicResponse::deferred`] returns a handle with which other threads respond.
    fn call(
        &self,
        cx: &Context,
        method: &str,
        arguments: RawArguments<'_>,
    ) -> impl Future<Output = DynamicResponse> + Send;
}

impl<S: DynamicService> DynamicService for Arc<S> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn methods(&self) -> Vec<Method> {
        (**self).methods()
    }

    fn other_methods(&self) -> Option<Delivery> {
        (**self).other_methods()
    }

    fn call(
        &self,
        cx: &Context,
        method: &str,
        arguments: RawArguments<'_>,
    ) -> impl Future<Output = DynamicResponse> + Send {
        (**self).call(cx, method, arguments)
    }
}
