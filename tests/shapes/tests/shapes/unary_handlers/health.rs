//! A health check with an enum of states.

use rpcudp::rpc_service;
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub enum ServingStatus {
    Unknown,
    Serving,
}

#[rpc_service(namespace = "grpc.health.v1.", client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    async fn check(&self, service: Option<String>) -> ServingStatus;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    async fn check(&self, service: Option<String>) -> ServingStatus {
        match service.as_deref() {
            None => ServingStatus::Serving,
            Some(_) => ServingStatus::Unknown,
        }
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(
        (client.check(None).await?, client.check(Some("a".into())).await?),
        (ServingStatus::Serving, ServingStatus::Unknown)
    );
    Ok(())
}
