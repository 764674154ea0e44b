//! Two peers that each call and serve through one socket. A handler calls its caller back.
//!
//!     cargo run --example peers

use rpcudp::{Context, Endpoint, rpc_service};

/// The contract that each peer serves and calls.
#[rpc_service]
pub trait Peer {
    /// Returns this peer's name.
    fn name(&self) -> String;
    /// Calls `name` at the caller, and returns a welcome with its name.
    async fn welcome(&self, cx: &Context) -> String;
}

struct Node {
    name: &'static str,
}

impl Peer for Node {
    fn name(&self) -> String {
        self.name.into()
    }

    async fn welcome(&self, cx: &Context) -> String {
        // A client made from the context calls through the socket that received the request.
        let caller = PeerClient::new(cx, cx.sender());
        match caller.name().await {
            Ok(name) => format!("{} welcomes {name}", self.name),
            Err(error) => format!("{} welcomes an unknown peer: {error}", self.name),
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let ada = Endpoint::builder().serve(PeerServer::new(Node { name: "Ada" })).bind("127.0.0.1:0").await?;
    let bob = Endpoint::builder().serve(PeerServer::new(Node { name: "Bob" })).bind("127.0.0.1:0").await?;

    println!("{}", PeerClient::new(&ada, bob.local_addr()).welcome().await?);
    println!("{}", PeerClient::new(&bob, ada.local_addr()).welcome().await?);
    Ok(())
}
