//! Two endpoints, and all that may go wrong between them.

use std::future::pending;
use std::ops::Deref;

use rpcudp::sim::Network;
use rpcudp::{Builder, Endpoint, rpc_service};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::support::Pair;

#[rpc_service]
pub(crate) trait Endings {
    fn echo(&self, bytes: &[u8]) -> Vec<u8>;
    fn big(&self, len: usize) -> Vec<u8>;
    fn number_of_things(&self, text: &str) -> u8;
    fn panics(&self);
    async fn panics_later(&self);
    async fn never(&self);
    #[rpc(timeout = "200ms")]
    async fn impatient(&self);
    fn fails_to_encode(&self) -> Stubborn;
    fn panics_while_encoding(&self) -> Explosive;
    fn panics_when_dropped(&self) -> Unlucky;
    async fn panics_when_dropped_later(&self) -> Unlucky;
    fn takes_explosive(&self, explosive: Explosive);
    fn takes_stubborn(&self, first: u8, stubborn: Stubborn);
}

/// The same methods as another program might declare them.
#[rpc_service]
pub(crate) trait Misunderstood {
    #[rpc(name = "echo")]
    fn text(&self, bytes: &[u8]) -> String;
    fn number_of_things(&self, text: u64) -> u8;
    fn takes_explosive(&self, explosive: u8);
    fn unheard_of(&self);
}

#[derive(Debug)]
pub(crate) struct Stubborn;

impl Serialize for Stubborn {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("will not be encoded"))
    }
}

impl<'de> Deserialize<'de> for Stubborn {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Ok(Self)
    }
}

#[derive(Debug)]
pub(crate) struct Explosive;

impl Serialize for Explosive {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("while encoding")
    }
}

impl<'de> Deserialize<'de> for Explosive {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        panic!("while decoding")
    }
}

/// A result of a handler that the handler's side cannot get rid of.
#[derive(Debug, Serialize)]
pub(crate) struct Unlucky;

impl<'de> Deserialize<'de> for Unlucky {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(serde::de::Error::custom("only the server has any"))
    }
}

impl Drop for Unlucky {
    fn drop(&mut self) {
        panic!("while dropping")
    }
}

pub(crate) struct Service;

impl Endings for Service {
    fn echo(&self, bytes: &[u8]) -> Vec<u8> {
        bytes.into()
    }
    fn big(&self, len: usize) -> Vec<u8> {
        vec![7; len]
    }
    fn number_of_things(&self, text: &str) -> u8 {
        text.len() as u8
    }
    fn panics(&self) {
        panic!("in a sync handler")
    }
    async fn panics_later(&self) {
        tokio::task::yield_now().await;
        panic!("in an async handler")
    }
    async fn never(&self) {
        pending::<()>().await;
    }
    async fn impatient(&self) {
        pending::<()>().await;
    }
    fn fails_to_encode(&self) -> Stubborn {
        Stubborn
    }
    fn panics_while_encoding(&self) -> Explosive {
        Explosive
    }
    fn panics_when_dropped(&self) -> Unlucky {
        Unlucky
    }
    async fn panics_when_dropped_later(&self) -> Unlucky {
        Unlucky
    }
    fn takes_explosive(&self, _: Explosive) {}
    fn takes_stubborn(&self, _: u8, _: Stubborn) {}
}

/// A server and a caller, both with the same settings.
pub(crate) fn pair_with(configure: impl Fn(Builder) -> Builder) -> Fixture {
    let server = configure(Endpoint::builder().serve(EndingsServer::new(Service)));
    Fixture(Pair::new(Network::new(1), server, configure(Endpoint::builder())))
}

pub(crate) fn pair() -> Fixture {
    pair_with(|builder| builder)
}

/// A server and a caller.
pub(crate) struct Fixture(Pair);

impl Fixture {
    pub(crate) fn client(&self) -> EndingsClient {
        self.0.client()
    }

    pub(crate) fn misunderstood(&self) -> MisunderstoodClient {
        self.0.client()
    }

    /// That the server goes on as if nothing had happened.
    pub(crate) async fn is_alive(&self) {
        assert_eq!(self.client().echo(b"alive").await.unwrap(), b"alive");
    }
}

impl Deref for Fixture {
    type Target = Pair;

    fn deref(&self) -> &Pair {
        &self.0
    }
}
