//! A client of the example `server`, or of `example/server.py` in the Python package.
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
    // All three calls are in flight at the same time, through one socket.
    let (hi, quickly, slowly) = tokio::join!(
        greeter.sayhi("Snake Plissken"),
        greeter.sayhi_quickly("Fast Snake Plissken"),
        greeter.sayhi_slowly("Slow Snake Plissken"),
    );
    for greeting in [hi, quickly, slowly] {
        match greeting {
            Ok(greeting) => println!("{greeting}"),
            // A Python server sends no response to a request for an unknown method.
            Err(CallError::Timeout { .. }) => println!("No response received."),
            Err(error) => println!("{error}"),
        }
    }
    Ok(())
}
