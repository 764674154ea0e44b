//! An alias with the name `Result`.

use rpcudp::rpc_service;

pub mod io {
    pub type Result<T> = std::result::Result<T, u16>;
}

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn parse(&self, text: &str) -> io::Result<u8>;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn parse(&self, text: &str) -> io::Result<u8> {
        text.parse().map_err(|_| 7)
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.parse("1").await.ok(), Some(1));
    assert_eq!(client.parse("").await.unwrap_err().into_application().ok(), Some(7));
    Ok(())
}
