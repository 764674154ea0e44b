//! Ranges.

use rpcudp::rpc_service;

use std::ops::{Range, RangeInclusive};

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn range(&self, range: Range<u64>) -> Vec<u64>;
    fn inclusive(&self, range: RangeInclusive<u8>) -> u8;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn range(&self, range: Range<u64>) -> Vec<u64> {
        range.collect()
    }
    fn inclusive(&self, range: RangeInclusive<u8>) -> u8 {
        *range.end()
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.range(1..3).await?, [1, 2]);
    assert_eq!(client.inclusive(1..=3).await?, 3);
    Ok(())
}
