//! Text and bytes that may be owned, borrowed from the datagram.

use rpcudp::rpc_service;

use std::borrow::Cow;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn text(&self, text: Cow<'_, str>) -> bool;
    async fn bytes(&self, bytes: Cow<'_, [u8]>, text: std::borrow::Cow<'_, str>) -> bool;
    fn list(&self, items: Cow<'_, [u32]>) -> u32;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn text(&self, text: Cow<'_, str>) -> bool {
        matches!(text, Cow::Borrowed("ab"))
    }
    async fn bytes(&self, bytes: Cow<'_, [u8]>, text: Cow<'_, str>) -> bool {
        matches!((bytes, text), (Cow::Borrowed(b"a"), Cow::Borrowed("b")))
    }
    fn list(&self, items: Cow<'_, [u32]>) -> u32 {
        items.iter().sum()
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert!(client.text("ab".into()).await?);
    assert!(client.bytes(b"a"[..].into(), "b".to_owned().into()).await?);
    assert_eq!(client.list(vec![1, 2].into()).await?, 3);
    Ok(())
}
