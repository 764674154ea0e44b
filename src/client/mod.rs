pub(crate) mod call;
pub(crate) mod dynamic_method;
pub(crate) mod error;
pub(crate) mod pending;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rpcudp_core::Request;
use rpcudp_core::codec::{EncodeError, encode};
use rpcudp_core::contract::{Contract, Delivery};
use rpcudp_transport::canonical;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::client::call::{Call, decode_value, decode_value_or_error};
use crate::telemetry::metrics::CallMeter;
use crate::{Context, Endpoint, buffer_pool};

/// A typed client: what every client that `#[rpc_service]` generates can do, whatever the names of its methods.
///
/// A generated client has these as methods of its own, except where its contract uses the name.
pub trait Client: Sized {
    /// What the contract says, as data: to be printed, compared or sent. Costs nothing where it is not used.
    ///
    /// ```
    /// use rpcudp::{Client, rpc_service};
    ///
    /// #[rpc_service]
    /// pub trait Clock {
    ///     /// The hour, in 24 of them.
    ///     fn hour(&self) -> u8;
    /// }
    ///
    /// fn fingerprint<C: Client>() -> u64 {
    ///     C::CONTRACT.fingerprint()
    /// }
    ///
    /// assert_eq!(fingerprint::<ClockClient>(), 0x168c_d019_ce34_7331);
    /// let printed = "#[rpc_service]
    /// pub trait Clock {
    ///     /// The hour, in 24 of them.
    ///     fn hour(&self) -> u8;
    /// }
    /// ";
    /// assert_eq!(ClockClient::CONTRACT.to_string(), printed);
    /// ```
    const CONTRACT: &'static Contract;

    #[doc(hidden)]
    fn from_stub(stub: Stub) -> Self;

    #[doc(hidden)]
    fn stub(&self) -> &Stub;

    /// A client that calls `peer` through an endpoint, or through the one that a request came to: its calls then wait no
    /// longer than that request's caller does, where that is known ([`Context::remaining`]).
    ///
    /// An address parses, and a host name has to be looked up, as with `tokio::net::lookup_host` or with the standard
    /// library's `ToSocketAddrs`, which blocks:
    ///
    /// ```
    /// use rpcudp::{Endpoint, rpc_service};
    ///
    /// #[rpc_service]
    /// trait Clock {
    ///     fn hour(&self) -> u8;
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let endpoint = Endpoint::bind("127.0.0.1:0").await?;
    /// let known = ClockClient::new(&endpoint, "127.0.0.1:1234".parse()?);
    ///
    /// let peer = tokio::net::lookup_host("localhost:1234").await?.next().ok_or("the name has no address")?;
    /// let looked_up = ClockClient::new(&endpoint, peer);
    /// # assert_eq!(known.peer().port(), looked_up.peer().port());
    /// # Ok(())
    /// # }
    /// ```
    fn new(via: &impl AsEndpoint, peer: SocketAddr) -> Self {
        Self::from_stub(Stub::new(via, peer))
    }

    /// A client that calls another peer.
    #[must_use]
    fn with_peer(&self, peer: SocketAddr) -> Self {
        Self::from_stub(Stub { peer: canonical(peer), ..self.stub().clone() })
    }

    /// A client whose calls wait this long for an answer, instead of what the contract or the endpoint says. A call may
    /// still say otherwise, with [`Call::timeout`].
    #[must_use]
    fn with_timeout(&self, timeout: Duration) -> Self {
        Self::from_stub(Stub { timeout: Some(timeout), ..self.stub().clone() })
    }

    /// Who is called.
    fn peer(&self) -> SocketAddr {
        self.stub().peer
    }

    /// What calls go through.
    fn endpoint(&self) -> &Endpoint {
        &self.stub().endpoint
    }
}

/// What calls can be made through: an [`Endpoint`], or the [`Context`] of a request.
pub trait AsEndpoint: sealed::Sealed {
    /// The endpoint.
    fn as_endpoint(&self) -> Endpoint;

    /// When whoever is waiting for what is asked through this gives up, if that is known.
    #[doc(hidden)]
    fn deadline(&self) -> Option<Instant> {
        None
    }
}

impl AsEndpoint for Endpoint {
    fn as_endpoint(&self) -> Endpoint {
        self.clone()
    }
}

impl AsEndpoint for Context {
    fn as_endpoint(&self) -> Endpoint {
        self.endpoint()
    }

    fn deadline(&self) -> Option<Instant> {
        self.deadline
    }
}

mod sealed {
    #[expect(unnameable_types, reason = "so that only these two are what calls can be made through")]
    pub trait Sealed {}
    impl Sealed for crate::Endpoint {}
    impl Sealed for crate::Context {}
}

/// What a generated client consists of.
#[doc(hidden)]
#[derive(Debug)]
pub struct Stub {
    /// Shared with the calls that this client makes, and with no other client: handles to the endpoint itself are counted
    /// by all threads, and each call would have them wait for each other.
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) peer: SocketAddr,
    /// How long calls wait, where the client says.
    pub(crate) timeout: Option<Duration>,
    /// When whoever is waiting for what this client asks for gives up, if that is known.
    pub(crate) deadline: Option<Instant>,
}

/// What a contract says of a method that is called.
#[doc(hidden)]
#[derive(Debug)]
pub struct CallSpec {
    pub(crate) name: &'static str,
    pub(crate) argument_count: u32,
    pub(crate) delivery: Delivery,
    pub(crate) timeout: Option<Duration>,
    pub(crate) meter: CallMeter,
}

impl CallSpec {
    #[must_use]
    pub const fn new(name: &'static str, argument_count: u32, delivery: Delivery, timeout: Option<Duration>) -> Self {
        Self { name, argument_count, delivery, timeout, meter: CallMeter::new() }
    }
}

/// A request that is being written.
#[doc(hidden)]
#[derive(Debug)]
pub struct OutgoingRequest {
    pub(crate) stub: Stub,
    pub(crate) spec: &'static CallSpec,
    pub(crate) datagram: Vec<u8>,
    /// The first argument that could not be encoded.
    pub(crate) fault: Option<Box<(usize, EncodeError)>>,
    written_count: usize,
}

impl Clone for Stub {
    fn clone(&self) -> Self {
        Self { endpoint: Arc::new(Endpoint::clone(&self.endpoint)), ..*self }
    }
}

impl Stub {
    pub(crate) fn new(via: &impl AsEndpoint, peer: SocketAddr) -> Self {
        let endpoint = Arc::new(via.as_endpoint());
        Self { endpoint, peer: canonical(peer), timeout: None, deadline: via.deadline() }
    }

    /// Begins a request.
    #[must_use]
    pub fn request(&self, spec: &'static CallSpec) -> OutgoingRequest {
        self.request_with(spec, spec.argument_count)
    }

    /// Begins a request with another number of arguments than the contract says.
    pub(crate) fn request_with(&self, spec: &'static CallSpec, argument_count: u32) -> OutgoingRequest {
        let mut datagram = buffer_pool::take();
        let dialect = self.endpoint.shared().config.dialect;
        Request::begin(&mut datagram, dialect, spec.name, argument_count);
        let stub = Self { endpoint: Arc::clone(&self.endpoint), ..*self };
        OutgoingRequest { stub, spec, datagram, fault: None, written_count: 0 }
    }

    /// What the client called `name` prints when it is debugged.
    ///
    /// # Errors
    ///
    /// Where the formatter has one.
    pub fn describe(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut client = f.debug_struct(name);
        client.field("peer", &self.peer);
        if let Some(timeout) = &self.timeout {
            client.field("timeout", timeout);
        }
        client.finish_non_exhaustive()
    }
}

impl OutgoingRequest {
    /// Writes the next argument.
    #[must_use]
    pub fn argument<T: Serialize + ?Sized>(mut self, value: &T) -> Self {
        self.written_count += 1;
        if self.fault.is_none()
            && let Err(error) = encode(&mut self.datagram, value)
        {
            self.fault = Some(Box::new((self.written_count, error)));
        }
        self
    }

    /// The call of a method that cannot fail by itself.
    pub fn call<T: DeserializeOwned>(self) -> Call<T> {
        Call::new(self, decode_value)
    }

    /// The call of a method that returns a `Result`.
    pub fn fallible_call<T: DeserializeOwned, E: DeserializeOwned>(self) -> Call<T, E> {
        Call::new(self, decode_value_or_error)
    }
}
