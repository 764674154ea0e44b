//! Code that is generic over clients.

use rpcudp::rpc_service;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn id(&self) -> u8;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn id(&self) -> u8 {
        1
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    fn of<C: rpcudp::Client>(client: &C) -> (u64, std::net::SocketAddr) {
        (C::CONTRACT.fingerprint(), client.peer())
    }
    assert_eq!(of(&client), (ShapeClient::CONTRACT.fingerprint(), client.peer()));
    Ok(())
}
