//! No argument and no value.

use rpcudp::rpc_service;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn ping(&self);
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn ping(&self) {}
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    client.ping().await?;
    Ok(())
}
