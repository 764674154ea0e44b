//! Bounds on the service.

use rpcudp::rpc_service;

use std::fmt::Debug;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract: Send + Sync + Debug + 'static {
    fn id(&self) -> u8;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn id(&self) -> u8 {
        4
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.id().await?, 4);
    Ok(())
}
