use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::node::rpc_client::RpcClient;
use crate::node::shared::Check;
use crate::stats::Counter;

/// Deals with checks as they come, several at once.
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

/// How many strangers are asked at once: with pings that nobody answers for two seconds, 16 a second.
const MAX_CONCURRENT_CHECKS: usize = 32;

impl RpcClient {
    async fn run_check(&self, check: Check) {
        let Self { shared, .. } = self;
        match check {
            Check::Unvalidated(contact) => {
                if shared.is_validated(&contact) {
                    shared.handle_validated(contact);
                } else {
                    self.validate_caller(contact).await;
                }
                shared.validations().dequeue(contact.addr);
            }
            Check::Questionable(old) => drop(self.validate(old).await),
            Check::IdConflict { holder, claimant } => {
                if !self.validate(holder).await {
                    // It is silent or has another id: either way the id is not its any more.
                    shared.table().remove_addr(holder.addr);
                    shared.handle_validated(claimant);
                } else {
                    shared.counters.increment(Counter::WrongId);
                }
            }
        }
    }
}
