//! Options in one attribute or in several.

use rpcudp::rpc_service;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    #[rpc(at_most_once)]
    #[rpc(timeout = "2s", name = "pay")]
    async fn withdraw(&self, cents: u64) -> u64;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    async fn withdraw(&self, cents: u64) -> u64 {
        cents
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.withdraw(1).await?, 1);
    Ok(())
}
