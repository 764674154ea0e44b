//! One request to all peers of a group: each result as it arrives, and a value that most agree on.
//!
//!     cargo run --example fan_out

use std::time::Duration;

use rpcudp::{Endpoint, Peers, rpc_service};
use tokio::time::sleep;

#[rpc_service]
trait Replica {
    /// Returns the last entry of the replica's log.
    #[rpc(at_least_once)]
    async fn last(&self) -> String;
}

/// A replica that has this entry and needs this time to read it.
struct Log(&'static str, Duration);

impl Replica for Log {
    async fn last(&self) -> String {
        sleep(self.1).await;
        self.0.to_owned()
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The fourth replica is behind, and the fifth takes too long.
    let logs = [("new", 30), ("new", 10), ("new", 20), ("old", 5), ("new", 5_000)];
    let mut replicas = Vec::new();
    for (entry, millis) in logs {
        let service = ReplicaServer::new(Log(entry, Duration::from_millis(millis)));
        replicas.push(Endpoint::builder().serve(service).bind("127.0.0.1:0").await?);
    }
    let endpoint = Endpoint::bind("127.0.0.1:0").await?;
    let group = ReplicaClient::group(&endpoint, Peers::fixed(replicas.iter().map(Endpoint::local_addr)));

    let mut all = group.last().all().within(Duration::from_millis(500));
    while let Some((peer, result)) = all.next().await {
        match result {
            Ok(entry) => println!("{peer}: {entry}"),
            Err(error) => println!("{error}"),
        }
    }

    // Ends as soon as three agree, without the slow replica.
    println!("three of five agree on: {}", group.last().quorum(3).await?);

    let error = group.last().all().within(Duration::from_millis(500)).quorum(5).await.unwrap_err();
    println!("{error}");
    for (peer, result) in error.responses {
        println!("  {peer}: {result:?}");
    }
    Ok(())
}
