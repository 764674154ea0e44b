//! A subscription: a server that sends events to its callers as they happen.
//!
//! Each caller of `watch` gets a stream. It ends when the caller drops it, when the server has no
//! more events, or when the link between them is lost, and each end learns of that.
//!
//! ```text
//! cargo run --example watch --features secure
//! ```

use std::error::Error;

use rpcudp::{AnyPeer, Endpoint, Identity, Outflow, rpc_service};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// Prices, and their changes.
#[rpc_service]
pub trait Market {
    /// Sends the changes of a share's price from now on. `Outflow` makes it a method that needs a
    /// link.
    async fn watch(&self, share: &str) -> Result<Outflow<Change, Missed>, String>;
    /// Sets the price of a share, over either wire.
    fn set(&self, share: &str, cents: u64);
}

/// A change of a price.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Change {
    share: String,
    cents: u64,
}

/// The error with which a stream ends if its reader was too slow.
#[derive(Debug, Serialize, Deserialize)]
pub struct Missed {
    changes: u64,
}

struct Exchange {
    changes: broadcast::Sender<Change>,
}

impl Market for Exchange {
    async fn watch(&self, share: &str) -> Result<Outflow<Change, Missed>, String> {
        if share.is_empty() {
            return Err("which share?".into());
        }
        let (share, mut changes) = (share.to_owned(), self.changes.subscribe());
        // The channel holds one change; further ones wait in `changes`, which drops the oldest.
        let (sender, items) = Outflow::channel(1);
        tokio::spawn(async move {
            loop {
                let change = tokio::select! {
                    change = changes.recv() => change,
                    () = sender.closed() => break println!("A watcher of {share} has gone"),
                };
                let sent = match change {
                    Ok(change) if change.share == share => sender.send(change).await,
                    Ok(_) => Ok(()),
                    Err(RecvError::Lagged(changes)) => break sender.fail(Missed { changes }).await.unwrap_or_default(),
                    Err(RecvError::Closed) => break sender.finish().await.unwrap_or_default(),
                };
                if sent.is_err() {
                    break;
                }
            }
        });
        Ok(items)
    }

    fn set(&self, share: &str, cents: u64) {
        // An error says that there are no watchers.
        let _ = self.changes.send(Change { share: share.into(), cents });
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (changes, _) = broadcast::channel(16);
    let server = Endpoint::builder()
        .identity(Identity::generate())
        .serve(MarketServer::new(Exchange { changes }))
        .bind("127.0.0.1:0")
        .await?;

    let endpoint = Endpoint::builder().identity(Identity::generate()).bind("127.0.0.1:0").await?;
    let market = MarketClient::secure(&endpoint, server.local_addr(), AnyPeer);
    // `String` is no error type, so `?` needs a conversion.
    let mut changes = market.watch("ACME").await.map_err(|error| error.to_string())?;
    for cents in [1_000, 1_020, 990] {
        market.set("OTHER", 1).await?;
        market.set("ACME", cents).await?;
    }
    // An `Inflow` is also a `Stream` of `futures`: `changes.next()`, `changes.map(..)`.
    while let Some(Change { share, cents }) = changes.recv().await.map_err(|end| format!("{end:?}"))? {
        println!("{share} is at {cents} cents");
        if cents < 1_000 {
            break;
        }
    }
    drop(changes);
    // The server learns that, and says so.
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    Ok(())
}
