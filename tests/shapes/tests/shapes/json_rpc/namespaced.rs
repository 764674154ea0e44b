//! A namespace, as of a blockchain's node.

use rpcudp::rpc_service;

#[rpc_service(namespace = "eth_", client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn block_number(&self) -> u64;
    async fn balance(&self, account: [u8; 20], block: Option<u64>) -> Result<u128, String>;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn block_number(&self) -> u64 {
        17
    }
    async fn balance(&self, account: [u8; 20], block: Option<u64>) -> Result<u128, String> {
        if block == Some(0) { Err("pruned".into()) } else { Ok(account.len() as u128) }
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.block_number().await?, 17);
    assert_eq!(client.balance([0; 20], None).await.ok(), Some(20));
    assert_eq!(client.balance([0; 20], Some(0)).await.unwrap_err().into_application().ok().as_deref(), Some("pruned"));
    Ok(())
}
