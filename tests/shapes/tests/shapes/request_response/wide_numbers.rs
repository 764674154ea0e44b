//! Every kind of number.

use rpcudp::rpc_service;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn wide(&self, a: u128, b: i128, c: usize, d: isize, e: f32, f: char, g: bool) -> (u128, i128, char);
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn wide(&self, a: u128, b: i128, c: usize, d: isize, e: f32, f: char, g: bool) -> (u128, i128, char) {
        assert_eq!((c, d, e, g), (1, -1, 0.5, true));
        (a, b, f)
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.wide(u128::MAX, i128::MIN, 1, -1, 0.5, 'é', true).await?, (u128::MAX, i128::MIN, 'é'));
    Ok(())
}
