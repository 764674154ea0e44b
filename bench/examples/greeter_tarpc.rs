//! The README's example in tarpc. `compile` builds it, and `cargo run --example greeter_tarpc` runs
//! it.
//!
//! tarpc has no one-way methods and no delivery options: over TCP, retransmission is not needed
//! while the connection lives.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use tarpc::server::{BaseChannel, Channel};
use tarpc::tokio_serde::formats::Bincode;
use tarpc::{client, context, serde_transport::tcp};

/// The contract that both sides compile against.
#[tarpc::service]
pub trait Greeter {
    async fn sayhi(name: String) -> String;
    async fn lookup(key: Vec<u8>) -> Option<Vec<u8>>;
    async fn withdraw(cents: u64) -> Result<u64, Overdrawn>;
    async fn gossip(rumour: Rumour);
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Overdrawn {
    by: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Rumour {
    about: String,
}

#[derive(Clone)]
struct Hello {
    caller: SocketAddr,
}

impl Greeter for Hello {
    async fn sayhi(self, _: context::Context, name: String) -> String {
        format!("Hello {name} you live at {}", self.caller)
    }

    async fn lookup(self, _: context::Context, key: Vec<u8>) -> Option<Vec<u8>> {
        (key == b"answer").then(|| vec![42])
    }

    async fn withdraw(self, _: context::Context, cents: u64) -> Result<u64, Overdrawn> {
        100_u64.checked_sub(cents).ok_or_else(|| Overdrawn { by: cents - 100 })
    }

    async fn gossip(self, _: context::Context, rumour: Rumour) {
        println!("have you heard of {}?", rumour.about);
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut listener = tcp::listen("127.0.0.1:0", Bincode::default).await?;
    let addr = listener.local_addr();
    tokio::spawn(async move {
        while let Some(Ok(transport)) = listener.next().await {
            let Ok(caller) = transport.peer_addr() else { continue };
            let requests = BaseChannel::with_defaults(transport).execute(Hello { caller }.serve());
            tokio::spawn(requests.for_each(async |request| drop(tokio::spawn(request))));
        }
    });

    let transport = tcp::connect(addr, Bincode::default).await?;
    let greeter = GreeterClient::new(client::Config::default(), transport).spawn();
    println!("{}", greeter.sayhi(context::current(), "Snake Plissken".into()).await?);
    let mut soon = context::current();
    soon.deadline = Instant::now() + Duration::from_millis(300);
    println!("{:?}", greeter.lookup(soon, b"answer".into()).await?);
    greeter.gossip(context::current(), Rumour { about: "the president".into() }).await?;
    match greeter.withdraw(context::current(), 130).await? {
        Err(Overdrawn { by }) => println!("{by} cents are missing"),
        other => println!("{other:?}"),
    }
    Ok(())
}
