//! A response of many packets' size.

use rpcudp::rpc_service;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn read(&self, len: usize) -> Vec<u8>;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn read(&self, len: usize) -> Vec<u8> {
        vec![7; len]
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.read(8_000).await?.len(), 8_000);
    Ok(())
}
