//! A client of the example `server`, or of `example/server.py` in the Python package. It makes the
//! calls of `example/client.py`, and prints the same lines.
//!
//!     cargo run --example client -- 127.0.0.1:1234
//!
//! With `--storj`, it uses the dialect of `storjrpcudp`.

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
    print(greeter.sayhi_quickly("Fast Snake Plissken").await);
    print(greeter.sayhi_slowly("Slow Snake Plissken").await);
    Ok(())
}

fn print(greeting: Result<String, CallError>) {
    match greeting {
        Ok(greeting) => println!("{greeting}"),
        Err(CallError::Timeout { .. }) => println!("No response received."),
        Err(error) => println!("{error}"),
    }
}
