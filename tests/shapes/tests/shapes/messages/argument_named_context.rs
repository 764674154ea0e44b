//! An argument whose type is named `Context`.

use rpcudp::rpc_service;

pub mod logging {
    #[derive(serde::Serialize, serde::Deserialize)]
    pub struct Context {
        pub level: u8,
    }
}

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn level(&self, #[rpc(argument)] context: logging::Context) -> u8;
    fn by_reference(&self, #[rpc(argument)] context: &logging::Context) -> u8;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn level(&self, context: logging::Context) -> u8 {
        context.level
    }
    fn by_reference(&self, context: &logging::Context) -> u8 {
        context.level
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(
        (
            client.level(logging::Context { level: 1 }).await?,
            client.by_reference(&logging::Context { level: 2 }).await?
        ),
        (1, 2)
    );
    Ok(())
}
