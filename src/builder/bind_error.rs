use std::net::SocketAddr;
use std::{error, fmt, io};

use crate::server::router::DuplicateMethod;

/// The reason why an endpoint could not be bound.
#[derive(Debug)]
#[non_exhaustive]
pub enum BindError {
    /// The text is not an address, or the host name could not be resolved. An address needs a port:
    /// `0.0.0.0:0` takes a free one.
    Resolve {
        /// The error of the resolver.
        source: io::Error,
    },
    /// The address could not be bound: it is in use, it belongs to another host, or its port needs
    /// privileges.
    Bind {
        /// The address.
        addr: SocketAddr,
        /// The error of the system.
        source: io::Error,
    },
    /// Two services have a method with the same wire name. Give one of them another `namespace`, or
    /// the method another `name`.
    DuplicateMethod {
        /// The wire name.
        method: &'static str,
        /// The names of the two traits.
        services: [&'static str; 2],
    },
    /// [`Bind::wait`](crate::Bind::wait) could not start its thread.
    Runtime {
        /// The error of the system.
        source: io::Error,
    },
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolve { source } if source.kind() == io::ErrorKind::InvalidInput => {
                write!(
                    f,
                    "no address to bind to: {source} (an address needs an IP or a name, and a port: `127.0.0.1:0`)"
                )
            }
            Self::Resolve { source } => write!(f, "no address to bind to: {source}"),
            Self::Bind { addr, source } => write!(f, "cannot bind to {addr}: {source}"),
            Self::DuplicateMethod { method, services: [one, other] } if one == other => write!(
                f,
                "`{one}` is served twice, and a call of `{method}` can reach only one of them: serve it once, or, if these \
                 are two traits of one name, give one of them a namespace, `#[rpc_service(namespace = \"...\")]`"
            ),
            Self::DuplicateMethod { method, services: [one, other] } => write!(
                f,
                "both `{one}` and `{other}` have a method `{method}`: give one of them a namespace, \
                 `#[rpc_service(namespace = \"...\")]`, or the method another name, `#[rpc(name = \"...\")]`"
            ),
            Self::Runtime { source } => write!(f, "cannot start a thread for the endpoint: {source}"),
        }
    }
}

impl error::Error for BindError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Resolve { source } | Self::Bind { source, .. } | Self::Runtime { source } => Some(source),
            Self::DuplicateMethod { .. } => None,
        }
    }
}

impl From<DuplicateMethod> for BindError {
    fn from(DuplicateMethod { method, services }: DuplicateMethod) -> Self {
        Self::DuplicateMethod { method, services }
    }
}
