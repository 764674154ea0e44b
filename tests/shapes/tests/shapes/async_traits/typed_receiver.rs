//! `self: &Self`, which is `&self`.

use rpcudp::rpc_service;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn id(self: &Self) -> u8;
    async fn later<'a>(self: &'a Self, text: &'a str) -> usize;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn id(&self) -> u8 {
        1
    }
    async fn later<'a>(&'a self, text: &'a str) -> usize {
        text.len()
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!((client.id().await?, client.later("ab").await?), (1, 2));
    Ok(())
}
