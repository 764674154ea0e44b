//! A struct that borrows from the datagram.

use rpcudp::rpc_service;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub struct Line<'a> {
    level: u8,
    text: &'a str,
}

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn log(&self, line: Line<'_>) -> usize;
    async fn log_later(&self, lines: Vec<Line<'_>>) -> usize;
    fn by_reference(&self, line: &Line<'_>) -> usize;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn log(&self, line: Line<'_>) -> usize {
        line.text.len()
    }
    async fn log_later(&self, lines: Vec<Line<'_>>) -> usize {
        lines.len()
    }
    fn by_reference(&self, line: &Line<'_>) -> usize {
        line.level.into()
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    let line = || Line { level: 4, text: "abc" };
    assert_eq!(
        (client.log(line()).await?, client.log_later(vec![line()]).await?, client.by_reference(&line()).await?),
        (3, 1, 4)
    );
    Ok(())
}
