//! An async method with a body that calls others.

use rpcudp::rpc_service;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    async fn twice(&self, text: &str) -> String {
        let once = self.once(text).await;
        format!("{once}{once}")
    }
    async fn once(&self, text: &str) -> String;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    async fn once(&self, text: &str) -> String {
        text.to_uppercase()
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.twice("a").await?, "AA");
    Ok(())
}
