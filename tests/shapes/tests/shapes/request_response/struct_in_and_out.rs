//! A struct in each direction.

use rpcudp::rpc_service;
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    x: f64,
    y: f64,
}

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    async fn turn(&self, point: Point) -> Point;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    async fn turn(&self, point: Point) -> Point {
        Point { x: -point.y, y: point.x }
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.turn(Point { x: 1.0, y: 2.0 }).await?, Point { x: -2.0, y: 1.0 });
    Ok(())
}
