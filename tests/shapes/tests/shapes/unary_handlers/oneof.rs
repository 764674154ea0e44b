//! A message with one of several fields.

use rpcudp::rpc_service;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Message {
    Text { body: String },
    Ping,
}

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn route(&self, message: Message) -> String;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn route(&self, message: Message) -> String {
        match message {
            Message::Text { body } => body,
            Message::Ping => "pong".into(),
        }
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(
        (client.route(Message::Text { body: "a".into() }).await?, client.route(Message::Ping).await?),
        ("a".into(), "pong".into())
    );
    Ok(())
}
