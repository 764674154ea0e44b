//! A server and a client in one process.
//!
//!     cargo run --example hello

use rpcudp::{Context, Endpoint, rpc_service};

/// The contract. `#[rpc_service]` generates `GreeterServer` and `GreeterClient` from it.
#[rpc_service]
pub trait Greeter {
    /// Returns a greeting with the caller's address.
    fn sayhi(&self, cx: &Context, name: &str) -> String;
}

/// The server's implementation of the contract.
struct Hello;

impl Greeter for Hello {
    fn sayhi(&self, cx: &Context, name: &str) -> String {
        format!("Hello {name} you live at {}", cx.sender())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Port 0 takes a free port.
    let server = Endpoint::builder().serve(GreeterServer::new(Hello)).bind("127.0.0.1:0").await?;

    let endpoint = Endpoint::bind("127.0.0.1:0").await?;
    let greeter = GreeterClient::new(&endpoint, server.local_addr());
    // The client has a method for each method of the trait, without the context.
    println!("{}", greeter.sayhi("Snake Plissken").await?);
    Ok(())
}
