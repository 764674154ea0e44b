use std::error::Error;

use rpcudp_kademlia::Node;

use crate::options::{NetworkOptions, resolve};

/// Starts a node for one command, and joins the network.
pub(crate) async fn join_temporarily(options: &NetworkOptions) -> Result<Node, Box<dyn Error>> {
    let bootstrap = resolve(&options.bootstrap)?;
    // Bind to loopback if the network is on loopback, otherwise to all addresses of its family.
    let is_v4 = bootstrap.iter().all(|addr| addr.is_ipv4());
    let listen = match (bootstrap.iter().all(|addr| addr.ip().is_loopback()), is_v4) {
        (true, true) => "127.0.0.1:0",
        (true, false) => "[::1]:0",
        (false, true) => "0.0.0.0:0",
        (false, false) => "[::]:0",
    };
    let node = Node::bind(listen).await?;
    node.bootstrap(&bootstrap).await?;
    Ok(node)
}
