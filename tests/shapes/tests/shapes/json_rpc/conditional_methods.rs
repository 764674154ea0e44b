//! Methods that a `cfg` removes or keeps.

use rpcudp::rpc_service;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    #[cfg(any())]
    fn gone(&self, value: Missing);
    #[cfg_attr(all(), cfg(any()))]
    fn gone_as_well(&self, value: Missing);
    #[cfg_attr(any(), cfg(any()))]
    fn here(&self) -> u8;
    #[cfg_attr(all(), cfg(all()), doc = "Kept.")]
    fn here_as_well(&self) -> u8;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn here(&self) -> u8 {
        1
    }
    fn here_as_well(&self) -> u8 {
        2
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!((client.here().await?, client.here_as_well().await?), (1, 2));
    Ok(())
}
