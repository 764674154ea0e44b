//! A contract of which nothing is used does not warn.

#![forbid(dead_code)]
use rpcudp::rpc_service;

#[rpc_service]
pub trait Unused {
    fn a(&self);
    fn b(&self, text: &str) -> u8;
}

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn a(&self) -> u8;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn a(&self) -> u8 {
        1
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.a().await?, 1);
    Ok(())
}
