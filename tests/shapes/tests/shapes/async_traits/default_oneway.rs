//! A oneway method with a body.

use rpcudp::rpc_service;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    #[rpc(oneway)]
    fn hint(&self, _: u8) {}
    fn ping(&self) {}
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    client.hint(1).await?;
    client.ping().await?;
    Ok(())
}
