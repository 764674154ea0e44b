//! Fields with defaults, for contracts that change.

use rpcudp::rpc_service;
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    limit: u8,
    cursor: Option<String>,
}

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn list(&self, options: Options) -> u8;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn list(&self, options: Options) -> u8 {
        options.limit
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.list(Options::default()).await?, 0);
    Ok(())
}
