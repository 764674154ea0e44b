//! Arguments without a name.

use rpcudp::rpc_service;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn ignore(&self, _: Vec<u8>, _: &str) -> bool;
    async fn later(&self, _: u8) -> u8;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn ignore(&self, bytes: Vec<u8>, text: &str) -> bool {
        bytes == text.as_bytes()
    }
    async fn later(&self, number: u8) -> u8 {
        number
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert!(client.ignore(b"a".to_vec(), "a").await?);
    assert_eq!(client.later(1).await?, 1);
    Ok(())
}
