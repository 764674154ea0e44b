//! A method that must not run twice.

use rpcudp::rpc_service;
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
pub struct Taken {
    by: String,
}

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    #[rpc(at_most_once, timeout = "10s")]
    fn book(&self, seat: u16) -> Result<u32, Taken>;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn book(&self, seat: u16) -> Result<u32, Taken> {
        if seat == 1 { Err(Taken { by: "Ada".into() }) } else { Ok(seat.into()) }
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.book(2).await.ok(), Some(2));
    assert_eq!(client.book(1).await.unwrap_err().into_application().ok().map(|taken| taken.by).as_deref(), Some("Ada"));
    Ok(())
}
