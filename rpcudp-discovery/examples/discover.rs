//! Peers of a local network that find each other by multicast DNS. Start it in two terminals, on
//! one machine or two:
//!
//!     cargo run -p rpcudp-discovery --features mdns --example discover -- Ada
//!     cargo run -p rpcudp-discovery --features mdns --example discover -- Bob

use std::collections::BTreeSet;

use rpcudp::{Change, Context, Endpoint, rpc_service};
use rpcudp_discovery::{Announcement, Mdns};

/// The contract of neighbours, who call each other.
#[rpc_service]
pub trait Neighbour {
    /// Returns a greeting.
    fn greet(&self, cx: &Context, name: &str) -> String;
}

struct Person {
    name: String,
}

impl Neighbour for Person {
    fn greet(&self, cx: &Context, name: &str) -> String {
        println!("{name} calls from {}", cx.sender());
        format!("Hello {name}, I am {}", self.name)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let name = std::env::args().nth(1).unwrap_or_else(|| format!("process {}", std::process::id()));
    let service = NeighbourServer::new(Person { name: name.clone() });
    // To all addresses, on a free port: no other program needs to know it.
    let endpoint = Endpoint::builder().serve(service).bind("0.0.0.0:0").await?;

    let announcement = Announcement::new("neighbour", &endpoint)?;
    let mut peers = Mdns::new("neighbour")?.except(&announcement).peers();
    println!("{name} at port {} looks for neighbours; Ctrl-C ends", endpoint.local_addr().port());
    let mut known = BTreeSet::new();
    loop {
        tokio::select! {
            change = peers.next_change() => match change {
                // A group takes these changes by itself: `NeighbourClient::group(&endpoint,
                // peers)`. A known peer is reported again now and then.
                Some(Change::Insert(peer)) if !known.insert(peer) => {}
                Some(Change::Insert(peer)) => {
                    let response = NeighbourClient::new(&endpoint, peer).greet(&name).await;
                    println!("{peer}: {}", response.unwrap_or_else(|error| error.to_string()));
                }
                Some(Change::Remove(peer)) => {
                    known.remove(&peer);
                    println!("{peer} has left");
                }
                Some(Change::Failed(error)) => println!("{error}"),
                _ => break,
            },
            _ = tokio::signal::ctrl_c() => break,
        }
    }
    announcement.withdraw().await;
    Ok(())
}
