//! A trait object of a generic contract with an associated type.

use rpcudp::rpc_service;
use serde::Serialize;

use serde::de::DeserializeOwned;
use std::sync::Arc;

#[rpc_service(dyn, client = "ShapeClient", server = "ShapeServer")]
pub trait Contract<K: Serialize + DeserializeOwned + Send + Sync> {
    type Value: Serialize + DeserializeOwned + Send + Sync;
    async fn fetch(&self, key: &K) -> Option<Self::Value>;
    fn put(&self, key: K, value: Self::Value) -> bool;
}

#[derive(Debug)]
struct Shape;

impl Contract<String> for Shape {
    type Value = u8;
    async fn fetch(&self, key: &String) -> Option<u8> {
        key.parse().ok()
    }
    fn put(&self, key: String, value: u8) -> bool {
        key == value.to_string()
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) =
        crate::pair(ShapeServer::<dyn DynContract<String, Value = u8>, String>::from_arc(Arc::new(Shape))).await?;
    let client: ShapeClient<String, u8> = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!((client.fetch(&"7".into()).await?, client.put("7".into(), 7).await?), (Some(7), true));
    Ok(())
}
