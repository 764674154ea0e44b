//! Wire names of another style than Rust's.

use rpcudp::rpc_service;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    #[rpc(name = "getBlock")]
    fn get_block(&self, number: u64) -> String;
    #[rpc(name = "net/peers")]
    fn peers(&self) -> u8;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn get_block(&self, number: u64) -> String {
        format!("#{number}")
    }
    fn peers(&self) -> u8 {
        3
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!((client.get_block(1).await?, client.peers().await?), ("#1".into(), 3));
    Ok(())
}
