//! A generic wrapper with a marker.

use rpcudp::rpc_service;
use serde::{Deserialize, Serialize};

pub enum User {}
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Id<T>(u64, std::marker::PhantomData<T>);

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn id(&self, id: Id<User>) -> Id<User>;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn id(&self, id: Id<User>) -> Id<User> {
        id
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.id(Id(3, std::marker::PhantomData)).await?.0, 3);
    Ok(())
}
