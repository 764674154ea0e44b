//! An enum of requests and one of responses.

use rpcudp::rpc_service;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub enum Request {
    Set(String, String),
    Get(String),
}
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub enum Response {
    Set(usize),
    Get(Option<String>),
}

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    async fn call(&self, request: Request) -> Response;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    async fn call(&self, request: Request) -> Response {
        match request {
            Request::Set(key, value) => Response::Set(key.len() + value.len()),
            Request::Get(key) => Response::Get(Some(key)),
        }
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.call(Request::Set("a".into(), "b".into())).await?, Response::Set(2));
    assert_eq!(client.call(Request::Get("a".into())).await?, Response::Get(Some("a".into())));
    Ok(())
}
