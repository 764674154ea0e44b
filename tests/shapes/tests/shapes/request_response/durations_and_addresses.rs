//! Types of the standard library that serde knows.

use rpcudp::rpc_service;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn later(&self, wait: Duration, peer: SocketAddr) -> (Duration, IpAddr);
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn later(&self, wait: Duration, peer: SocketAddr) -> (Duration, IpAddr) {
        (wait * 2, peer.ip())
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    let peer: SocketAddr = "127.0.0.1:80".parse()?;
    assert_eq!(client.later(Duration::from_millis(1), peer).await?, (Duration::from_millis(2), peer.ip()));
    Ok(())
}
