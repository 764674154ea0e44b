//! `Result` under another name.

use rpcudp::rpc_service;

pub type RpcResult<T> = Result<T, String>;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    #[rpc(fallible)]
    fn read(&self, key: &str) -> RpcResult<u8>;
    #[rpc(fallible)]
    async fn read_later(&self, key: &str) -> RpcResult<u8>;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn read(&self, key: &str) -> RpcResult<u8> {
        key.parse().map_err(|_| "no number".to_owned())
    }
    async fn read_later(&self, key: &str) -> RpcResult<u8> {
        self.read(key)
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.read("1").await.ok(), Some(1));
    assert_eq!(client.read_later("a").await.unwrap_err().into_application().ok().as_deref(), Some("no number"));
    Ok(())
}
