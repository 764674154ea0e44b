//! Bodies with `?` and an early return.

use rpcudp::rpc_service;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn half(&self, number: u8) -> Result<u8, String> {
        if number % 2 == 1 {
            return Err("odd".into());
        }
        Ok(number / 2)
    }
    async fn quarter(&self, number: u8) -> Result<u8, String> {
        let half = self.half(number)?;
        if half == 0 {
            return Ok(0);
        }
        self.half(half)
    }
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.quarter(8).await.ok(), Some(2));
    assert_eq!(client.quarter(0).await.ok(), Some(0));
    assert_eq!(client.quarter(6).await.unwrap_err().into_application().ok().as_deref(), Some("odd"));
    Ok(())
}
