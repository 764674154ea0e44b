//! A module that forbids the lints that generated code might need to allow.

#![forbid(dead_code, deprecated, single_use_lifetimes, unused_lifetimes, unused_imports, unused_variables)]
use rpcudp::{Context, rpc_service};

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn a<'a>(&self, text: &'a str, other: &'a str) -> usize;
    async fn b(&self, cx: &Context, numbers: &Vec<u8>) -> usize;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn a<'a>(&self, text: &'a str, other: &'a str) -> usize {
        text.len() + other.len()
    }
    async fn b(&self, _: &Context, numbers: &Vec<u8>) -> usize {
        numbers.len()
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!((client.a("a", "b").await?, client.b(&vec![1]).await?), (2, 1));
    Ok(())
}
