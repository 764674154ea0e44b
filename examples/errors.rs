//! Each variant of `CallError`, provoked on purpose.
//!
//!     cargo run --example errors

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;
use std::{error, fmt};

use rpcudp::{BindError, CallError, Endpoint, rpc_service};
use serde::{Deserialize, Serialize};

/// A contract whose methods fail in different ways.
#[rpc_service]
pub trait Account {
    /// Succeeds up to the balance, and otherwise returns an error of the application.
    fn withdraw(&self, cents: u64) -> Result<u64, Overdrawn>;
    /// Takes longer than its timeout.
    #[rpc(timeout = "100ms")]
    async fn audit(&self);
    /// Panics.
    fn close(&self);
    /// Returns more bytes than fit into a datagram.
    fn history(&self, entries: &str) -> Vec<u8>;
    /// Takes an argument that cannot be encoded.
    fn tag(&self, tags: Tags);
}

/// The same contract with mistakes, as in a client of another version.
#[rpc_service]
pub trait OutdatedAccount {
    /// Expects text, but the server returns a number.
    #[rpc(name = "withdraw")]
    fn withdraw_text(&self, cents: u64) -> String;
    /// Sends two numbers, but the server takes one text.
    fn history(&self, first: u64, last: u64) -> Vec<u8>;
    /// Does not exist on the server.
    fn deposit(&self, cents: u64);
}

/// The application's own error. Callers receive it as a value.
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

/// A nested map, which may be nested too deeply to encode.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Tags(BTreeMap<String, Self>);

/// An account with a balance of 100 cents.
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

/// Returns an address at which no socket is bound.
async fn closed_port() -> Result<SocketAddr, BindError> {
    let endpoint = Endpoint::bind("127.0.0.1:0").await?;
    endpoint.close(Duration::ZERO).await;
    Ok(endpoint.local_addr())
}

fn show<T, E: fmt::Display>(outcome: &str, result: Result<T, CallError<E>>) {
    match result {
        Ok(_) => println!("{outcome:20} the call succeeded"),
        Err(error) => println!("{outcome:20} {error}"),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn error::Error>> {
    // The panic of `close` is intended, so its message is not printed.
    std::panic::set_hook(Box::new(|_| {}));

    let server = Endpoint::builder().serve(AccountServer::new(Hundred)).max_handlers(1).bind("127.0.0.1:0").await?;
    let endpoint = Endpoint::builder().max_calls(2).bind("127.0.0.1:0").await?;
    let account = AccountClient::new(&endpoint, server.local_addr());
    let outdated = OutdatedAccountClient::new(&endpoint, server.local_addr());

    show("a value", account.withdraw(30).await);
    show("application", account.withdraw(130).await);
    // The handler goes on after the timeout, and takes the only place for async handlers.
    show("timeout", account.audit().await);
    show("unreachable", account.with_peer(closed_port().await?).withdraw(30).await);

    // The server refuses the request.
    show("unknown method", outdated.deposit(1).await);
    show("malformed arguments", outdated.history(u64::MAX, u64::MAX).await);
    show("busy", account.audit().await);
    show("panicked", account.close().await);
    show("response too large", account.history("every entry since the beginning").await);

    // The client cannot decode the response, or cannot send the request.
    show("undecodable", outdated.withdraw_text(30).await);
    show("request too large", account.history(&"x".repeat(8_192)).await);
    let deep = (0..200).fold(Tags::default(), |inner, _| Tags([("in".into(), inner)].into()));
    show("unencodable", account.tag(deep).await);
    show("socket", account.with_peer("127.0.0.1:0".parse()?).withdraw(30).await);

    // The endpoint allows two calls in flight.
    let (one, other, third) = tokio::join!(account.audit(), account.audit(), account.withdraw(30));
    show("too many calls", third);
    drop((one, other));

    endpoint.close(Duration::ZERO).await;
    show("closed", account.withdraw(30).await);
    Ok(())
}
