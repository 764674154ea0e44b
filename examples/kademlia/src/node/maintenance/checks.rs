use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::node::rpc_client::Peers;
use crate::node::shared::Doubt;
use crate::stats::Count;

/// Deals with doubts as they come, several at once.
pub(crate) async fn meet(peers: Peers, mut doubts: mpsc::Receiver<Doubt>) {
    let mut under_way = JoinSet::new();
    while let Some(doubt) = doubts.recv().await {
        while under_way.len() >= MAX_MEETINGS {
            under_way.join_next().await;
        }
        while under_way.try_join_next().is_some() {}
        let peers = peers.clone();
        under_way.spawn(async move { peers.settle(doubt).await });
    }
}

/// How many strangers are asked at once: with pings that nobody answers for two seconds, 16 a second.
const MAX_MEETINGS: usize = 32;

impl Peers {
    async fn settle(&self, doubt: Doubt) {
        let Self { local, .. } = self;
        match doubt {
            Doubt::Stranger(stranger) => {
                if local.is_proven(&stranger) {
                    local.welcome(stranger);
                } else {
                    self.prove_stranger(stranger).await;
                }
                local.introductions().unqueue(stranger.addr);
            }
            Doubt::Old(old) => drop(self.prove(old).await),
            Doubt::Rival { holder, claimant } => {
                if !self.prove(holder).await {
                    // It is silent or has another id: either way the id is not its any more.
                    local.table().remove_addr(holder.addr);
                    local.welcome(claimant);
                } else {
                    local.counters.one(Count::WrongId);
                }
            }
        }
    }
}
