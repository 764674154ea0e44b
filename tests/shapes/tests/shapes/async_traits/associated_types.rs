//! An associated type for each direction.

use rpcudp::rpc_service;
use serde::Serialize;

use serde::de::DeserializeOwned;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    type Key: Serialize + DeserializeOwned + Send;
    type Item: Serialize + DeserializeOwned + Send;
    async fn find(&self, key: Self::Key) -> Vec<Self::Item>;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    type Key = u8;
    type Item = String;
    async fn find(&self, key: u8) -> Vec<String> {
        vec![key.to_string()]
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient<u8, String> = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.find(1).await?, ["1"]);
    Ok(())
}
