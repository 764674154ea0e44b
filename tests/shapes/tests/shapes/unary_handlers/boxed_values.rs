//! Boxed and counted values.

use rpcudp::rpc_service;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn boxed(&self, text: Box<str>, list: Box<[u8]>) -> Box<u64>;
    fn slice(&self) -> Box<[u32]>;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn boxed(&self, text: Box<str>, list: Box<[u8]>) -> Box<u64> {
        Box::new((text.len() + list.len()) as u64)
    }
    fn slice(&self) -> Box<[u32]> {
        Box::new([1, 2])
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(*client.boxed("a".into(), vec![1].into()).await?, 2);
    assert_eq!(*client.slice().await?, [1, 2]);
    Ok(())
}
