use std::error::Error;
use std::fmt;
use std::net::SocketAddr;

use rpcudp::{BindError, CallError};

use crate::StorageError;

/// Why a node could not be started.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// The address could not be bound.
    Bind(BindError),
    /// The storage could not be read.
    Storage(StorageError),
}

/// Why a node did not come into a network.
#[derive(Debug)]
#[non_exhaustive]
pub enum BootstrapError {
    /// It was given no address, and had no neighbours before.
    NoAddress,
    /// No node can be at this address.
    UnusableAddress {
        /// The address.
        addr: SocketAddr,
    },
    /// Nobody answers at any of the addresses.
    NoResponse {
        /// What came of the last of them.
        source: CallError,
    },
}

/// Why a value could not be looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GetError {
    /// The node knows no other.
    NoContacts,
}

/// Why a value was not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetError {
    /// The node knows no other.
    NoContacts,
    /// The value is larger than what peers accept.
    TooLarge {
        /// How many bytes it takes on the wire.
        size: usize,
        /// How many it may take.
        limit: usize,
    },
    /// None of the nodes nearest to the key keeps it: they are gone, or full.
    NotStored {
        /// How many were asked.
        node_count: usize,
    },
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind(error) => error.fmt(f),
            Self::Storage(error) => error.fmt(f),
        }
    }
}

impl Error for StartError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Bind(error) => error.source(),
            Self::Storage(error) => error.source(),
        }
    }
}

impl From<BindError> for StartError {
    fn from(error: BindError) -> Self {
        Self::Bind(error)
    }
}

impl From<StorageError> for StartError {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl fmt::Display for BootstrapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAddress => f.write_str("there is no address to bootstrap from: name one of a node in the network"),
            Self::UnusableAddress { addr } => write!(f, "no node can be at {addr}: name one's address and port"),
            Self::NoResponse { source } => write!(f, "no node answers: {source}"),
        }
    }
}

impl Error for BootstrapError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::NoResponse { source } => source.source(),
            Self::NoAddress | Self::UnusableAddress { .. } => None,
        }
    }
}

impl fmt::Display for GetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoContacts => f.write_str(NO_CONTACTS),
        }
    }
}

impl Error for GetError {}

impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoContacts => f.write_str(NO_CONTACTS),
            Self::TooLarge { size, limit } => {
                write!(f, "the value has {size} bytes, and {limit} are allowed: split it into several")
            }
            Self::NotStored { node_count } => {
                write!(f, "none of the {node_count} nodes nearest to the key keeps the value")
            }
        }
    }
}

impl Error for SetError {}

const NO_CONTACTS: &str = "the node knows no other: bootstrap it first";
