use std::collections::BTreeMap;
use std::net::SocketAddr;

use rpcudp_core::contract::Delivery;
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
        let spec = CallSpec { meter: CallMeter::unnamed(), ..CallSpec::new(name, 0, Delivery::Maybe, None) };
        let spec = Box::leak(Box::new(spec));
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

    fn request(self, via: &impl AsEndpoint, peer: SocketAddr, arguments: &[impl Serialize]) -> OutgoingRequest {
        // More arguments do not fit into a datagram, so the call ends with `TooLarge`.
        let count = u32::try_from(arguments.len()).unwrap_or(u32::MAX);
        let request = Stub::new(via, peer).request_with(self.spec, count);
        arguments.iter().fold(request, OutgoingRequest::argument)
    }
}
