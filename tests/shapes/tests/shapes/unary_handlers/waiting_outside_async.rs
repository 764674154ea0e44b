//! A call that is waited for outside of async code.

use rpcudp::rpc_service;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn id(&self) -> u8;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn id(&self) -> u8 {
        1
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    let call = client.id();
    let id = tokio::task::spawn_blocking(move || call.wait()).await??;
    assert_eq!(id, 1);
    Ok(())
}
