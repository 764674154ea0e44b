//! A unit struct and an empty struct.

use rpcudp::rpc_service;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub struct Unit;
#[derive(Serialize, Deserialize)]
pub struct Empty {}

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn unit(&self, unit: Unit, empty: Empty) -> (Unit, Empty);
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn unit(&self, unit: Unit, empty: Empty) -> (Unit, Empty) {
        (unit, empty)
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    let _ = client.unit(Unit, Empty {}).await?;
    Ok(())
}
