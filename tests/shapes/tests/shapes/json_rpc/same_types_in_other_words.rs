//! Paths in place of imported names.

use rpcudp::rpc_service;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn path(
        &self,
        text: ::std::string::String,
        bytes: std::vec::Vec<core::primitive::u8>,
    ) -> core::option::Option<std::string::String>;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn path(&self, text: String, bytes: Vec<u8>) -> Option<String> {
        bytes.is_empty().then_some(text)
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.path("a".into(), vec![]).await?.as_deref(), Some("a"));
    Ok(())
}
