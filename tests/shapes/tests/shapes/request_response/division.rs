//! A typed error.

use rpcudp::rpc_service;
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct ByZero;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    async fn div(&self, x: i32, y: i32) -> Result<i32, ByZero>;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    async fn div(&self, x: i32, y: i32) -> Result<i32, ByZero> {
        x.checked_div(y).ok_or(ByZero)
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.div(6, 3).await.ok(), Some(2));
    assert_eq!(client.div(6, 0).await.unwrap_err().into_application().ok(), Some(ByZero));
    Ok(())
}
