//! An async method with a body, replaced by an `async fn`.

use rpcudp::rpc_service;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    async fn twice(&self, text: &str) -> String {
        format!("{text}{text}")
    }
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    async fn twice(&self, text: &str) -> String {
        tokio::task::yield_now().await;
        text.into()
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.twice("a").await?, "a");
    Ok(())
}
