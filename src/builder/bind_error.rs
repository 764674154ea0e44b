use std::net::SocketAddr;
use std::{error, fmt, io};

use rpcudp_core::codec::DecodeError;

use crate::server::collision::{Collision, UnknownPool};
use crate::server::router::RouteError;
use crate::services::add_service_error::InvalidContract;

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
        /// The names of the two traits or services.
        services: [&'static str; 2],
    },
    /// Two services take requests for methods that no service has
    /// ([`DynamicService::other_methods`](crate::DynamicService::other_methods)), and such a
    /// request can go to only one of them.
    DuplicateOtherMethods {
        /// The names of the two services.
        services: [&'static str; 2],
    },
    /// The peers that read the published contract of a
    /// [`DynamicService`](crate::DynamicService) would refuse it.
    InvalidContract {
        /// The name of the service.
        service: &'static str,
        /// The reason.
        source: DecodeError,
    },
    /// A method requires a session in a pool that the endpoint does not have. Pass
    /// [`Sessions`](crate::session::Sessions) with that name to
    /// [`Builder::sessions`](crate::Builder::sessions).
    UnknownPool {
        /// The wire name of the method.
        method: &'static str,
        /// The name of the pool, which is empty for the default pool.
        pool: &'static str,
    },
    /// Two pools of sessions have the same name.
    DuplicatePool {
        /// The name, which is empty for the default pool.
        pool: String,
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
            Self::DuplicateMethod { method, services } => {
                Collision { method: Some(method), services: *services }.fmt(f)
            }
            Self::DuplicateOtherMethods { services } => Collision { method: None, services: *services }.fmt(f),
            Self::InvalidContract { service, source } => InvalidContract { service, source: source.clone() }.fmt(f),
            Self::UnknownPool { method, pool } => UnknownPool { method, pool }.fmt(f),
            Self::DuplicatePool { pool } => write!(
                f,
                "two pools of sessions have the name `{pool}`: give each another one, as in `Sessions::pool(\"operator\")`"
            ),
            Self::Runtime { source } => write!(f, "cannot start a thread for the endpoint: {source}"),
        }
    }
}

impl error::Error for BindError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Resolve { source } | Self::Bind { source, .. } | Self::Runtime { source } => Some(source),
            Self::InvalidContract { source, .. } => Some(source),
            Self::DuplicateMethod { .. }
            | Self::DuplicateOtherMethods { .. }
            | Self::UnknownPool { .. }
            | Self::DuplicatePool { .. } => None,
        }
    }
}

impl From<RouteError> for BindError {
    fn from(error: RouteError) -> Self {
        match error {
            RouteError::Collision(Collision { method: Some(method), services }) => {
                Self::DuplicateMethod { method, services }
            }
            RouteError::Collision(Collision { method: None, services }) => Self::DuplicateOtherMethods { services },
            RouteError::UnknownPool(UnknownPool { method, pool }) => Self::UnknownPool { method, pool },
        }
    }
}

impl From<InvalidContract> for BindError {
    fn from(InvalidContract { service, source }: InvalidContract) -> Self {
        Self::InvalidContract { service, source }
    }
}
