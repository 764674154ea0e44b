//! The wires that a test runs over.

use std::net::{SocketAddr, ToSocketAddrs};
use std::ops::Range;

use rpcudp::sim::Network;
#[cfg(feature = "secure")]
use rpcudp::transport::Transport;
use rpcudp::{AsEndpoint, Builder, Client, Endpoint};

use super::endpoints::bind;
use super::environment::seeds;
#[cfg(feature = "secure")]
use super::links::{CheckedWire, identity_of};

/// The wire that the calls of a test travel over.
///
/// A test takes it as its argument, and [`over_each_wire`] runs the test over each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Wire {
    #[default]
    Plain,
    /// Links between endpoints that have the identities of their addresses.
    #[cfg(feature = "secure")]
    Link,
}

impl Wire {
    /// Binds an endpoint to an address of a simulated network. One with links has no plain wire.
    pub(crate) fn bind(self, network: &Network, addr: impl ToSocketAddrs, builder: Builder) -> Endpoint {
        match self {
            Self::Plain => bind(network, addr, builder),
            #[cfg(feature = "secure")]
            Self::Link => {
                let node = network.bind(addr).expect("the address is free");
                let identity = identity_of(node.local_addr());
                let builder = builder.identity(identity).plain(rpcudp::Plain::Off);
                builder.bind_transport(CheckedWire::links(node)).unwrap()
            }
        }
    }

    /// Returns a client of the endpoint at an address. Over a link, it pins the key of that
    /// endpoint.
    pub(crate) fn client<C: Client>(self, via: &impl AsEndpoint, peer: SocketAddr) -> C {
        match self {
            Self::Plain => C::new(via, peer),
            #[cfg(feature = "secure")]
            Self::Link => C::secure(via, peer, identity_of(peer).peer_id()),
        }
    }

    /// Returns the seeds to run, as [`seeds`] does: over links at most 10 by default, because each
    /// handshake takes milliseconds.
    pub(crate) fn seeds(self, default_count: u64) -> Range<u64> {
        seeds(if self == Self::Plain { default_count } else { default_count.min(10) })
    }

    /// Returns the number of calls to make: over links a tenth, because each packet is encrypted.
    pub(crate) fn call_count(self, plain_count: u64) -> u64 {
        if self == Self::Plain { plain_count } else { plain_count / 10 }
    }
}

/// Runs tests over the plain wire and over links. Each is an async function that takes a [`Wire`];
/// its tests have its name, in the modules `plain` and `links`.
macro_rules! over_each_wire {
    ($($test:ident),+ $(,)?) => {
        mod plain {
            $(
                #[tokio::test(start_paused = true)]
                async fn $test() {
                    super::$test($crate::support::Wire::Plain).await;
                }
            )+
        }
        #[cfg(feature = "secure")]
        mod links {
            $(
                #[tokio::test(start_paused = true)]
                async fn $test() {
                    super::$test($crate::support::Wire::Link).await;
                }
            )+
        }
    };
}

pub(crate) use over_each_wire;
