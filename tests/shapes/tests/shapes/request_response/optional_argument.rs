//! An optional argument and value.

use rpcudp::rpc_service;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn next(&self, after: Option<u8>) -> Option<u8>;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn next(&self, after: Option<u8>) -> Option<u8> {
        after.map_or(Some(0), |after| after.checked_add(1))
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(
        (client.next(None).await?, client.next(Some(1)).await?, client.next(Some(255)).await?),
        (Some(0), Some(2), None)
    );
    Ok(())
}
