//! A method that had another name.

use rpcudp::rpc_service;

#[rpc_service]
trait Earlier {
    fn say_hello(&self, name: &str) -> String;
    #[rpc(name = "sayHello")]
    fn called_otherwise(&self, name: &str) -> String;
}

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    #[rpc(alias = "say_hello", alias = "sayHello")]
    fn greet(&self, name: &str) -> String;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn greet(&self, name: &str) -> String {
        format!("Hello {name}")
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.greet("Ada").await?, "Hello Ada");
    let earlier = EarlierClient::new(client.endpoint(), client.peer());
    assert_eq!(
        (earlier.say_hello("Bob").await?, earlier.called_otherwise("Eve").await?),
        ("Hello Bob".into(), "Hello Eve".into())
    );
    Ok(())
}
