//! A `Result` that travels as a value.

use rpcudp::rpc_service;

pub type Outcome = Result<String, u8>;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    #[rpc(value)]
    fn last(&self) -> Outcome;
    #[rpc(value)]
    async fn first(&self) -> Result<u8, String>;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn last(&self) -> Outcome {
        Err(1)
    }
    async fn first(&self) -> Result<u8, String> {
        Ok(2)
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!((client.last().await?, client.first().await?), (Err(1), Ok(2)));
    Ok(())
}
