//! A timeout for each unit.

use rpcudp::rpc_service;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    #[rpc(timeout = "900000us")]
    fn a(&self);
    #[rpc(timeout = "900ms")]
    fn b(&self);
    #[rpc(timeout = "5s")]
    fn c(&self);
    #[rpc(timeout = "1m")]
    fn d(&self);
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn a(&self) {}
    fn b(&self) {}
    fn c(&self) {}
    fn d(&self) {}
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    client.a().await?;
    client.b().await?;
    client.c().await?;
    client.d().await?;
    Ok(())
}
