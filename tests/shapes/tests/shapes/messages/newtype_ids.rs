//! Ids as newtypes.

use rpcudp::rpc_service;
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeId(u64);

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn parent(&self, id: NodeId) -> Option<NodeId>;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn parent(&self, id: NodeId) -> Option<NodeId> {
        id.0.checked_sub(1).map(NodeId)
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!((client.parent(NodeId(1)).await?, client.parent(NodeId(0)).await?), (Some(NodeId(0)), None));
    Ok(())
}
