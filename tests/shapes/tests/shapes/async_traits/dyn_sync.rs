//! A trait object of a contract without async methods.

use rpcudp::rpc_service;

use std::sync::Arc;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn id(&self) -> u8;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn id(&self) -> u8 {
        1
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) =
        crate::pair(ShapeServer::from_arc(Arc::new(Shape) as Arc<dyn Contract + Send + Sync>)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.id().await?, 1);
    Ok(())
}
