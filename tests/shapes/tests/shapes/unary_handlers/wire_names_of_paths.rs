//! Wire names as paths.

use rpcudp::rpc_service;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    #[rpc(name = "/helloworld.Greeter/SayHello")]
    async fn say_hello(&self, name: &str) -> String;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    async fn say_hello(&self, name: &str) -> String {
        name.into()
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.say_hello("a").await?, "a");
    Ok(())
}
