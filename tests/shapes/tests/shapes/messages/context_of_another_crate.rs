//! A trait named `Context` in scope, under no name.

use rpcudp::rpc_service;

mod anyhow {
    pub(super) trait Context {
        fn context(self) -> Self
        where
            Self: Sized,
        {
            self
        }
    }
    impl Context for u8 {}
}
use self::anyhow::Context as _;
const _: fn(u8) -> u8 = |number| number.context();

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn id(&self, cx: &rpcudp::Context) -> bool;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn id(&self, cx: &rpcudp::Context) -> bool {
        cx.sender().is_ipv4()
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert!(client.id().await?);
    Ok(())
}
