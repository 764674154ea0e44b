//! A generic wrapper around each message.

use rpcudp::rpc_service;
use serde::{Deserialize, Serialize};

use std::collections::BTreeMap;
#[derive(Serialize, Deserialize)]
pub struct Request<T> {
    metadata: BTreeMap<String, String>,
    message: T,
}
#[derive(Debug, Serialize, Deserialize)]
pub struct Response<T> {
    message: T,
}

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    async fn echo(&self, request: Request<String>) -> Result<Response<String>, u32>;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    async fn echo(&self, request: Request<String>) -> Result<Response<String>, u32> {
        request.metadata.get("key").map(|_| Response { message: request.message }).ok_or(16)
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    let request = |metadata| Request { metadata, message: "a".to_owned() };
    assert_eq!(
        client
            .echo(request(BTreeMap::from([("key".into(), "1".into())])))
            .await
            .ok()
            .map(|response| response.message)
            .as_deref(),
        Some("a")
    );
    assert_eq!(client.echo(request(BTreeMap::new())).await.unwrap_err().into_application().ok(), Some(16));
    Ok(())
}
