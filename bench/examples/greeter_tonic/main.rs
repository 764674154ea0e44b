//! The README's example in tonic. `compile` builds it, and `cargo run --example greeter_tonic` runs
//! it.
//!
//! The messages are as prost would generate them from a .proto file. The application's error is
//! part of the response.

use std::time::Duration;

use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Endpoint, Server};
use tonic::{Request, Response, Status};

use self::generated::greeter_client::GreeterClient;
use self::generated::greeter_server::{Greeter, GreeterServer};

#[allow(clippy::allow_attributes_without_reason, missing_debug_implementations, reason = "tonic generates this code")]
#[allow(unreachable_pub, unused_qualifications, reason = "tonic generates this code")]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/greeter.Greeter.rs"));
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Name {
    #[prost(string, tag = "1")]
    name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Greeting {
    #[prost(string, tag = "1")]
    greeting: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Key {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Value {
    #[prost(bytes = "vec", optional, tag = "1")]
    value: Option<Vec<u8>>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Cents {
    #[prost(uint64, tag = "1")]
    cents: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Withdrawn {
    #[prost(oneof = "Withdrawal", tags = "1, 2")]
    withdrawal: Option<Withdrawal>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Withdrawal {
    #[prost(uint64, tag = "1")]
    Left(u64),
    #[prost(uint64, tag = "2")]
    OverdrawnBy(u64),
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Rumour {
    #[prost(string, tag = "1")]
    about: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Nothing {}

struct Hello;

#[tonic::async_trait]
impl Greeter for Hello {
    async fn sayhi(&self, request: Request<Name>) -> Result<Response<Greeting>, Status> {
        let caller = request.remote_addr().ok_or_else(|| Status::internal("a caller without an address"))?;
        let greeting = format!("Hello {} you live at {caller}", request.get_ref().name);
        Ok(Response::new(Greeting { greeting }))
    }

    async fn lookup(&self, request: Request<Key>) -> Result<Response<Value>, Status> {
        let value = (request.get_ref().key == b"answer").then(|| vec![42]);
        Ok(Response::new(Value { value }))
    }

    async fn withdraw(&self, request: Request<Cents>) -> Result<Response<Withdrawn>, Status> {
        let cents = request.get_ref().cents;
        let left = 100_u64.checked_sub(cents).map(Withdrawal::Left);
        let withdrawal = Some(left.unwrap_or_else(|| Withdrawal::OverdrawnBy(cents - 100)));
        Ok(Response::new(Withdrawn { withdrawal }))
    }

    async fn gossip(&self, request: Request<Rumour>) -> Result<Response<Nothing>, Status> {
        println!("have you heard of {}?", request.get_ref().about);
        Ok(Response::new(Nothing {}))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    let server = Server::builder().add_service(GreeterServer::new(Hello));
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));

    let channel = Endpoint::try_from(format!("http://{addr}"))?.connect().await?;
    let mut greeter = GreeterClient::new(channel);
    println!("{}", greeter.sayhi(Name { name: "Snake Plissken".into() }).await?.get_ref().greeting);
    let mut lookup = Request::new(Key { key: b"answer".into() });
    lookup.set_timeout(Duration::from_millis(300));
    println!("{:?}", greeter.lookup(lookup).await?.get_ref().value);
    greeter.gossip(Rumour { about: "the president".into() }).await?;
    match greeter.withdraw(Cents { cents: 130 }).await?.get_ref().withdrawal {
        Some(Withdrawal::OverdrawnBy(by)) => println!("{by} cents are missing"),
        ref other => println!("{other:?}"),
    }
    Ok(())
}
