//! An implementation that returns a future by hand.

use rpcudp::rpc_service;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    async fn id(&self, text: &str) -> usize;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn id(&self, text: &str) -> impl Future<Output = usize> + Send {
        std::future::ready(text.len())
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.id("ab").await?, 2);
    Ok(())
}
