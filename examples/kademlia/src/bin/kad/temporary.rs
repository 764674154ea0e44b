use std::error::Error;

use rpcudp_kademlia::Node;

use crate::addresses::{address_for, resolve};
use crate::options::NetworkOptions;

/// Starts a node for one command, and joins the network.
pub(crate) async fn join_temporarily(options: &NetworkOptions) -> Result<Node, Box<dyn Error>> {
    let bootstrap = resolve(&options.bootstrap)?;
    let node = Node::bind(address_for(&bootstrap, 0)).await?;
    node.bootstrap(&bootstrap).await?;
    Ok(node)
}
