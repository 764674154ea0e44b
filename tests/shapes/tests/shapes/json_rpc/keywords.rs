//! Names that are keywords.

use rpcudp::rpc_service;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn r#type(&self, r#match: u8) -> u8;
    fn r#move(&self, r#fn: &str, r#async: u8) -> String;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn r#type(&self, r#match: u8) -> u8 {
        r#match
    }
    fn r#move(&self, r#fn: &str, r#async: u8) -> String {
        format!("{}{}", r#fn, r#async)
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!((client.r#type(1).await?, client.r#move("a", 2).await?), (1, "a2".into()));
    Ok(())
}
