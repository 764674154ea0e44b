use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use rpcudp_core::contract::Delivery;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Call;
use crate::client::{AsEndpoint, CallSpec, OutgoingRequest, Stub};
use crate::telemetry::metrics::CallMeter;

/// A method that is called by its name, where no contract says what it takes and gives: for tools, scripts and gateways,
/// which learn at run time what they call.
///
/// Whatever can be serialized is an argument and whatever can be deserialized an answer. `serde_json::Value` is both, but
/// has no bytes: a peer that is to be sent or that answers `bytes` needs a type that tells them from text.
///
/// A name is kept for the rest of the program, once however often it is asked for. So a program that takes names from
/// strangers bounds how many it takes.
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
    /// The method with this wire name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        static KNOWN: Mutex<BTreeMap<&'static str, &'static CallSpec>> = Mutex::new(BTreeMap::new());
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(spec) = known.get(name) {
            return Self { spec };
        }
        // Calls and their errors name their method for as long as anybody likes.
        let name: &'static str = Box::leak(Box::from(name));
        let spec = CallSpec { meter: CallMeter::unnamed(), ..CallSpec::new(name, 0, Delivery::Maybe, None) };
        let spec = Box::leak(Box::new(spec));
        known.insert(name, spec);
        Self { spec }
    }

    /// The wire name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.spec.name
    }

    /// Calls the method at `peer`, through an endpoint or the one that a request came to. The arguments are encoded at
    /// once.
    ///
    /// It is sent once and answered within the endpoint's timeout, unless [`Call::retransmit`] and [`Call::timeout`] say
    /// otherwise. An error of the method's own ends it as [`Refusal::UndeclaredError`](crate::Refusal::UndeclaredError).
    pub fn call<T>(self, via: &impl AsEndpoint, peer: SocketAddr, arguments: &[impl Serialize]) -> Call<T>
    where
        T: DeserializeOwned,
    {
        self.request(via, peer, arguments).call()
    }

    /// Calls a method that may return an error of its own, which ends the call as
    /// [`CallError::Application`](crate::CallError::Application). Otherwise as [`call`](Self::call).
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
        // More than that fit into no datagram, which is what the call will say.
        let count = u32::try_from(arguments.len()).unwrap_or(u32::MAX);
        let request = Stub::new(via, peer).request_with(self.spec, count);
        arguments.iter().fold(request, OutgoingRequest::argument)
    }
}
