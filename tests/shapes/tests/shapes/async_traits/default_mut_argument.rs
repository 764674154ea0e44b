//! A body with `mut` arguments.

use rpcudp::rpc_service;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn next(&self, mut number: u8) -> u8 {
        number += 1;
        number
    }
    async fn longer(&self, mut text: String) -> String {
        text.push('!');
        text
    }
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!((client.next(1).await?, client.longer("a".into()).await?), (2, "a!".into()));
    Ok(())
}
