use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::LazyLock;

use rpcudp_core::RawArguments;
use rpcudp_core::contract::Delivery;
use rpcudp_core::value::Encoded;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::as_endpoint::AsEndpoint;
use super::call::Call;
use super::request::{CallSpec, OutgoingRequest};
use super::stub::Stub;
use crate::lock::Lock;
use crate::telemetry::metrics::CallMeter;

/// A method called by name, without a contract: for tools, scripts and gateways that learn at run
/// time which methods they call.
///
/// Arguments are any types that serialize, and the value is any type that deserializes.
/// `serde_json::Value` is both, but has no bytes: to exchange Python's `bytes`, use a type that
/// distinguishes bytes from text.
///
/// Each distinct name is kept in memory for the rest of the program. A program that accepts names
/// from untrusted input must bound their number.
///
/// ```
/// use rpcudp::{Call, DynamicMethod, Endpoint, rpc_service};
///
/// #[rpc_service]
/// trait Adder {
///     fn add(&self, a: i64, b: i64) -> i64;
/// }
///
/// struct Sums;
///
/// impl Adder for Sums {
///     fn add(&self, a: i64, b: i64) -> i64 {
///         a + b
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Endpoint::builder().serve(AdderServer::new(Sums)).bind("127.0.0.1:0").await?;
/// let endpoint = Endpoint::bind("127.0.0.1:0").await?;
/// let call: Call<i64> = DynamicMethod::new("add").call(&endpoint, server.local_addr(), &[40, 2]);
/// assert_eq!(call.await?, 42);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct DynamicMethod {
    spec: &'static CallSpec,
}

impl DynamicMethod {
    /// Returns the method with this wire name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        static KNOWN: Lock<BTreeMap<&'static str, &'static CallSpec>> = Lock::new(BTreeMap::new());
        let mut known = KNOWN.lock();
        if let Some(spec) = known.get(name) {
            return Self { spec };
        }
        // Calls and their errors hold the name for as long as they live.
        let name: &'static str = Box::leak(Box::from(name));
        let spec = Box::leak(Box::new(unnamed(name)));
        known.insert(name, spec);
        Self { spec }
    }

    /// Returns the wire name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.spec.name
    }

    /// Calls the method at `peer`, through an endpoint or a request's context. Encodes the
    /// arguments at once.
    ///
    /// The request is sent once, with the endpoint's timeout, unless [`Call::retransmit`] and
    /// [`Call::timeout`] say otherwise. An error of the application ends the call with
    /// [`Refusal::UndeclaredError`](crate::Refusal::UndeclaredError).
    pub fn call<T>(self, via: &impl AsEndpoint, peer: SocketAddr, arguments: &[impl Serialize]) -> Call<T>
    where
        T: DeserializeOwned,
    {
        self.request(via, peer, arguments).call()
    }

    /// Calls a method with an application error, which ends the call as
    /// [`CallError::Application`](crate::CallError::Application). Otherwise like
    /// [`call`](Self::call).
    pub fn fallible_call<T, E>(
        self,
        via: &impl AsEndpoint,
        peer: SocketAddr,
        arguments: &[impl Serialize],
    ) -> Call<T, E>
    where
        T: DeserializeOwned,
        E: DeserializeOwned,
    {
        self.request(via, peer, arguments).fallible_call()
    }

    /// Calls a method at `peer` with arguments that are already encoded. Its value, or its error,
    /// is not decoded either. For services that forward requests, and for gateways.
    ///
    /// The name may come from untrusted input, because it is not kept in memory: errors and spans
    /// call every such method `(forwarded)`. Otherwise like [`call`](Self::call).
    ///
    /// A call through a request's context waits no longer than the request's caller.
    ///
    /// ```
    /// use rpcudp::contract::Delivery;
    /// use rpcudp::dynamic::RawArguments;
    /// use rpcudp::{Context, DynamicMethod, DynamicResponse, DynamicService, Endpoint, rpc_service};
    /// use std::net::SocketAddr;
    ///
    /// /// Forwards requests for methods that no other service has to a peer.
    /// struct Forward {
    ///     peer: SocketAddr,
    /// }
    ///
    /// impl DynamicService for Forward {
    ///     fn name(&self) -> &str {
    ///         "Forward"
    ///     }
    ///
    ///     fn other_methods(&self) -> Option<Delivery> {
    ///         // A duplicate is not forwarded.
    ///         Some(Delivery::AtMostOnce)
    ///     }
    ///
    ///     async fn call(&self, cx: &Context, method: &str, arguments: RawArguments<'_>) -> DynamicResponse {
    ///         DynamicResponse::forwarded(DynamicMethod::forward(cx, self.peer, method, arguments).await)
    ///     }
    /// }
    /// # #[rpc_service]
    /// # trait Adder {
    /// #     fn add(&self, a: i64, b: i64) -> i64;
    /// # }
    /// # struct Sums;
    /// # impl Adder for Sums {
    /// #     fn add(&self, a: i64, b: i64) -> i64 {
    /// #         a + b
    /// #     }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = Endpoint::builder().serve(AdderServer::new(Sums)).bind("127.0.0.1:0").await?;
    /// let forward = Forward { peer: server.local_addr() };
    /// let middle = Endpoint::builder().serve_dynamic(forward).bind("127.0.0.1:0").await?;
    /// # let endpoint = Endpoint::bind("127.0.0.1:0").await?;
    /// # assert_eq!(AdderClient::new(&endpoint, middle.local_addr()).add(40, 2).await?, 42);
    /// # Ok(())
    /// # }
    /// ```
    pub fn forward(
        via: &impl AsEndpoint,
        peer: SocketAddr,
        method: &str,
        arguments: RawArguments<'_>,
    ) -> Call<Encoded, Encoded> {
        static FORWARDED: LazyLock<CallSpec> = LazyLock::new(|| unnamed("(forwarded)"));
        let request = Stub::new(via, peer).request_named(&FORWARDED, method, arguments.count());
        request.raw_arguments(arguments).fallible_call()
    }

    fn request(self, via: &impl AsEndpoint, peer: SocketAddr, arguments: &[impl Serialize]) -> OutgoingRequest {
        // More arguments do not fit into a datagram, so the call ends with `TooLarge`.
        let count = u32::try_from(arguments.len()).unwrap_or(u32::MAX);
        let request = Stub::new(via, peer).request_with(self.spec, count);
        arguments.iter().fold(request, OutgoingRequest::argument)
    }
}

/// Returns the properties of a method without a contract. Metrics count such methods together.
fn unnamed(name: &'static str) -> CallSpec {
    CallSpec { meter: CallMeter::unnamed(), ..CallSpec::new(name, 0, Delivery::Maybe, None) }
}
