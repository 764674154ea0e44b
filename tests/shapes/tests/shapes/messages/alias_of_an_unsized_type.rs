//! An alias of `str`, and one of a slice.

use rpcudp::rpc_service;

pub type Name = str;
pub type Key = [u8];

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn len(&self, name: &Name, key: &Key) -> usize;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn len(&self, name: &Name, key: &Key) -> usize {
        name.len() + key.len()
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.len("ab", b"c").await?, 3);
    Ok(())
}
