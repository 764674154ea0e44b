//! A trait object of a contract with async methods.

use rpcudp::rpc_service;

use std::sync::Arc;

#[rpc_service(dyn, client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    async fn id(&self) -> u8;
    fn sync(&self, text: &str) -> String;
    async fn borrowed(&self, key: &[u8], text: &str) -> usize;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    async fn id(&self) -> u8 {
        1
    }
    fn sync(&self, text: &str) -> String {
        text.into()
    }
    async fn borrowed(&self, key: &[u8], text: &str) -> usize {
        key.len() + text.len()
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::from_arc(Arc::new(Shape) as Arc<dyn DynContract>)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!((client.id().await?, client.sync("a").await?, client.borrowed(b"ab", "c").await?), (1, "a".into(), 3));
    Ok(())
}
