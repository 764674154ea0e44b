//! One client for five servers, of which one is killed while calls are made: no call fails.
//!
//!     cargo run --example balanced

use std::time::Duration;

use rpcudp::{Endpoint, PeerState, Peers, rpc_service};
use tokio::time::sleep;

#[rpc_service]
trait Counter {
    /// Returns the number of the server. A request that one server does not respond to may go to
    /// another, because the method is idempotent.
    #[rpc(at_least_once)]
    async fn server(&self) -> usize;
}

struct Server(usize);

impl Counter for Server {
    async fn server(&self) -> usize {
        sleep(Duration::from_millis(5)).await;
        self.0
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut servers = Vec::new();
    for number in 0..5 {
        servers.push(Endpoint::builder().serve(CounterServer::new(Server(number))).bind("127.0.0.1:0").await?);
    }
    let endpoint = Endpoint::bind("127.0.0.1:0").await?;
    let client = CounterClient::group(&endpoint, Peers::fixed(servers.iter().map(Endpoint::local_addr)));

    let mut counts = [0; 5];
    for number in 0..300 {
        if number == 100 {
            println!("server 2 is killed");
            servers.remove(2).close(Duration::ZERO).await;
        }
        counts[client.server().await?] += 1;
    }

    println!("300 calls ended with a value: {counts:?} at each server");
    println!("requests that went to another server: {}", endpoint.stats().calls.moved);
    for peer in client.peers() {
        let state = match peer.state {
            PeerState::Available => "available".to_owned(),
            PeerState::Ejected { remaining } => format!("ejected for another {remaining:.1?}"),
            other => format!("{other:?}"),
        };
        println!("{}: {} requests, {} unanswered, {state}", peer.addr, peer.requests, peer.unanswered);
    }
    Ok(())
}
