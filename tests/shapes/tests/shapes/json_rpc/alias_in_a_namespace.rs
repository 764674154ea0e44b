//! An alias follows the namespace.

use rpcudp::rpc_service;

#[rpc_service(namespace = "kv.")]
trait Earlier {
    #[rpc(at_least_once)]
    fn get(&self, key: u8) -> u8;
}

#[rpc_service(namespace = "kv.", client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    #[rpc(at_least_once, alias = "get")]
    async fn fetch(&self, key: u8) -> u8;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    async fn fetch(&self, key: u8) -> u8 {
        key
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.fetch(1).await?, 1);
    assert_eq!(ShapeClient::CONTRACT.methods[0].aliases[0], "kv.get");
    let earlier = EarlierClient::new(client.endpoint(), client.peer());
    assert_eq!(earlier.get(2).await?, 2);
    Ok(())
}
