//! Every way in which a call can end, provoked.
//!
//!     cargo run --example errors

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;
use std::{error, fmt};

use rpcudp::{BindError, CallError, Endpoint, rpc_service};
use serde::{Deserialize, Serialize};

/// An account that things go wrong with.
#[rpc_service]
pub trait Account {
    /// Succeeds as long as there is money.
    fn withdraw(&self, cents: u64) -> Result<u64, Overdrawn>;
    /// Takes longer than anyone waits.
    #[rpc(timeout = "100ms")]
    async fn audit(&self);
    /// Panics.
    fn close(&self);
    /// Answers more than a datagram carries.
    fn history(&self, entries: &str) -> Vec<u8>;
    /// Takes what msgpack has no room for.
    fn tag(&self, tags: Tags);
}

/// The same account, as somebody remembers it wrongly.
#[rpc_service]
pub trait Misremembered {
    /// The answer is a number.
    #[rpc(name = "withdraw")]
    fn withdraw_text(&self, cents: u64) -> String;
    /// The argument is a text.
    fn history(&self, first: u64, last: u64) -> Vec<u8>;
    /// There is no such method.
    fn deposit(&self, cents: u64);
}

/// How much is missing.
#[derive(Debug, Serialize, Deserialize)]
pub struct Overdrawn {
    by: u64,
}

impl fmt::Display for Overdrawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cents are missing", self.by)
    }
}

impl error::Error for Overdrawn {}

/// Nested deeper than a peer would follow.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Tags(BTreeMap<String, Self>);

struct Hundred;

impl Account for Hundred {
    fn withdraw(&self, cents: u64) -> Result<u64, Overdrawn> {
        100_u64.checked_sub(cents).ok_or_else(|| Overdrawn { by: cents - 100 })
    }

    async fn audit(&self) {
        tokio::time::sleep(Duration::from_secs(60)).await;
    }

    fn close(&self) {
        panic!("this account cannot be closed");
    }

    fn history(&self, _: &str) -> Vec<u8> {
        vec![0; 100_000]
    }

    fn tag(&self, _: Tags) {}
}

/// An address that nobody is at any more.
async fn closed_port() -> Result<SocketAddr, BindError> {
    let endpoint = Endpoint::bind("127.0.0.1:0").await?;
    endpoint.close(Duration::ZERO).await;
    Ok(endpoint.local_addr())
}

fn show<T, E: fmt::Display>(ending: &str, result: Result<T, CallError<E>>) {
    match result {
        Ok(_) => println!("{ending:20} it went well"),
        Err(error) => println!("{ending:20} {error}"),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn error::Error>> {
    // The one panic of this program is part of it, and needs no backtrace.
    std::panic::set_hook(Box::new(|_| {}));

    let server = Endpoint::builder().serve(AccountServer::new(Hundred)).max_handlers(1).bind("127.0.0.1:0").await?;
    let endpoint = Endpoint::builder().max_calls(2).bind("127.0.0.1:0").await?;
    let account = AccountClient::new(&endpoint, server.local_addr());
    let misremembered = MisrememberedClient::new(&endpoint, server.local_addr());

    show("a value", account.withdraw(30).await);
    show("application", account.withdraw(130).await);
    show("timeout", account.audit().await);
    show("unreachable", account.with_peer(closed_port().await?).withdraw(30).await);

    show("unknown method", misremembered.deposit(1).await);
    show("malformed arguments", misremembered.history(u64::MAX, u64::MAX).await);
    show("busy", account.audit().await);
    show("panicked", account.close().await);
    show("response too large", account.history("every entry since the beginning").await);

    show("undecodable", misremembered.withdraw_text(30).await);
    show("request too large", account.history(&"x".repeat(8_192)).await);
    let deep = (0..200).fold(Tags::default(), |inner, _| Tags([("in".into(), inner)].into()));
    show("unencodable", account.tag(deep).await);
    show("socket", account.with_peer("127.0.0.1:0".parse()?).withdraw(30).await);

    let (one, other, third) = tokio::join!(account.audit(), account.audit(), account.withdraw(30));
    show("too many calls", third);
    drop((one, other));

    endpoint.close(Duration::ZERO).await;
    show("closed", account.withdraw(30).await);
    Ok(())
}
