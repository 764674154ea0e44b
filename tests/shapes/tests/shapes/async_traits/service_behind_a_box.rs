//! An implementation for a smart pointer.

use rpcudp::rpc_service;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn id(&self) -> u8;
}

impl Contract for Box<u8> {
    fn id(&self) -> u8 {
        **self
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Box::new(9))).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.id().await?, 9);
    Ok(())
}
