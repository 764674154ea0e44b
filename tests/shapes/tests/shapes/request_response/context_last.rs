//! The context after the arguments.

use rpcudp::{Context, rpc_service};

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn sum(&self, a: u32, b: u32, cx: &Context) -> u32;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn sum(&self, a: u32, b: u32, cx: &Context) -> u32 {
        assert!(cx.sender().is_ipv4());
        a + b
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.sum(2, 3).await?, 5);
    Ok(())
}
