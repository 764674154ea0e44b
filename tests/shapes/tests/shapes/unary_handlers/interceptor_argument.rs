//! A token that each method takes.

use rpcudp::rpc_service;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub struct Token<'a>(&'a str);
#[derive(Debug, Serialize, Deserialize)]
pub struct Denied;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn secret(&self, token: Token<'_>, key: u8) -> Result<u8, Denied>;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn secret(&self, token: Token<'_>, key: u8) -> Result<u8, Denied> {
        if token.0 == "open" { Ok(key) } else { Err(Denied) }
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.secret(Token("open"), 1).await.ok(), Some(1));
    assert!(matches!(client.secret(Token(""), 1).await, Err(rpcudp::CallError::Application(Denied))));
    Ok(())
}
