//! Bytes that the service keeps.

use rpcudp::rpc_service;

use serde_bytes::ByteBuf;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn keep(&self, data: ByteBuf) -> ByteBuf;
    async fn vector(&self, data: Vec<u8>) -> Vec<u8>;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn keep(&self, data: ByteBuf) -> ByteBuf {
        data
    }
    async fn vector(&self, data: Vec<u8>) -> Vec<u8> {
        data
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.keep(ByteBuf::from(*b"ab")).await?, b"ab");
    assert_eq!(client.vector(vec![1, 2]).await?, [1, 2]);
    Ok(())
}
