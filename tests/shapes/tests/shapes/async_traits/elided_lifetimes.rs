//! Borrowed arguments without names for their lifetimes.

use rpcudp::rpc_service;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    async fn join(&self, one: &str, other: &str) -> String;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    async fn join(&self, one: &str, other: &str) -> String {
        format!("{one}{other}")
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.join("a", "b").await?, "ab");
    Ok(())
}
