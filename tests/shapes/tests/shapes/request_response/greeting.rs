//! An owned argument.

use rpcudp::rpc_service;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    async fn hello(&self, name: String) -> String;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    async fn hello(&self, name: String) -> String {
        format!("Hello, {name}!")
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.hello("Ada".into()).await?, "Hello, Ada!");
    Ok(())
}
