//! A parameter with a default.

use rpcudp::rpc_service;
use serde::Serialize;

use serde::de::DeserializeOwned;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract<K: Serialize + DeserializeOwned = String> {
    fn key(&self) -> K;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn key(&self) -> String {
        "k".into()
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::<_, String>::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.key().await?, "k");
    Ok(())
}
