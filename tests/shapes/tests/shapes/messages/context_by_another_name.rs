//! The context under another name.

use rpcudp::rpc_service;

use rpcudp::Context as Cx;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn a(&self, #[rpc(context)] cx: &Cx) -> bool;
    async fn b(&self, #[rpc(context)] request: Cx, number: u8) -> u8;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn a(&self, cx: &Cx) -> bool {
        cx.sender().is_ipv4()
    }
    async fn b(&self, _: Cx, number: u8) -> u8 {
        number
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert!(client.a().await?);
    assert_eq!(client.b(1).await?, 1);
    Ok(())
}
