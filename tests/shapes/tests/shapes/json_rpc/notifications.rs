//! A notification, which has no response.

use rpcudp::rpc_service;

use std::sync::atomic::{AtomicUsize, Ordering};
#[derive(Default)]
struct Seen(AtomicUsize);

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    #[rpc(oneway)]
    fn notify(&self, text: &str);
    fn seen(&self) -> usize;
}

impl Contract for Seen {
    fn notify(&self, text: &str) {
        self.0.fetch_add(text.len(), Ordering::SeqCst);
    }
    fn seen(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Seen::default())).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    client.notify("abc").await?;
    while client.seen().await? == 0 {}
    assert_eq!(client.seen().await?, 3);
    Ok(())
}
