//! The test of README.md, for readers to copy. `documents.rs` checks that both are the same.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rpcudp::sim::{Conditions, Network};
use rpcudp::{Endpoint, rpc_service};

#[rpc_service]
trait Account {
    /// Adds to the balance and returns the new balance.
    #[rpc(at_most_once, timeout = "1m")]
    fn deposit(&self, cents: u64) -> u64;
}

#[derive(Default)]
struct Balance(AtomicU64);

impl Account for Balance {
    fn deposit(&self, cents: u64) -> u64 {
        self.0.fetch_add(cents, Ordering::Relaxed) + cents
    }
}

/// Binds a server to 10.0.0.1, and a client of it to 10.0.0.2.
fn on(network: &Network) -> (Endpoint, AccountClient) {
    let bind = |addr| network.bind(addr).expect("the address is free");
    let server = Endpoint::builder().serve(AccountServer::new(Balance::default()));
    let server = server.bind_transport(bind("10.0.0.1:7000")).unwrap();
    let endpoint = Endpoint::builder().bind_transport(bind("10.0.0.2:7000")).unwrap();
    let client = AccountClient::new(&endpoint, server.local_addr());
    (server, client)
}

#[tokio::test(start_paused = true)]
async fn a_deposit_is_made_once_on_a_bad_network() {
    for seed in 0..20 {
        let network = Network::new(seed);
        let bad = Conditions::default().loss(0.3).duplication(0.2).reordering(0.2);
        network.set_conditions(bad.latency(Duration::from_millis(20)).jitter(Duration::from_millis(20)));
        let (_server, account) = on(&network);
        for cents in 1..=10 {
            assert_eq!(account.deposit(1).await.unwrap(), cents, "seed {seed}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_succeeds_once_a_partition_heals() {
    let network = Network::new(1);
    let (server, account) = on(&network);
    network.partition([server.local_addr().ip()]);
    let deposit = tokio::spawn(account.deposit(5));
    tokio::time::sleep(Duration::from_secs(30)).await; // of virtual time
    network.heal();
    assert_eq!(deposit.await.unwrap().unwrap(), 5);
}
