//! Two peers, each of which calls and answers through one socket, and a handler that calls its caller back.
//!
//!     cargo run --example peers

use rpcudp::{Context, Endpoint, rpc_service};

/// What peers say to each other.
#[rpc_service]
pub trait Peer {
    /// Who somebody is.
    fn name(&self) -> String;
    /// Welcomes the caller by its name, which it is asked for.
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
        // A client can be made from the context: it calls through the socket that the request came to.
        let caller = PeerClient::new(cx, cx.sender());
        match caller.name().await {
            Ok(name) => format!("{} welcomes {name}", self.name),
            Err(error) => format!("{} welcomes whoever that is: {error}", self.name),
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
