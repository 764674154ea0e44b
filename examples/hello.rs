//! A server and a client in one process.
//!
//!     cargo run --example hello

use rpcudp::{Context, Endpoint, rpc_service};

/// The contract that both sides compile against.
#[rpc_service]
pub trait Greeter {
    /// Greets, and says where the caller lives.
    fn sayhi(&self, cx: &Context, name: &str) -> String;
}

struct Hello;

impl Greeter for Hello {
    fn sayhi(&self, cx: &Context, name: &str) -> String {
        format!("Hello {name} you live at {}", cx.sender())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Endpoint::builder().serve(GreeterServer::new(Hello)).bind("127.0.0.1:0").await?;

    let endpoint = Endpoint::bind("127.0.0.1:0").await?;
    let greeter = GreeterClient::new(&endpoint, server.local_addr());
    println!("{}", greeter.sayhi("Snake Plissken").await?);
    Ok(())
}
