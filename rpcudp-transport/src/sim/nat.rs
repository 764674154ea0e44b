use std::net::IpAddr;

use super::switch::Switch;

/// A router with network address translation (NAT) on a simulated network, in front of some hosts.
/// Made by [`Network::nat`](super::Network::nat). A clone is another handle to the same router.
///
/// The first datagram of a node behind the router opens a mapping: a port of the router's public
/// address, which all other hosts see as the node's address. Datagrams to
/// that port reach the node if they come from a host that the node has sent to through this
/// mapping. Other datagrams to the public address are dropped, without a report. (RFC 4787 calls
/// this endpoint-independent mapping and address-dependent filtering.)
///
/// A mapping through which the node has sent no datagram for the router's timeout expires. Received
/// datagrams do not extend it. The next datagram of the node opens another mapping on another port,
/// so its peers see its address change.
///
/// The hosts behind one router reach each other by their own addresses. No other host can send to
/// these addresses. Conditions and partitions refer to them, and not to the public address.
///
/// ```
/// use rpcudp::Endpoint;
/// # use rpcudp::{Context, rpc_service};
/// use rpcudp::sim::Network;
/// use std::time::Duration;
///
/// # #[rpc_service]
/// # trait Mirror {
/// #     fn whoami(&self, cx: &Context) -> String;
/// # }
/// # struct Service;
/// # impl Mirror for Service {
/// #     fn whoami(&self, cx: &Context) -> String {
/// #         cx.sender().to_string()
/// #     }
/// # }
/// #[tokio::main(flavor = "current_thread", start_paused = true)]
/// async fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let network = Network::new(7);
///     let nat = network.nat("198.51.100.1".parse()?, ["10.0.0.2".parse()?], Duration::from_secs(30));
///     let server = Endpoint::builder().serve(MirrorServer::new(Service));
///     let server = server.bind_transport(network.bind("203.0.113.1:7000")?)?;
///     let endpoint = Endpoint::builder().bind_transport(network.bind("10.0.0.2:7000")?)?;
///
///     let mirror = MirrorClient::new(&endpoint, server.local_addr());
///     assert_eq!(mirror.whoami().await?, "198.51.100.1:1024");
///     assert_eq!(mirror.whoami().await?, "198.51.100.1:1024");
///     nat.rebind();
///     assert_eq!(mirror.whoami().await?, "198.51.100.1:1025");
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Nat {
    pub(super) switch: Switch,
    /// The index among the network's routers.
    pub(super) index: usize,
}

impl Nat {
    /// Drops all mappings, as a router that restarts. Datagrams on their way to a node behind the
    /// router are lost. The nodes get other public addresses with their next datagrams.
    pub fn rebind(&self) {
        self.switch.rebind(self.index, None);
    }

    /// Drops all mappings, and gives the router another public address, as a phone that changes
    /// from one network to another.
    pub fn rebind_to(&self, public: IpAddr) {
        self.switch.rebind(self.index, Some(public));
    }
}
