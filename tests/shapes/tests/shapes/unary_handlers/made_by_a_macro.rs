//! A contract that a macro writes.

use rpcudp::rpc_service;

macro_rules! contract {
    ($name:ident, $key:ty) => {
        #[allow(dead_code, reason = "only its data is used")]
        #[rpc_service]
        pub trait $name {
            fn get(&self, key: $key) -> $crate::Wrapped;
        }
    };
}
contract!(Made, u8);

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn id(&self) -> u8;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn id(&self) -> u8 {
        1
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.id().await?, 1);
    let printed = MadeClient::CONTRACT.to_string();
    assert!(printed.contains("fn get(&self, key: u8) -> crate::Wrapped;"), "{printed}");
    Ok(())
}
