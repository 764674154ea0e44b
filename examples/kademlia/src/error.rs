use std::error::Error;
use std::fmt;
use std::net::SocketAddr;

use rpcudp::{BindError, CallError};

use crate::StorageError;

/// An error of starting a node.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// The address could not be bound.
    Bind(BindError),
    /// The storage could not be read.
    Storage(StorageError),
}

/// An error of [`Node::bootstrap`](crate::Node::bootstrap).
#[derive(Debug)]
#[non_exhaustive]
pub enum BootstrapError {
    /// The call has no address, and the node was not restored with contacts.
    NoAddress,
    /// An address cannot be that of a node.
    UnusableAddress {
        /// The address.
        addr: SocketAddr,
    },
    /// No node responded.
    NoResponse {
        /// The error of the last ping.
        source: CallError,
    },
}

/// An error of [`Node::get`](crate::Node::get).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GetError {
    /// The routing table is empty.
    NoContacts,
}

/// An error of [`Node::set`](crate::Node::set).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetError {
    /// The routing table is empty.
    NoContacts,
    /// The encoded value is too large for a `store` request.
    TooLarge {
        /// The length of the encoded value in bytes.
        size: usize,
        /// The largest length in bytes, [`Value::MAX_LEN`](crate::Value::MAX_LEN).
        limit: usize,
    },
    /// None of the nodes closest to the key stored the value: they are gone or full.
    NotStored {
        /// The number of nodes that were sent the value.
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
            Self::NoAddress => f.write_str("no address to bootstrap from: give the address of a node in the network"),
            Self::UnusableAddress { addr } => {
                write!(f, "no node can be at {addr}: give the address and port of a node")
            }
            Self::NoResponse { source } => write!(f, "no bootstrap node responded: {source}"),
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
                write!(f, "none of the {node_count} nodes closest to the key stored the value: they are gone or full")
            }
        }
    }
}

impl Error for SetError {}

const NO_CONTACTS: &str = "the routing table is empty: bootstrap the node first";
