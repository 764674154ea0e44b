use std::error::Error;
use std::fmt;
use std::net::SocketAddr;

use crate::name_error::NameError;

/// The reason why multicast DNS is not available, or a service cannot be announced.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MdnsError {
    /// The name of the service or instance is invalid.
    Name(NameError),
    /// No other host can reach this address.
    UnusableAddress(SocketAddr),
    /// No host of the local network announces this service. A
    /// [`Change::Failed`](rpcudp::Change::Failed) of [`Mdns`](crate::Mdns) holds it, three seconds
    /// after its begin.
    NotAnnounced {
        /// The name of the service.
        service: String,
    },
    /// The engine failed, for example because the system has no free socket.
    Engine(mdns_sd::Error),
}

impl fmt::Display for MdnsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(error) => error.fmt(f),
            Self::UnusableAddress(addr) => {
                write!(
                    f,
                    "cannot announce {addr}, which others cannot reach: bind the endpoint to an address of this host"
                )
            }
            Self::NotAnnounced { service } => write!(f, "no host of the local network announces `{service}`"),
            Self::Engine(error) => write!(f, "multicast DNS failed: {error}"),
        }
    }
}

impl Error for MdnsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Name(error) => Some(error),
            Self::UnusableAddress(_) | Self::NotAnnounced { .. } => None,
            Self::Engine(error) => Some(error),
        }
    }
}

impl From<NameError> for MdnsError {
    fn from(error: NameError) -> Self {
        Self::Name(error)
    }
}

impl From<mdns_sd::Error> for MdnsError {
    fn from(error: mdns_sd::Error) -> Self {
        Self::Engine(error)
    }
}
