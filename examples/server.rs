//! A server with the methods and the greetings of the Python package's `example/server.py`, for
//! Python and Rust clients.
//!
//!     cargo run --example server -- 127.0.0.1:1234
//!
//! With `--storj`, it uses the dialect of `storjrpcudp`. The server publishes its contract.

mod greeter;

use std::time::Duration;

use greeter::{Greeter, GreeterServer};
use rpcudp::{Context, Dialect, Endpoint};

struct Hello;

impl Greeter for Hello {
    fn sayhi_quickly(&self, cx: &Context, name: &str) -> String {
        let sender = cx.sender();
        format!("Hello {name}, you live at {}:{}", sender.ip(), sender.port())
    }

    async fn sayhi_slowly(&self, cx: &Context, name: &str) -> String {
        tokio::time::sleep(Duration::from_secs(2)).await;
        self.sayhi_quickly(cx, name)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (storj, addrs): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|argument| argument == "--storj");
    let addr = addrs.first().map_or("127.0.0.1:1234", String::as_str);
    let dialect = if storj.is_empty() { Dialect::Rpcudp } else { Dialect::Storj };

    // `serve_described` publishes the contract, so that clients can list the methods.
    let server = Endpoint::builder().dialect(dialect).serve_described(GreeterServer::new(Hello)).bind(addr).await?;
    println!("listening on {}", server.local_addr());

    tokio::signal::ctrl_c().await?;
    // Running handlers may complete within three seconds.
    server.close(Duration::from_secs(3)).await;
    Ok(())
}
