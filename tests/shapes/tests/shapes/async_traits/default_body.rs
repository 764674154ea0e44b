//! A method with a body, which the implementation leaves out.

use rpcudp::rpc_service;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn version(&self) -> u32 {
        3
    }
    fn name(&self) -> String;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn name(&self) -> String {
        "a".into()
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!((client.version().await?, client.name().await?), (3, "a".into()));
    Ok(())
}
