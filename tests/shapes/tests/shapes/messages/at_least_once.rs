//! An idempotent method.

use rpcudp::rpc_service;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    #[rpc(at_least_once)]
    async fn put(&self, key: &str, value: &[u8]) -> bool;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    async fn put(&self, key: &str, value: &[u8]) -> bool {
        key.as_bytes() == value
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert!(client.put("a", b"a").await?);
    Ok(())
}
