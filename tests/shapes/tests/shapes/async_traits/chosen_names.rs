//! Generated types under names of the user's, beside a type with the usual one.

use rpcudp::rpc_service;

#[expect(dead_code)]
struct ShapeServer;
#[expect(dead_code)]
struct ShapeClient;

#[rpc_service(client = "Caller", server = "Callee")]
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
    let (server, caller) = crate::pair(Callee::new(Shape)).await?;
    let client: Caller = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.id().await?, 1);
    Ok(())
}
