//! Two type parameters, with a where-clause.

use rpcudp::rpc_service;
use serde::Serialize;

use serde::de::DeserializeOwned;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract<Hash, Tx>
where
    Hash: Serialize + DeserializeOwned + Send,
    Tx: Serialize + DeserializeOwned + Send + Sync,
{
    fn submit(&self, transaction: &Tx) -> Hash;
    async fn get(&self, hash: Hash) -> Option<Tx>;
}

#[derive(Debug)]
struct Shape;

impl Contract<u64, String> for Shape {
    fn submit(&self, transaction: &String) -> u64 {
        transaction.len() as u64
    }
    async fn get(&self, hash: u64) -> Option<String> {
        Some("a".repeat(usize::try_from(hash).ok()?))
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::<_, u64, String>::new(Shape)).await?;
    let client: ShapeClient<u64, String> = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.submit(&"abc".into()).await?, 3);
    assert_eq!(client.get(2).await?.as_deref(), Some("aa"));
    Ok(())
}
