//! A type named `Result` that is none.

use rpcudp::rpc_service;

pub mod game {
    #[derive(serde::Serialize, serde::Deserialize)]
    pub struct Result {
        pub points: u8,
    }
}

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    #[rpc(value)]
    fn score(&self) -> game::Result;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn score(&self) -> game::Result {
        game::Result { points: 3 }
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.score().await?.points, 3);
    Ok(())
}
