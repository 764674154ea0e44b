//! A service that is generic over a function.

use rpcudp::rpc_service;

struct Function<F>(F);
impl<F: Fn(u8) -> u8> Contract for Function<F> {
    fn apply(&self, number: u8) -> u8 {
        (self.0)(number)
    }
}

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn apply(&self, number: u8) -> u8;
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Function(|number| number * 2))).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.apply(4).await?, 8);
    Ok(())
}
