//! A test of one's own on the simulated network: a bad one, in virtual time, the same at every run.
//!
//!     cargo test --example simulated
//!     cargo run --example simulated

use std::time::Duration;

use rpcudp::sim::{Conditions, Network};
use rpcudp::{Endpoint, rpc_service};
use tokio::time::Instant;

/// What is tested.
#[rpc_service]
pub trait Counter {
    /// Adds to the sum, once for each call, however often its request arrives.
    #[rpc(at_most_once, timeout = "1m")]
    fn add(&self, number: u64);
    /// The sum so far.
    #[rpc(at_least_once)]
    fn sum(&self) -> u64;
}

#[derive(Default)]
struct Sum(std::sync::atomic::AtomicU64);

impl Counter for Sum {
    fn add(&self, number: u64) {
        self.0.fetch_add(number, std::sync::atomic::Ordering::Relaxed);
    }

    fn sum(&self) -> u64 {
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }
}

/// Adds one to a hundred over a network that loses a third of everything and doubles a fifth. Returns the sum.
async fn add_up(seed: u64) -> Result<u64, Box<dyn std::error::Error>> {
    let network = Network::new(seed);
    let bad = Conditions::default().loss(0.3).duplication(0.2).reordering(0.2);
    network.set_conditions(bad.latency(Duration::from_millis(20)).jitter(Duration::from_millis(20)));

    let server = Endpoint::builder().serve(CounterServer::new(Sum::default()));
    let server = server.bind_transport(network.bind("10.0.0.1:7000")?)?;
    let endpoint = Endpoint::builder().bind_transport(network.bind("10.0.0.2:7000")?)?;
    let counter = CounterClient::new(&endpoint, server.local_addr());

    let start = Instant::now();
    for number in 1..=100 {
        counter.add(number).await?;
    }
    let (lost, took) = (network.stats().lost, start.elapsed());
    println!("seed {seed}: {lost} datagrams were lost, and it took {took:?} of virtual time");
    Ok(counter.sum().await?)
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("the sum is {}", add_up(7).await?);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn everything_is_added_once() {
    for seed in 0..20 {
        assert_eq!(add_up(seed).await.unwrap(), 5_050, "seed {seed}");
    }
}
