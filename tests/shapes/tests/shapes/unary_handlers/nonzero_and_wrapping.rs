//! Numbers with invariants.

use rpcudp::rpc_service;

use std::cmp::Reverse;
use std::num::{NonZeroU32, Wrapping};

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn of(&self, number: NonZeroU32, wrapped: Wrapping<u8>, reversed: Reverse<u8>) -> u32;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn of(&self, number: NonZeroU32, wrapped: Wrapping<u8>, reversed: Reverse<u8>) -> u32 {
        number.get() + u32::from(wrapped.0) + u32::from(reversed.0)
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.of(NonZeroU32::MIN, Wrapping(2), Reverse(3)).await?, 6);
    Ok(())
}
