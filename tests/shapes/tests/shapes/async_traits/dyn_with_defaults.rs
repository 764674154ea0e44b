//! Trait objects of a contract with bodies and supertraits.

use rpcudp::rpc_service;

use std::fmt::Debug;
use std::sync::Arc;

#[rpc_service(dyn, client = "ShapeClient", server = "ShapeServer")]
pub trait Contract: Debug {
    async fn hello(&self) -> String {
        format!("hello {}", self.name().await)
    }
    async fn name(&self) -> String;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    async fn name(&self) -> String {
        format!("{self:?}")
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::from_arc(Arc::new(Shape) as Arc<dyn DynContract>)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.hello().await?, "hello Shape");
    Ok(())
}
