use std::fmt;

use clap::ValueEnum;
use rpcudp::{Builder, Endpoint, Identity, LinkOptions};

use crate::contenders::rpcudp::{EchoClient, EchoServer, EchoService};
#[cfg(feature = "secure-contenders")]
use crate::contenders::{secure, tarpc, tonic};
use crate::measuring::{BoxError, Caller, Cell, Measured};

/// The wire between two endpoints, or another system with authenticated and encrypted connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Wire {
    /// Plain datagrams, between endpoints without an identity
    Plain,
    /// Plain datagrams, between endpoints with an identity
    Identity,
    /// A link with default settings, which has packets of 8,900 bytes on loopback
    Link,
    /// A link with packets of 1,200 bytes, the default on other paths
    SmallPackets,
    /// tarpc over mutual TLS
    #[cfg(feature = "secure-contenders")]
    Tarpc,
    /// tonic over mutual TLS
    #[cfg(feature = "secure-contenders")]
    Tonic,
    /// irpc over its QUIC, noq
    #[cfg(feature = "secure-contenders")]
    Irpc,
    /// quinn without a framework, with DATAGRAM frames
    #[cfg(feature = "secure-contenders")]
    Quinn,
    /// quinn without a framework, with a stream for each call
    #[cfg(feature = "secure-contenders")]
    QuinnStreams,
}

impl Wire {
    /// The longest echo of the plain wire.
    pub(super) const MAX_PLAIN_SIZE: usize = 8_180;

    /// The longest echo in a DATAGRAM frame, with packets of 1,200 bytes.
    #[cfg(feature = "secure-contenders")]
    const MAX_FRAME_SIZE: usize = 1_100;

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Identity => "plain, with identity",
            Self::Link => "link",
            Self::SmallPackets => "link, packets of 1,200 bytes",
            #[cfg(feature = "secure-contenders")]
            Self::Tarpc => "tarpc, TLS",
            #[cfg(feature = "secure-contenders")]
            Self::Tonic => "tonic, TLS",
            #[cfg(feature = "secure-contenders")]
            Self::Irpc => "irpc",
            #[cfg(feature = "secure-contenders")]
            Self::Quinn => "quinn, DATAGRAM frames",
            #[cfg(feature = "secure-contenders")]
            Self::QuinnStreams => "quinn, streams",
        }
    }

    /// Returns whether the wire carries an echo of this size.
    pub(super) fn fits(self, size: usize) -> bool {
        match self {
            Self::Plain | Self::Identity => size <= Self::MAX_PLAIN_SIZE,
            #[cfg(feature = "secure-contenders")]
            Self::Quinn => size <= Self::MAX_FRAME_SIZE,
            _ => true,
        }
    }

    /// Whether calls go over a link of this crate.
    pub(super) fn is_link(self) -> bool {
        matches!(self, Self::Link | Self::SmallPackets)
    }

    /// Measures the wire in a cell.
    ///
    /// # Errors
    ///
    /// Returns an error if client or server cannot be set up.
    pub(super) fn run(self, cell: Cell) -> Result<Measured, BoxError> {
        let count = cell.in_flight;
        match self {
            Self::Plain | Self::Identity | Self::Link | Self::SmallPackets => cell.on_workers(self.callers(count)),
            #[cfg(feature = "secure-contenders")]
            Self::Tarpc => cell.on_workers(tarpc::callers_over_tls(count)),
            #[cfg(feature = "secure-contenders")]
            Self::Tonic => cell.on_workers(tonic::callers_over_tls(count)),
            #[cfg(feature = "secure-contenders")]
            Self::Irpc => cell.on_workers(secure::irpc::callers(count)),
            #[cfg(feature = "secure-contenders")]
            Self::Quinn => cell.on_workers(secure::quinn::datagram_callers(count)),
            #[cfg(feature = "secure-contenders")]
            Self::QuinnStreams => cell.on_workers(secure::quinn::stream_callers(count)),
        }
    }

    /// Binds two endpoints of this crate, and returns callers that share one of them and call the
    /// other.
    async fn callers(self, count: usize) -> Result<Vec<EchoCaller>, BoxError> {
        let server = self.builder().serve(EchoServer::new(EchoService)).bind("127.0.0.1:0").await?;
        let endpoint = self.builder().bind("127.0.0.1:0").await?;
        let client = match server.peer_id().filter(|_| self.is_link()) {
            Some(key) => EchoClient::secure(&endpoint, server.local_addr(), key),
            None => EchoClient::new(&endpoint, server.local_addr()),
        };
        Ok((0..count).map(|_| EchoCaller { client: client.clone(), _server: server.clone() }).collect())
    }

    fn builder(self) -> Builder {
        let options = LinkOptions::default();
        match self {
            Self::Identity | Self::Link => Endpoint::builder().identity(Identity::generate()),
            Self::SmallPackets => Endpoint::builder().identity(Identity::generate()).link_options(options.mtu(1_200)),
            _ => Endpoint::builder(),
        }
    }
}

/// A caller that shares its endpoint with others.
#[derive(Debug)]
struct EchoCaller {
    client: EchoClient,
    /// The server serves as long as a handle exists.
    _server: Endpoint,
}

impl Caller for EchoCaller {
    async fn call(&mut self, payload: &[u8]) -> Result<impl AsRef<[u8]> + Send, BoxError> {
        Ok(self.client.echo(payload).await?)
    }
}

impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
