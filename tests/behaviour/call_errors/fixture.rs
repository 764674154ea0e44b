//! A contract whose methods fail in every way, and a server and a caller of it.

use std::future::pending;
use std::ops::Deref;

use rpcudp::sim::Network;
use rpcudp::{Builder, Endpoint, rpc_service};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::support::Pair;

#[rpc_service]
pub(crate) trait Failing {
    fn echo(&self, bytes: &[u8]) -> Vec<u8>;
    fn big(&self, len: usize) -> Vec<u8>;
    fn number_of_things(&self, text: &str) -> u8;
    fn panics(&self);
    async fn panics_later(&self);
    async fn never(&self);
    #[rpc(timeout = "200ms")]
    async fn short_timeout(&self);
    fn fails_to_encode(&self) -> Unencodable;
    fn panics_while_encoding(&self) -> PanicsInSerde;
    fn panics_when_dropped(&self) -> PanicsOnDrop;
    async fn panics_when_dropped_later(&self) -> PanicsOnDrop;
    fn takes_panicking(&self, panicking: PanicsInSerde);
    fn takes_unencodable(&self, first: u8, unencodable: Unencodable);
}

/// The same methods as a program with other types declares them.
#[rpc_service]
pub(crate) trait Mismatched {
    #[rpc(name = "echo")]
    fn text(&self, bytes: &[u8]) -> String;
    fn number_of_things(&self, text: u64) -> u8;
    fn takes_panicking(&self, panicking: u8);
    fn unknown(&self);
}

#[derive(Debug)]
pub(crate) struct Unencodable;

impl Serialize for Unencodable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("will not be encoded"))
    }
}

impl<'de> Deserialize<'de> for Unencodable {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Ok(Self)
    }
}

#[derive(Debug)]
pub(crate) struct PanicsInSerde;

impl Serialize for PanicsInSerde {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("while encoding")
    }
}

impl<'de> Deserialize<'de> for PanicsInSerde {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        panic!("while decoding")
    }
}

/// A return value that panics when the server drops it.
#[derive(Debug, Serialize)]
pub(crate) struct PanicsOnDrop;

impl<'de> Deserialize<'de> for PanicsOnDrop {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(serde::de::Error::custom("only the server has a value"))
    }
}

impl Drop for PanicsOnDrop {
    fn drop(&mut self) {
        panic!("while dropping")
    }
}

pub(crate) struct Service;

impl Failing for Service {
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
    async fn short_timeout(&self) {
        pending::<()>().await;
    }
    fn fails_to_encode(&self) -> Unencodable {
        Unencodable
    }
    fn panics_while_encoding(&self) -> PanicsInSerde {
        PanicsInSerde
    }
    fn panics_when_dropped(&self) -> PanicsOnDrop {
        PanicsOnDrop
    }
    async fn panics_when_dropped_later(&self) -> PanicsOnDrop {
        PanicsOnDrop
    }
    fn takes_panicking(&self, _: PanicsInSerde) {}
    fn takes_unencodable(&self, _: u8, _: Unencodable) {}
}

/// Binds a server and a caller with the same settings.
pub(crate) fn pair_with(configure: impl Fn(Builder) -> Builder) -> Fixture {
    let server = configure(Endpoint::builder().serve(FailingServer::new(Service)));
    Fixture(Pair::new(Network::new(1), server, configure(Endpoint::builder())))
}

/// Binds a server and a caller with default settings.
pub(crate) fn pair() -> Fixture {
    pair_with(|builder| builder)
}

/// A server and a caller.
pub(crate) struct Fixture(Pair);

impl Fixture {
    pub(crate) fn client(&self) -> FailingClient {
        self.0.client()
    }

    pub(crate) fn mismatched_client(&self) -> MismatchedClient {
        self.0.client()
    }

    /// Checks that the server still responds.
    pub(crate) async fn assert_alive(&self) {
        assert_eq!(self.client().echo(b"alive").await.unwrap(), b"alive");
    }
}

impl Deref for Fixture {
    type Target = Pair;

    fn deref(&self) -> &Pair {
        &self.0
    }
}
