//! The context first, as servers of other frameworks have it.

use rpcudp::{Context, rpc_service};

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    async fn hello(&self, cx: Context, name: String) -> String;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    async fn hello(&self, cx: Context, name: String) -> String {
        format!("{name} at {}", cx.sender().ip())
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.hello("Ada".into()).await?, "Ada at 127.0.0.1");
    Ok(())
}
