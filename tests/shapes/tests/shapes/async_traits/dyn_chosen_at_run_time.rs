//! One of two implementations, chosen at run time, one of them a mock.

use rpcudp::rpc_service;

use std::sync::Arc;
struct Mock(i16);
impl Contract for Mock {
    async fn temperature(&self, _: &str) -> Result<i16, String> {
        Ok(self.0)
    }
}
fn sensor(mocked: bool) -> Arc<dyn Sensor> {
    if mocked { Arc::new(Mock(21)) } else { Arc::new(Shape) }
}

#[rpc_service(dyn = "Sensor", client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    async fn temperature(&self, city: &str) -> Result<i16, String>;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    async fn temperature(&self, _: &str) -> Result<i16, String> {
        Err("no sensor".into())
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::from_arc(sensor(true))).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.temperature("Ulm").await.ok(), Some(21));
    let mock: Box<dyn Sensor> = Box::new(Shape);
    assert_eq!(mock.temperature("Ulm").await, Err("no sensor".into()));
    Ok(())
}
