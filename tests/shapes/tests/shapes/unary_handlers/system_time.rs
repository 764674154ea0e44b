//! A time.

use rpcudp::rpc_service;

use std::time::SystemTime;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn at(&self, time: SystemTime) -> SystemTime;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn at(&self, time: SystemTime) -> SystemTime {
        time
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.at(SystemTime::UNIX_EPOCH).await?, SystemTime::UNIX_EPOCH);
    Ok(())
}
