//! Mutable state in a lock.

use rpcudp::rpc_service;

use std::sync::{Mutex, PoisonError};
#[derive(Default)]
struct Stack(Mutex<Vec<String>>);

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn push(&self, item: String) -> usize;
    async fn pop(&self) -> Option<String>;
}

impl Contract for Stack {
    fn push(&self, item: String) -> usize {
        let mut items = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        items.push(item);
        items.len()
    }
    async fn pop(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Stack::default())).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.push("a".into()).await?, 1);
    assert_eq!((client.pop().await?, client.pop().await?), (Some("a".into()), None));
    Ok(())
}
