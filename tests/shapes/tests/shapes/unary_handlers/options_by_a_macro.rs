//! Options that a macro fills in.

use rpcudp::rpc_service;

macro_rules! contract {
    ($namespace:literal, $name:literal) => {
        #[allow(dead_code, reason = "only its data is used")]
        #[rpc_service(namespace = $namespace)]
        pub trait Made {
            #[rpc(name = $name)]
            fn get(&self);
        }
    };
}
contract!("a.", "b");

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
    assert_eq!(MadeClient::CONTRACT.methods[0].wire_name, "a.b");
    Ok(())
}
