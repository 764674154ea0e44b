//! `?` across calls with and without an error.

use rpcudp::rpc_service;
use serde::{Deserialize, Serialize};

use rpcudp::CallError;
#[derive(Debug, Serialize, Deserialize)]
pub struct Overdrawn;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn balance(&self) -> u64;
    fn withdraw(&self, cents: u64) -> Result<u64, Overdrawn>;
    fn unlock(&self, pin: u16) -> Result<(), u8>;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn balance(&self) -> u64 {
        5
    }
    fn withdraw(&self, cents: u64) -> Result<u64, Overdrawn> {
        5_u64.checked_sub(cents).ok_or(Overdrawn)
    }
    fn unlock(&self, pin: u16) -> Result<(), u8> {
        if pin == 1 { Ok(()) } else { Err(2) }
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    async fn all(client: &ShapeClient, pin: u16) -> Result<u64, CallError<Overdrawn>> {
        client.unlock(pin).await.map_err(|error| error.map_application(|_| Overdrawn))?;
        let cents = client.balance().await?;
        client.withdraw(cents).await
    }
    assert_eq!(all(&client, 1).await.ok(), Some(0));
    assert!(matches!(all(&client, 2).await, Err(CallError::Application(Overdrawn))));
    Ok(())
}
