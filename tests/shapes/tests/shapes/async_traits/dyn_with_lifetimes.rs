//! Trait objects, and arguments with every kind of lifetime.

use rpcudp::{Context, rpc_service};
use serde::{Deserialize, Serialize};

use std::borrow::Cow;
use std::sync::Arc;
#[derive(Serialize, Deserialize)]
pub struct Item<'a> {
    name: &'a str,
}

#[rpc_service(dyn, client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    async fn named<'a>(&'a self, cx: &'a Context, key: &'a str, other: Cow<'a, str>) -> usize;
    async fn nested(&self, items: Vec<&str>, _: Option<&[u8]>, item: Item<'_>) -> usize;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    async fn named<'a>(&'a self, _: &'a Context, key: &'a str, other: Cow<'a, str>) -> usize {
        key.len() + other.len()
    }
    async fn nested(&self, items: Vec<&str>, bytes: Option<&[u8]>, item: Item<'_>) -> usize {
        items.len() + bytes.map_or(0, <[u8]>::len) + item.name.len()
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::from_arc(Arc::new(Shape) as Arc<dyn DynContract>)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.named("a", "bc".into()).await?, 3);
    assert_eq!(client.nested(vec!["a"], Some(b"bc"), Item { name: "def" }).await?, 6);
    Ok(())
}
