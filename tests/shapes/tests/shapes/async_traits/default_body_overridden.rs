//! A method with a body, which the implementation replaces.

use rpcudp::rpc_service;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn version(&self) -> u32 {
        3
    }
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn version(&self) -> u32 {
        4
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.version().await?, 4);
    Ok(())
}
