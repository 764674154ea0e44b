//! Arguments with the names of statics and unit structs in scope.

#![allow(dead_code, non_upper_case_globals, non_camel_case_types, reason = "the names are the shape")]
use rpcudp::{Context, rpc_service};

static limit: u8 = 0;
struct unit;
struct pair(u8);
static request: u8 = 0;
static arguments: u8 = 0;
const service: u8 = 0;
struct incoming;
static cx: u8 = 0;
static via: u8 = 0;
static peer: u8 = 0;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn sum(&self, limit: u8, unit: u8, pair: u8) -> u8;
    async fn later(&self, limit: u8, unit: &str) -> usize;
    fn service(&self, cx: &Context, arguments: u8, server: u8) -> u8;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn sum(&self, a: u8, b: u8, c: u8) -> u8 {
        a + b + c
    }
    async fn later(&self, a: u8, b: &str) -> usize {
        usize::from(a) + b.len()
    }
    fn service(&self, _: &Context, a: u8, b: u8) -> u8 {
        a * b
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!((client.sum(1, 2, 3).await?, client.later(1, "a").await?, client.service(2, 3).await?), (6, 2, 6));
    Ok(())
}
