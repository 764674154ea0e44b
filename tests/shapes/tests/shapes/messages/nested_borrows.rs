//! References inside of other types.

use rpcudp::rpc_service;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn names(&self, names: Vec<&str>) -> usize;
    fn pairs(&self, pairs: [(&str, &[u8]); 2]) -> usize;
    fn maybe(&self, name: Option<&str>) -> bool;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn names(&self, names: Vec<&str>) -> usize {
        names.concat().len()
    }
    fn pairs(&self, pairs: [(&str, &[u8]); 2]) -> usize {
        pairs.iter().map(|(name, bytes)| name.len() + bytes.len()).sum()
    }
    fn maybe(&self, name: Option<&str>) -> bool {
        name.is_some()
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.names(vec!["a", "bc"]).await?, 3);
    assert_eq!(client.pairs([("a", b"b"), ("", b"cd")]).await?, 4);
    assert!(!client.maybe(None).await?);
    Ok(())
}
