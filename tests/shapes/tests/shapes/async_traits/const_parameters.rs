//! Const parameters of every kind of type.

use rpcudp::rpc_service;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract<const A: bool, const B: char = 'b', const C: i8 = -1> {
    fn word(&self) -> char;
}

#[derive(Debug)]
struct Shape;

impl Contract<true> for Shape {
    fn word(&self) -> char {
        'x'
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::<_, true, 'b', -1>::new(Shape)).await?;
    let client: ShapeClient<true> = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.word().await?, 'x');
    Ok(())
}
