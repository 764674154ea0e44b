//! The context between the arguments.

use rpcudp::{Context, rpc_service};

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    async fn sum(&self, a: u32, cx: &Context, b: u32) -> u32;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    async fn sum(&self, a: u32, _: &Context, b: u32) -> u32 {
        a + b
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.sum(2, 3).await?, 5);
    Ok(())
}
