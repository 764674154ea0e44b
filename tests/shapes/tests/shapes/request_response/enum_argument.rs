//! An enum with every kind of variant.

use rpcudp::rpc_service;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub enum Figure {
    Empty,
    Square(f64),
    Oblong { width: f64, height: f64 },
}

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn area(&self, figure: Figure) -> f64;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn area(&self, figure: Figure) -> f64 {
        match figure {
            Figure::Empty => 0.0,
            Figure::Square(side) => side * side,
            Figure::Oblong { width, height } => width * height,
        }
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(
        client.area(Figure::Empty).await?
            + client.area(Figure::Square(2.0)).await?
            + client.area(Figure::Oblong { width: 2.0, height: 0.5 }).await?,
        5.0
    );
    Ok(())
}
