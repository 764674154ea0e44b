//! A type that contains itself.

use rpcudp::rpc_service;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub struct Tree {
    children: Vec<Tree>,
}

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn depth(&self, tree: Tree) -> usize;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn depth(&self, tree: Tree) -> usize {
        1 + tree.children.into_iter().map(|child| self.depth(child)).max().unwrap_or(0)
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    let leaf = || Tree { children: vec![] };
    assert_eq!(client.depth(Tree { children: vec![leaf(), Tree { children: vec![leaf()] }] }).await?, 3);
    Ok(())
}
