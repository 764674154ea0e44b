//! Bytes of a fixed length, as bytes.

use rpcudp::rpc_service;

use serde_bytes::{ByteArray, Bytes};

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn has(&self, hash: &ByteArray<32>) -> bool;
    async fn hash(&self, data: &Bytes) -> ByteArray<4>;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn has(&self, hash: &ByteArray<32>) -> bool {
        hash[0] == 1
    }
    async fn hash(&self, data: &Bytes) -> ByteArray<4> {
        ByteArray::new([data[0]; 4])
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert!(client.has(&ByteArray::new([1; 32])).await?);
    assert_eq!(*client.hash(Bytes::new(b"ab")).await?, *b"aaaa");
    Ok(())
}
