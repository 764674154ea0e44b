//! Types of the user's with the names of futures.

use rpcudp::rpc_service;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub struct BoxFuture {
    crates: u8,
}
#[derive(Serialize, Deserialize)]
pub struct Future {
    day: u8,
}

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    #[rpc(value)]
    fn boxed(&self) -> BoxFuture;
    #[rpc(value)]
    async fn market(&self, day: u8) -> Box<Future>;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn boxed(&self) -> BoxFuture {
        BoxFuture { crates: 2 }
    }
    async fn market(&self, day: u8) -> Box<Future> {
        Box::new(Future { day })
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!((client.boxed().await?.crates, client.market(3).await?.day), (2, 3));
    Ok(())
}
