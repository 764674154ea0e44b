//! A contract of your own that is called where a key lives: at the nodes closest to it, through the
//! socket of the Kademlia node.
//!
//!     cargo run -p rpcudp-kademlia --example nearest

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use rpcudp::rpc_service;
use rpcudp_kademlia::{Config, Key, Node};

/// A guest book for each key, kept by the nodes closest to the key.
#[rpc_service(namespace = "book.")]
pub trait GuestBook {
    /// Adds a name to the book of a key.
    #[rpc(at_most_once)]
    fn sign(&self, key: &[u8], name: &str);
    /// Returns the names in the book of a key.
    #[rpc(at_least_once)]
    fn names(&self, key: &[u8]) -> Vec<String>;
}

#[derive(Default)]
struct Books {
    names: Mutex<HashMap<Vec<u8>, Vec<String>>>,
}

impl GuestBook for Books {
    fn sign(&self, key: &[u8], name: &str) {
        let mut books = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        books.entry(key.to_owned()).or_default().push(name.to_owned());
    }

    fn names(&self, key: &[u8]) -> Vec<String> {
        let books = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        books.get(key).cloned().unwrap_or_default()
    }
}

async fn start() -> Result<Node, rpcudp_kademlia::StartError> {
    let config = Config { k: 3, ..Config::default() };
    Node::builder().config(config).serve(GuestBookServer::new(Books::default())).bind("127.0.0.1:0").await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut nodes = vec![start().await?];
    for _ in 1..10 {
        let node = start().await?;
        node.bootstrap(&[nodes[0].local_addr()]).await?;
        nodes.push(node);
    }

    // The first nodes joined a network that was almost empty, so each looks for its neighbours
    // again.
    for node in &nodes {
        node.lookup(node.id().into()).await;
    }

    // Written by one node, at the three nodes closest to the key.
    let key = Key::of("the party on Friday");
    let book: GuestBookClient = nodes[4].nearest(key);
    for name in ["Ada", "Bob"] {
        let mut signed = book.sign(key.as_bytes(), name).all();
        while let Some((peer, result)) = signed.next().await {
            result?;
            println!("{name} signs at {peer}");
        }
    }

    // Read by another, which finds the same nodes. Two of them must agree.
    let book: GuestBookClient = nodes[7].nearest(key);
    println!("the guests: {}", book.names(key.as_bytes()).quorum(2).await?.join(", "));
    Ok(())
}
