//! A handler of a message, with a status as its error.

use rpcudp::rpc_service;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub struct HelloRequest {
    name: String,
}
#[derive(Debug, Serialize, Deserialize)]
pub struct HelloReply {
    message: String,
}
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub enum Code {
    InvalidArgument,
    NotFound,
}
#[derive(Debug, Serialize, Deserialize)]
pub struct Status {
    code: Code,
    message: String,
}

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    async fn say_hello(&self, request: HelloRequest) -> Result<HelloReply, Status>;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    async fn say_hello(&self, request: HelloRequest) -> Result<HelloReply, Status> {
        if request.name.is_empty() {
            return Err(Status { code: Code::InvalidArgument, message: "no name".into() });
        }
        Ok(HelloReply { message: format!("Hello {}!", request.name) })
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    let reply = client.say_hello(HelloRequest { name: "Ada".into() }).await;
    assert_eq!(reply.ok().map(|reply| reply.message).as_deref(), Some("Hello Ada!"));
    let status = client.say_hello(HelloRequest { name: String::new() }).await.unwrap_err().into_application();
    assert_eq!(status.ok().map(|status| status.code), Some(Code::InvalidArgument));
    Ok(())
}
