//! A struct for each request and response.

use rpcudp::rpc_service;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub struct GetRequest {
    key: String,
}
#[derive(Serialize, Deserialize)]
pub struct GetResponse {
    value: Option<Vec<u8>>,
}

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    async fn get(&self, request: GetRequest) -> GetResponse;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    async fn get(&self, request: GetRequest) -> GetResponse {
        GetResponse { value: Some(request.key.into_bytes()) }
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.get(GetRequest { key: "a".into() }).await?.value.as_deref(), Some(&b"a"[..]));
    Ok(())
}
