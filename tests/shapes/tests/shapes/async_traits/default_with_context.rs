//! A body that uses the context.

use rpcudp::{Context, rpc_service};

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    async fn me(&self, cx: &Context) -> String {
        tokio::task::yield_now().await;
        cx.sender().ip().to_string()
    }
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.me().await?, "127.0.0.1");
    Ok(())
}
