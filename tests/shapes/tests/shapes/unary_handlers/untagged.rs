//! An untagged enum.

use rpcudp::rpc_service;
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Id {
    Number(u64),
    Text(String),
}

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn id(&self, id: Id) -> Id;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn id(&self, id: Id) -> Id {
        id
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(
        (client.id(Id::Number(1)).await?, client.id(Id::Text("a".into())).await?),
        (Id::Number(1), Id::Text("a".into()))
    );
    Ok(())
}
