//! A test on the simulated network: with loss, in virtual time, and the same in every run.
//!
//!     cargo test --example simulated
//!     cargo run --example simulated

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rpcudp::sim::{Conditions, Network};
use rpcudp::{Endpoint, rpc_service};
use tokio::time::Instant;

/// The contract under test.
#[rpc_service]
pub trait Counter {
    /// Adds a number to the sum, once for each call even if its request arrives several times.
    #[rpc(at_most_once, timeout = "1m")]
    fn add(&self, number: u64);
    /// Returns the sum.
    #[rpc(at_least_once)]
    fn sum(&self) -> u64;
}

#[derive(Default)]
struct Sum(AtomicU64);

impl Counter for Sum {
    fn add(&self, number: u64) {
        self.0.fetch_add(number, Ordering::Relaxed);
    }

    fn sum(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Adds the numbers from 1 to 100, one call each, over a network that loses 30 % of the datagrams
/// and duplicates 20 %. Returns the sum.
async fn add_up(seed: u64) -> Result<u64, Box<dyn std::error::Error>> {
    let network = Network::new(seed);
    let lossy = Conditions::default().loss(0.3).duplication(0.2).reordering(0.2);
    network.set_conditions(lossy.latency(Duration::from_millis(20)).jitter(Duration::from_millis(20)));

    // A simulated node takes the place of a UDP socket.
    let server = Endpoint::builder().serve(CounterServer::new(Sum::default()));
    let server = server.bind_transport(network.bind("10.0.0.1:7000")?)?;
    let endpoint = Endpoint::builder().bind_transport(network.bind("10.0.0.2:7000")?)?;
    let counter = CounterClient::new(&endpoint, server.local_addr());

    let start = Instant::now();
    for number in 1..=100 {
        counter.add(number).await?;
    }
    let (lost, elapsed) = (network.stats().lost, start.elapsed());
    println!("seed {seed}: {lost} datagrams lost, {elapsed:?} of virtual time");
    Ok(counter.sum().await?)
}

// `start_paused` makes tokio's time virtual: it advances at once whenever all tasks wait.
#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("the sum is {}", add_up(7).await?);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn each_number_is_added_once() {
    for seed in 0..20 {
        assert_eq!(add_up(seed).await.unwrap(), 5_050, "seed {seed}");
    }
}
