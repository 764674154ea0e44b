//! A oneway method that knows its sender.

use rpcudp::{Context, rpc_service};

use std::sync::atomic::{AtomicUsize, Ordering};
#[derive(Default)]
struct Seen(AtomicUsize);

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    #[rpc(oneway)]
    async fn announce(&self, cx: Context, port: u16);
    fn known(&self) -> usize;
}

impl Contract for Seen {
    async fn announce(&self, cx: Context, port: u16) {
        assert_eq!(cx.sender().port(), port);
        self.0.fetch_add(1, Ordering::SeqCst);
    }
    fn known(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Seen::default())).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    client.announce(client.endpoint().local_addr().port()).await?;
    while client.known().await? == 0 {
        tokio::task::yield_now().await;
    }
    Ok(())
}
