//! A struct with a flattened part.

use rpcudp::rpc_service;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub struct Query {
    text: String,
    #[serde(flatten)]
    page: Page,
}
#[derive(Serialize, Deserialize)]
pub struct Page {
    offset: u32,
    limit: u32,
}

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn get(&self, query: Query) -> u32;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn get(&self, query: Query) -> u32 {
        query.page.limit + query.page.offset
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.get(Query { text: "a".into(), page: Page { offset: 1, limit: 2 } }).await?, 3);
    Ok(())
}
