//! Bytes that borrow from the datagram.

use rpcudp::rpc_service;

use serde_bytes::Bytes;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn len(&self, data: &[u8]) -> usize;
    fn bytes(&self, data: &Bytes) -> usize;
    fn optional(&self, data: Option<&Bytes>) -> usize;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn len(&self, data: &[u8]) -> usize {
        data.len()
    }
    fn bytes(&self, data: &Bytes) -> usize {
        data.len()
    }
    fn optional(&self, data: Option<&Bytes>) -> usize {
        data.map_or(0, |data| data.len())
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(
        (
            client.len(b"a").await?,
            client.bytes(Bytes::new(b"ab")).await?,
            client.optional(Some(Bytes::new(b"abc"))).await?
        ),
        (1, 2, 3)
    );
    Ok(())
}
