//! Documentation and attributes on every item.

use rpcudp::rpc_service;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    /// Returns its argument.
    #[allow(clippy::wrong_self_convention)]
    fn from_text(&self, /* what the caller said */ text: &str) -> String;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn from_text(&self, text: &str) -> String {
        text.into()
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.from_text("a").await?, "a");
    assert_eq!(ShapeClient::CONTRACT.methods[0].doc, "Returns its argument.");
    Ok(())
}
