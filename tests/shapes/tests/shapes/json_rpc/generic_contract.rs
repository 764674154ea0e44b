//! A type parameter with bounds.

use rpcudp::rpc_service;
use serde::Serialize;

use serde::de::DeserializeOwned;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract<T: Serialize + DeserializeOwned + Clone> {
    fn same(&self, value: T) -> T;
    fn all(&self, values: &[T]) -> Vec<T>;
}

#[derive(Debug)]
struct Shape;

impl Contract<u8> for Shape {
    fn same(&self, value: u8) -> u8 {
        value
    }
    fn all(&self, values: &[u8]) -> Vec<u8> {
        values.to_vec()
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::<_, u8>::new(Shape)).await?;
    let client: ShapeClient<u8> = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.same(1).await?, 1);
    assert_eq!(client.all(&[1, 2]).await?, [1, 2]);
    Ok(())
}
