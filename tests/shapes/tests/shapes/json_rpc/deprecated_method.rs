//! A deprecated method is served, and its callers are warned.

use rpcudp::rpc_service;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    #[deprecated = "call `fresh`"]
    fn old(&self) -> u8;
    fn fresh(&self) -> u8;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn old(&self) -> u8 {
        1
    }
    fn fresh(&self) -> u8 {
        2
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    #[expect(deprecated)]
    let old = client.old().await?;
    assert_eq!((old, client.fresh().await?), (1, 2));
    Ok(())
}
