//! Associated types whose names are keywords.

#![allow(non_camel_case_types, reason = "the names are the shape")]
use rpcudp::rpc_service;
use serde::Serialize;

use serde::de::DeserializeOwned;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    type r#type: Serialize + DeserializeOwned + Send;
    type r#box: Serialize + DeserializeOwned + Send;
    fn of(&self, value: Self::r#type) -> Self::r#box;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    type r#type = u8;
    type r#box = u16;
    fn of(&self, value: u8) -> u16 {
        value.into()
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient<u8, u16> = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.of(1).await?, 1);
    Ok(())
}
