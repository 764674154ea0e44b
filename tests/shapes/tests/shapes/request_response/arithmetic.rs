//! Several methods with the same types.

use rpcudp::rpc_service;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    async fn add(&self, x: i32, y: i32) -> i32;
    async fn sub(&self, x: i32, y: i32) -> i32;
    async fn mul(&self, x: i32, y: i32) -> i32;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    async fn add(&self, x: i32, y: i32) -> i32 {
        x + y
    }
    async fn sub(&self, x: i32, y: i32) -> i32 {
        x - y
    }
    async fn mul(&self, x: i32, y: i32) -> i32 {
        x * y
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!((client.add(2, 3).await?, client.sub(2, 3).await?, client.mul(2, 3).await?), (5, -1, 6));
    Ok(())
}
