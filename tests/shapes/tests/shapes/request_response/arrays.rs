//! Arrays of a fixed length.

use rpcudp::rpc_service;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn digest(&self, seed: [u8; 4]) -> [u32; 2];
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn digest(&self, seed: [u8; 4]) -> [u32; 2] {
        [u32::from(seed[0]), u32::from_be_bytes(seed)]
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.digest([0, 0, 1, 2]).await?, [0, 258]);
    Ok(())
}
