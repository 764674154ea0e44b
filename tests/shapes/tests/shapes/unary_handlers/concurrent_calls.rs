//! Calls that run at the same time.

use rpcudp::rpc_service;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    async fn later(&self, number: u8) -> u8;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    async fn later(&self, number: u8) -> u8 {
        tokio::task::yield_now().await;
        number
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    let (one, two) = tokio::join!(client.later(1), client.later(2));
    assert_eq!((one?, two?), (1, 2));
    Ok(())
}
