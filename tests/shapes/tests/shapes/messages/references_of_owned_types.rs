//! References to types that are decoded and lent.

#![allow(clippy::ptr_arg, clippy::trivially_copy_pass_by_ref, reason = "the types are the shape")]
use rpcudp::rpc_service;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub struct Point(u8);

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn a(&self, number: &u64, text: &String, list: &Vec<u8>) -> usize;
    async fn b(&self, point: &Point, points: &[Point]) -> u8;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn a(&self, number: &u64, text: &String, list: &Vec<u8>) -> usize {
        text.len() + list.len() + usize::from(*number == 1)
    }
    async fn b(&self, point: &Point, points: &[Point]) -> u8 {
        points.iter().map(|other| other.0).sum::<u8>() + point.0
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.a(&1, &"a".into(), &vec![1]).await?, 3);
    assert_eq!(client.b(&Point(1), &[Point(2), Point(3)]).await?, 6);
    Ok(())
}
