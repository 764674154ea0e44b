//! Arguments and types with the names that generated code uses.

use rpcudp::rpc_service;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub struct Delivery;
#[derive(Serialize, Deserialize)]
pub struct CallSpec;
#[derive(Serialize, Deserialize)]
pub struct Method;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn f(&self, stub: Delivery, spec: CallSpec) -> Method;
    async fn g(&self, respond: &Method) -> u8;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn f(&self, _: Delivery, _: CallSpec) -> Method {
        Method
    }
    async fn g(&self, _: &Method) -> u8 {
        1
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    client.f(Delivery, CallSpec).await?;
    assert_eq!(client.g(&Method).await?, 1);
    Ok(())
}
