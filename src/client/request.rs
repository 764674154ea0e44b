use std::sync::Arc;
use std::time::Duration;

use rpcudp_core::codec::{EncodeError, encode};
use rpcudp_core::contract::Delivery;
use rpcudp_core::{RawArguments, Request, copy};
use serde::Serialize;
use serde::ser::Error as _;

use super::extras::Extras;
use super::stub::Stub;
use crate::buffer_pool;
use crate::telemetry::metrics::CallMeter;

/// A method's properties in the contract, as its client needs them.
#[doc(hidden)]
#[derive(Debug)]
pub struct CallSpec {
    pub(crate) name: &'static str,
    pub(crate) argument_count: u32,
    pub(crate) delivery: Delivery,
    pub(crate) timeout: Option<Duration>,
    /// Whether a call asks again while the peer is not ready.
    pub(crate) wait_for_ready: bool,
    /// Whether a call travels over a link only.
    pub(crate) is_secure: bool,
    pub(crate) meter: CallMeter,
}

impl CallSpec {
    #[must_use]
    pub const fn new(name: &'static str, argument_count: u32, delivery: Delivery, timeout: Option<Duration>) -> Self {
        Self {
            name,
            argument_count,
            delivery,
            timeout,
            wait_for_ready: false,
            is_secure: false,
            meter: CallMeter::new(),
        }
    }

    /// Sets the contract's option `secure`.
    #[must_use]
    pub const fn secure(mut self) -> Self {
        self.is_secure = true;
        self
    }

    /// Sets the contract's option `wait_for_ready`.
    #[must_use]
    pub const fn wait_for_ready(mut self) -> Self {
        self.wait_for_ready = true;
        self
    }
}

/// A request that is being encoded, argument by argument.
#[doc(hidden)]
#[derive(Debug)]
pub struct OutgoingRequest {
    pub(crate) stub: Stub,
    pub(crate) spec: &'static CallSpec,
    pub(crate) datagram: Vec<u8>,
    pub(crate) extras: Option<Box<Extras>>,
    encoded_count: usize,
}

impl Stub {
    /// Begins a request.
    #[must_use]
    pub fn request(&self, spec: &'static CallSpec) -> OutgoingRequest {
        self.request_with(spec, spec.argument_count)
    }

    /// Begins a request with another number of arguments than the contract has.
    pub(crate) fn request_with(&self, spec: &'static CallSpec, argument_count: u32) -> OutgoingRequest {
        self.request_named(spec, spec.name, argument_count)
    }

    /// Begins a request for another method than the properties are named for.
    pub(crate) fn request_named(&self, spec: &'static CallSpec, method: &str, argument_count: u32) -> OutgoingRequest {
        let mut datagram = buffer_pool::take();
        let dialect = self.endpoint.shared().config.dialect;
        Request::begin(&mut datagram, dialect, method, argument_count);
        let stub = Self { endpoint: Arc::clone(&self.endpoint), target: self.target.of_call(), ..*self };
        OutgoingRequest { stub, spec, datagram, extras: None, encoded_count: 0 }
    }
}

impl OutgoingRequest {
    /// Encodes the next argument.
    #[must_use]
    pub fn argument<T: Serialize + ?Sized>(mut self, value: &T) -> Self {
        self.encoded_count += 1;
        if self.extras.is_none()
            && let Err(error) = encode(&mut self.datagram, value)
        {
            self.extras = Some(Box::new(Extras::unencodable(self.encoded_count, error)));
        }
        self
    }

    /// Appends arguments that are already encoded.
    pub(crate) fn raw_arguments(mut self, arguments: RawArguments<'_>) -> Self {
        if arguments.is_valid() {
            copy::append(&mut self.datagram, arguments.bytes());
        } else {
            let error = EncodeError::custom(format_args!("the bytes are not {} msgpack values", arguments.count()));
            self.extras = Some(Box::new(Extras::unencodable(1, error)));
        }
        self
    }
}
