//! Calls the methods of the Python package's own `example/server.py`, whether Python or Rust serves them.
//!
//!     cargo run --example client -- 127.0.0.1:1234
//!
//! With `--storj`, in the dialect of `storjrpcudp`.

mod greeter;

use greeter::GreeterClient;
use rpcudp::{CallError, Dialect, Endpoint};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (storj, addrs): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|argument| argument == "--storj");
    let server = addrs.first().map_or("127.0.0.1:1234", String::as_str).parse()?;
    let dialect = if storj.is_empty() { Dialect::Rpcudp } else { Dialect::Storj };

    let endpoint = Endpoint::builder().dialect(dialect).bind("0.0.0.0:0").await?;
    let greeter = GreeterClient::new(&endpoint, server);
    let (hi, quickly, slowly) = tokio::join!(
        greeter.sayhi("Snake Plissken"),
        greeter.sayhi_quickly("Fast Snake Plissken"),
        greeter.sayhi_slowly("Slow Snake Plissken"),
    );
    for greeting in [hi, quickly, slowly] {
        match greeting {
            Ok(greeting) => println!("{greeting}"),
            // A Python server says nothing where it has no such method.
            Err(CallError::Timeout { .. }) => println!("No response received."),
            Err(error) => println!("{error}"),
        }
    }
    Ok(())
}
