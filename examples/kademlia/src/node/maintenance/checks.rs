use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::Contact;
use crate::node::rpc_client::RpcClient;
use crate::node::shared::{Check, Purpose};
use crate::stats::Counter;

/// Runs the queued checks, up to `MAX_CONCURRENT_CHECKS` at a time.
pub(crate) async fn run_checks(rpc: RpcClient, mut checks: mpsc::Receiver<Check>) {
    let mut in_flight = JoinSet::new();
    while let Some(check) = checks.recv().await {
        while in_flight.len() >= MAX_CONCURRENT_CHECKS {
            in_flight.join_next().await;
        }
        while in_flight.try_join_next().is_some() {}
        let rpc = rpc.clone();
        in_flight.spawn(async move { rpc.run_check(check).await });
    }
}

/// Validates the introduced contacts. Each holds a place only for a short time, so the task does
/// not wait for one.
pub(crate) async fn run_introductions(rpc: RpcClient) {
    let mut in_flight = JoinSet::new();
    loop {
        rpc.shared.introduced.notified().await;
        while in_flight.try_join_next().is_some() {}
        while let Some(contact) = rpc.shared.next_introduction() {
            let rpc = rpc.clone();
            in_flight.spawn(async move { rpc.run_introduction(contact).await });
        }
    }
}

/// The number of checks that run at a time. If no node responds within the timeout of 2 s, this is
/// 16 checks a second.
const MAX_CONCURRENT_CHECKS: usize = 32;

impl RpcClient {
    async fn run_introduction(&self, contact: Contact) {
        if self.shared.is_validated(&contact) {
            self.shared.handle_validated(contact);
        } else {
            self.validate_caller(contact, Purpose::Introduction).await;
        }
    }

    async fn run_check(&self, check: Check) {
        let Self { shared, .. } = self;
        match check {
            Check::Questionable(contact) => drop(self.validate(contact).await),
            Check::IdConflict { holder, claimant } => {
                if !self.validate(holder).await {
                    // The holder does not respond or has another id now, so the claimant takes its
                    // place.
                    shared.table().remove_addr(holder.addr);
                    shared.handle_validated(claimant);
                } else {
                    shared.counters.increment(Counter::WrongId);
                }
            }
        }
    }
}
