//! Methods with the names of the client's own items.

use rpcudp::rpc_service;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn new(&self, peer: u8) -> u8;
    fn peer(&self) -> u8;
    fn with_timeout(&self, timeout: u8) -> u8;
    fn endpoint(&self) -> u8;
    fn clone(&self) -> u8;
    fn fmt(&self) -> u8;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn new(&self, peer: u8) -> u8 {
        peer
    }
    fn peer(&self) -> u8 {
        2
    }
    fn with_timeout(&self, timeout: u8) -> u8 {
        timeout
    }
    fn endpoint(&self) -> u8 {
        4
    }
    fn clone(&self) -> u8 {
        5
    }
    fn fmt(&self) -> u8 {
        6
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(
        (
            client.new(1).await?,
            client.peer().await?,
            client.with_timeout(3).await?,
            client.endpoint().await?,
            client.clone().await?,
            client.fmt().await?
        ),
        (1, 2, 3, 4, 5, 6)
    );
    Ok(())
}
