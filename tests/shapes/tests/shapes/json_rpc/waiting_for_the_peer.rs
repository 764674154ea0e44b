//! A call that waits until its peer is ready.

use rpcudp::rpc_service;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    #[rpc(at_least_once, wait_for_ready, timeout = "5s")]
    fn status(&self) -> u8;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn status(&self) -> u8 {
        1
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.status().await?, 1);
    assert!(ShapeClient::CONTRACT.methods[0].wait_for_ready);
    Ok(())
}
