use std::{error, fmt};

use rpcudp_core::codec::DecodeError;

use crate::server::collision::{Collision, UnknownPool};
use crate::server::router::RouteError;

/// The reason why a service could not be added to an endpoint.
#[derive(Debug)]
#[non_exhaustive]
pub enum AddServiceError {
    /// A service of the endpoint has a method with the same wire name.
    DuplicateMethod {
        /// The wire name.
        method: &'static str,
        /// The names of the two services, the new one last.
        services: [&'static str; 2],
    },
    /// A service of the endpoint takes methods that no service has, as the new one does.
    DuplicateOtherMethods {
        /// The names of the two services, the new one last.
        services: [&'static str; 2],
    },
    /// Peers would refuse the contract of the service.
    InvalidContract {
        /// The name of the service.
        service: &'static str,
        /// The reason.
        source: DecodeError,
    },
    /// A method requires a session in a pool that the endpoint does not have.
    UnknownPool {
        /// The wire name of the method.
        method: &'static str,
        /// The name of the pool, which is empty for the default pool.
        pool: &'static str,
    },
    /// The endpoint is closing or closed.
    Closed,
}

/// A contract that peers would refuse.
#[derive(Debug)]
pub(crate) struct InvalidContract {
    pub(crate) service: &'static str,
    pub(crate) source: DecodeError,
}

impl fmt::Display for InvalidContract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, source } = self;
        write!(f, "the methods of `{service}` cannot be published: {source}")
    }
}

impl fmt::Display for AddServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DuplicateMethod { method, services } => {
                Collision { method: Some(method), services: *services }.fmt(f)
            }
            Self::DuplicateOtherMethods { services } => Collision { method: None, services: *services }.fmt(f),
            Self::InvalidContract { service, source } => InvalidContract { service, source: source.clone() }.fmt(f),
            Self::UnknownPool { method, pool } => UnknownPool { method, pool }.fmt(f),
            Self::Closed => f.write_str("the endpoint is closing, so no service can be added"),
        }
    }
}

impl error::Error for AddServiceError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::InvalidContract { source, .. } => Some(source),
            Self::DuplicateMethod { .. }
            | Self::DuplicateOtherMethods { .. }
            | Self::UnknownPool { .. }
            | Self::Closed => None,
        }
    }
}

impl From<RouteError> for AddServiceError {
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

impl From<InvalidContract> for AddServiceError {
    fn from(InvalidContract { service, source }: InvalidContract) -> Self {
        Self::InvalidContract { service, source }
    }
}
