use std::error::Error;
use std::fmt;
use std::net::SocketAddr;

/// The reason why a node cannot join a cluster, or has no peers there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SwimError {
    /// No other node can reach this address.
    UnusableAddress(SocketAddr),
    /// The endpoint does not serve [`SwimBuilder::service`](crate::SwimBuilder::service).
    NotServed,
    /// The cluster's name is empty or longer than 64 bytes.
    ClusterName(String),
    /// The endpoint is closed.
    Closed,
    /// This node knows no other member. A [`Change::Failed`](rpcudp::Change::Failed) of
    /// [`Swim::peers`](crate::Swim::peers) holds it.
    NoMembers,
}

impl fmt::Display for SwimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnusableAddress(addr) => write!(
                f,
                "other nodes cannot reach {addr}: bind the endpoint to an address of this host, or set one with \
                 `SwimBuilder::advertise`"
            ),
            Self::NotServed => {
                f.write_str("the endpoint does not serve the protocol: pass `SwimBuilder::service` to `Builder::serve`")
            }
            Self::ClusterName(name) => {
                write!(f, "the cluster's name `{}` must have 1 to 64 bytes", name.escape_debug())
            }
            Self::Closed => f.write_str("the endpoint is closed"),
            Self::NoMembers => {
                f.write_str("this node knows no other member: check that a seed is one, and can be reached")
            }
        }
    }
}

impl Error for SwimError {}
