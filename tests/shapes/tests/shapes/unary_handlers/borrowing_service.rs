//! A handler that lends its arguments to another.

use rpcudp::rpc_service;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    async fn outer(&self, text: &str) -> usize;
    async fn inner(&self, text: &str) -> usize;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    async fn outer(&self, text: &str) -> usize {
        self.inner(&text[1..]).await
    }
    async fn inner(&self, text: &str) -> usize {
        text.len()
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.outer("abc").await?, 2);
    Ok(())
}
