//! An error type of the service's own.

use rpcudp::rpc_service;
use serde::Serialize;

use serde::de::DeserializeOwned;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    type Error: Serialize + DeserializeOwned + Send;
    async fn run(&self, fails: bool) -> Result<(), Self::Error>;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    type Error = u8;
    async fn run(&self, fails: bool) -> Result<(), u8> {
        if fails { Err(1) } else { Ok(()) }
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient<u8> = rpcudp::Client::new(&caller, server.local_addr());
    assert!(client.run(false).await.is_ok());
    assert_eq!(client.run(true).await.unwrap_err().into_application().ok(), Some(1));
    Ok(())
}
