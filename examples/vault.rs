//! Encrypted calls between peers that know each other by their keys.
//!
//! The bank accepts links from Alice only, and Alice pins the bank's key. Mallory has a key too,
//! and is refused. Another peer at the bank's address gets no request.
//!
//! ```text
//! cargo run --example vault --features secure
//! ```

use std::collections::HashMap;
use std::error::Error;
use std::sync::Mutex;

use rpcudp::{CallError, Endpoint, Identity, LinkEnd, PeerId, SecureContext, rpc_service};

/// Accounts that belong to keys.
#[rpc_service]
pub trait Vault {
    /// Returns the number of accounts, over either wire.
    fn accounts(&self) -> usize;
    /// Withdraws from the account of the caller's key. Returns the balance. The `SecureContext`
    /// makes it a method that needs a link.
    #[rpc(at_most_once)]
    fn withdraw(&self, cx: &SecureContext, cents: u64) -> Result<u64, String>;
}

struct Bank {
    accounts: Mutex<HashMap<PeerId, u64>>,
}

impl Vault for Bank {
    fn accounts(&self) -> usize {
        self.accounts.lock().unwrap().len()
    }

    fn withdraw(&self, cx: &SecureContext, cents: u64) -> Result<u64, String> {
        let mut accounts = self.accounts.lock().unwrap();
        let balance = accounts.get_mut(&cx.peer_id()).ok_or("no account")?;
        *balance = balance.checked_sub(cents).ok_or_else(|| format!("{balance} cents are left"))?;
        Ok(*balance)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // A program keeps its identity in a file: `Identity::from_pem`, `Identity::to_pem`.
    let (bank, alice, mallory) = (Identity::generate(), Identity::generate(), Identity::generate());
    let bank_id = bank.peer_id();

    let accounts = Mutex::new(HashMap::from([(alice.peer_id(), 1_000)]));
    let server = Endpoint::builder()
        .identity(bank)
        .allow([alice.peer_id()])
        .serve(VaultServer::new(Bank { accounts }))
        .bind("127.0.0.1:0")
        .await?;
    let addr = server.local_addr();

    let endpoint = Endpoint::builder().identity(alice).bind("127.0.0.1:0").await?;
    let vault = VaultClient::secure(&endpoint, addr, bank_id);
    // `String` is no error type, so `?` needs a conversion.
    println!("Alice has {} cents left", vault.withdraw(300).await.map_err(|error| error.to_string())?);
    println!("Alice asks for more: {}", vault.withdraw(900).await.unwrap_err());

    // The plain wire goes on beside, for the methods that need no key.
    let plain = VaultClient::new(&endpoint, addr);
    println!("Accounts: {}", plain.accounts().await?);
    println!("A plain call: {}", plain.withdraw(300).await.unwrap_err());

    let endpoint = Endpoint::builder().identity(mallory).bind("127.0.0.1:0").await?;
    match VaultClient::secure(&endpoint, addr, bank_id).withdraw(300).await {
        Err(CallError::Link { reason: LinkEnd::Refused, .. }) => println!("Mallory was refused"),
        other => panic!("{other:?}"),
    }

    let other_bank = Identity::generate().peer_id();
    match VaultClient::secure(&endpoint, addr, other_bank).withdraw(300).await {
        Err(CallError::WrongPeer { found, .. }) => println!("Another peer answers there: {}", found == bank_id),
        other => panic!("{other:?}"),
    }
    Ok(())
}
