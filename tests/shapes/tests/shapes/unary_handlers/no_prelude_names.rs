//! A module that shadows names of the prelude.

use rpcudp::rpc_service;

#[expect(dead_code)]
pub struct Option;
#[expect(dead_code)]
pub struct Box;
#[expect(dead_code)]
pub struct Vec;
#[expect(dead_code)]
pub struct Send;
#[expect(dead_code)]
pub struct Sized;
#[expect(dead_code)]
pub struct Clone;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn id(&self, value: std::option::Option<u8>) -> u8;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn id(&self, value: std::option::Option<u8>) -> u8 {
        value.unwrap_or(1)
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.id(std::option::Option::None).await?, 1);
    Ok(())
}
