//! Names that Python cannot call, in a network without Python.

use rpcudp::rpc_service;

#[rpc_service(python = false, client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn _internal(&self) -> u8;
    fn rpc_modules(&self) -> u8;
    fn transport(&self) -> u8;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn _internal(&self) -> u8 {
        1
    }
    fn rpc_modules(&self) -> u8 {
        2
    }
    fn transport(&self) -> u8 {
        3
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!((client._internal().await?, client.rpc_modules().await?, client.transport().await?), (1, 2, 3));
    assert!(ShapeClient::CONTRACT.to_string().starts_with("#[rpc_service(python = false)]"));
    Ok(())
}
