//! A const parameter, and a type of the same name.

use rpcudp::rpc_service;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub struct N;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract<const N: usize> {
    fn len(&self) -> usize;
    fn of(&self, value: N) -> N;
}

#[derive(Debug)]
struct Shape;

impl Contract<3> for Shape {
    fn len(&self) -> usize {
        3
    }
    fn of(&self, value: N) -> N {
        value
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::<_, 3>::new(Shape)).await?;
    let client: ShapeClient<3> = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.len().await?, 3);
    client.of(N).await?;
    Ok(())
}
