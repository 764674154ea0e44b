//! Calls without async: the endpoints start their own threads, and `wait` blocks until the call has
//! completed.
//!
//!     cargo run --example blocking

use std::time::Duration;

use rpcudp::{Endpoint, rpc_service};

/// The contract.
#[rpc_service]
pub trait Calculator {
    /// Returns the sum of the numbers.
    fn sum(&self, numbers: &[i64]) -> i64;
}

struct Abacus;

impl Calculator for Abacus {
    fn sum(&self, numbers: &[i64]) -> i64 {
        numbers.iter().sum()
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Endpoint::builder().serve(CalculatorServer::new(Abacus)).bind("127.0.0.1:0").wait()?;

    let endpoint = Endpoint::bind("127.0.0.1:0").wait()?;
    let calculator = CalculatorClient::new(&endpoint, server.local_addr());
    println!("1 + 2 + 3 = {}", calculator.sum(&[1, 2, 3]).wait()?);

    // Running handlers may complete within one second. Errors are the same as in async code.
    server.close(Duration::from_secs(1)).wait();
    let error = calculator.sum(&[]).timeout(Duration::from_millis(100)).wait().unwrap_err();
    println!("after the server has closed: {error}");
    Ok(())
}
