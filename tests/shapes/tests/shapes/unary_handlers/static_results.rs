//! A result with a type that the program owns.

use rpcudp::rpc_service;

use std::borrow::Cow;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn name(&self) -> Cow<'static, str>;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed("a")
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.name().await?, "a");
    Ok(())
}
