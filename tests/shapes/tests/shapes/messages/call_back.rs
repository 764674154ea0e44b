//! A handler that calls its caller.

use rpcudp::{Context, rpc_service};

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    async fn greet(&self, cx: &Context) -> String;
    fn name(&self) -> String;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    async fn greet(&self, cx: &Context) -> String {
        let caller = ShapeClient::new(cx, cx.sender());
        caller.name().await.map_or_else(|_| "nobody".into(), |name| name)
    }
    fn name(&self) -> String {
        "a".into()
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.greet().await?, "nobody");
    Ok(())
}
