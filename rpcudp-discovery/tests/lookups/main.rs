//! Names that a real DNS server resolves: dnsmasq, whose zone the tests change.
//!
//! This needs Linux and the program `dnsmasq` (Debian: dnsmasq-base); the test of the system's
//! resolver needs `ip`, `unshare` and root too. Tests are skipped without them and print `SKIPPED`.
#![cfg(target_os = "linux")]

mod dnsmasq;
mod records;
mod system;

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::time::Duration;

use rpcudp::{Change, Peers};
use tokio::time::timeout;

use crate::dnsmasq::Dnsmasq;

/// Far above the time that a change takes. A test that reaches it fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// The addresses that a source has named, in the view of its user.
struct View {
    peers: Peers,
    addresses: BTreeSet<String>,
}

impl View {
    fn of(peers: Peers) -> Self {
        Self { peers, addresses: BTreeSet::new() }
    }

    /// Follows the source until it has named exactly these addresses.
    async fn becomes(&mut self, expected: &[&str]) {
        let expected: BTreeSet<String> = expected.iter().map(|addr| (*addr).to_owned()).collect();
        let followed = timeout(PATIENCE, async {
            while self.addresses != expected {
                self.next().await;
            }
        });
        assert!(followed.await.is_ok(), "{:?} did not become {expected:?}", self.addresses);
    }

    /// Follows the source until it reports a failure, and returns its text.
    async fn fails(&mut self) -> String {
        let failure = timeout(PATIENCE, async {
            loop {
                if let Some(error) = self.next().await {
                    return error;
                }
            }
        });
        failure.await.expect("a failure")
    }

    async fn next(&mut self) -> Option<String> {
        match self.peers.next_change().await.expect("the source goes on") {
            Change::Insert(addr) => drop(self.addresses.insert(addr.to_string())),
            Change::Remove(addr) => drop(self.addresses.remove(&addr.to_string())),
            Change::Failed(error) => return Some(error.to_string()),
            other => panic!("{other:?}"),
        }
        None
    }
}

fn print_skipped(reason: &str) {
    // The test runner hides the output of `eprintln` if the test passes.
    io::stderr().write_all(format!("\nSKIPPED: {reason}\n").as_bytes()).expect("stderr can be written to");
}

/// Whether `dnsmasq` is missing, which it then prints.
fn is_missing() -> bool {
    let is_missing = Dnsmasq::is_missing();
    if is_missing {
        print_skipped("names that change need dnsmasq (apt install dnsmasq-base)");
    }
    is_missing
}
