//! A field with functions for serde.

use rpcudp::rpc_service;
use serde::{Deserialize, Serialize};

mod millis {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::time::Duration;
    pub(super) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}
#[derive(Serialize, Deserialize)]
pub struct Pause {
    #[serde(with = "millis")]
    time: std::time::Duration,
}

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn wait(&self, pause: Pause) -> u64;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn wait(&self, pause: Pause) -> u64 {
        u64::try_from(pause.time.as_millis()).unwrap_or(0)
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.wait(Pause { time: std::time::Duration::from_millis(5) }).await?, 5);
    Ok(())
}
