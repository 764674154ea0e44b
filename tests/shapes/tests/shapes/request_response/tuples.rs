//! Tuples.

use rpcudp::rpc_service;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn swap(&self, pair: (u8, String)) -> (String, u8);
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn swap(&self, pair: (u8, String)) -> (String, u8) {
        (pair.1, pair.0)
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.swap((1, "a".into())).await?, ("a".into(), 1));
    Ok(())
}
