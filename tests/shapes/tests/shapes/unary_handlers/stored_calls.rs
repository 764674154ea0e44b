//! A call as a value with a type.

use rpcudp::rpc_service;

use rpcudp::{Call, CallOf};

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn a(&self) -> u8;
    fn b(&self) -> Result<u8, String>;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn a(&self) -> u8 {
        1
    }
    fn b(&self) -> Result<u8, String> {
        Ok(2)
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    let calls: (Call<u8>, Call<u8, String>, CallOf<Result<u8, String>>) = (client.a(), client.b(), client.b());
    assert_eq!((calls.0.await?, calls.1.await.ok(), calls.2.await.ok()), (1, Some(2), Some(2)));
    Ok(())
}
