//! Arguments that begin with `_`.

use rpcudp::{Context, rpc_service};

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn unused(&self, _cx: &Context, _reserved: u8) -> u8;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn unused(&self, _cx: &Context, reserved: u8) -> u8 {
        reserved
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.unused(1).await?, 1);
    Ok(())
}
