//! What a node does without being asked: it meets strangers, hands values to newcomers, and keeps everything fresh.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::node::rpc_client::{Peers, Want};
use crate::node::shared::Doubt;
use crate::stats::Count;
use crate::{Contact, Key, NodeId, Value};

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

/// Hands newcomers what they are nearer to than we are, one newcomer after the other.
pub(crate) async fn hand_over(peers: Peers, mut newcomers: mpsc::Receiver<Contact>) {
    while let Some(newcomer) = newcomers.recv().await {
        peers.hand_over_to(newcomer).await;
    }
}

/// Keeps the table and the values fresh, for ever. `joined` is told when the node has come into a network.
pub(crate) async fn refresh(peers: Peers, joined: Arc<Notify>) {
    let Peers { local, .. } = &peers;
    let config = &local.config;
    let shortest = config.refresh_after.min(config.republish_after).min(config.expire_after);
    let tick = (shortest / 8).clamp(MIN_TICK, MAX_TICK);
    loop {
        tokio::select! {
            () = sleep(local.vary(tick)) => peers.refresh().await,
            () = joined.notified() => peers.explore().await,
        }
    }
}

/// How often a node looks for what is to be done, at the most and at the least.
const MIN_TICK: Duration = Duration::from_secs(1);
const MAX_TICK: Duration = Duration::from_secs(60);

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

    /// Stores at a newcomer what it is among the k nearest to and we are the nearest to, of those that we know: one of
    /// those that have a value hands it over, and not all of them (section 2.5 of the paper).
    async fn hand_over_to(&self, newcomer: Contact) {
        let Self { local, .. } = self;
        let mut after = None;
        loop {
            let keys = local.shelf.records().keys_after(after, KEYS_AT_ONCE);
            let Some(last) = keys.last() else { return };
            after = Some(*last);
            for key in keys.into_iter().filter(|key| self.is_ours_to_hand_over(key, &newcomer)).collect::<Vec<_>>() {
                let Some(value) = local.shelf.find(&key) else { continue };
                if !self.store_at(&newcomer, key, &value).await {
                    // It is gone, or wants no more.
                    return;
                }
                local.counters.one(Count::HandedOver);
            }
            tokio::task::yield_now().await;
        }
    }

    fn is_ours_to_hand_over(&self, key: &Key, newcomer: &Contact) -> bool {
        let Self { local, .. } = self;
        let mut others = local.table().closest(key, local.config.k + 1);
        others.retain(|contact| contact != newcomer);
        others.truncate(local.config.k);
        let is_nearer_than =
            |id: NodeId, other: Option<&Contact>| other.is_none_or(|other| id.distance(key) < other.id.distance(key));
        let farthest = others.get(local.config.k - 1);
        is_nearer_than(local.id, others.first()) && is_nearer_than(newcomer.id, farthest)
    }

    /// Looks through the parts of the network that are farther than our nearest neighbour: we get to know them, and they
    /// us.
    async fn explore(&self) {
        let keys = self.local.table().beyond_the_nearest(&mut *self.local.rng());
        self.look_up_all(keys).await;
    }

    async fn refresh(&self) {
        let Self { local, .. } = self;
        let now = local.now();
        local.counters.add(Count::Expired, local.shelf.expire(now));

        let idle = local.table().idle(now, local.config.refresh_after, &mut *local.rng());
        if !idle.is_empty() {
            // Whoever was silent may have come back, and a part of the network with it.
            let suspects: Vec<_> = local.table().suspects().collect();
            suspects.into_iter().for_each(|suspect| local.doubt(Doubt::Old(suspect)));
        }
        self.look_up_all(idle).await;

        let due = local.shelf.records().republish(now, local.republish_at());
        for key in due {
            if let Some(value) = local.shelf.find(&key) {
                self.republish(key, &value).await;
            }
        }
    }

    async fn look_up_all(&self, keys: Vec<Key>) {
        for key in keys {
            self.search(key, Want::Nodes).await;
        }
    }

    /// Stores a value at the k nearest again, if we are one of them.
    async fn republish(&self, key: Key, value: &Value) {
        let Self { local, .. } = self;
        let closest = self.search(key, Want::Nodes).await.closest;
        let is_ours = closest.len() < local.config.k
            || closest.last().is_none_or(|last| local.id.distance(&key) < last.id.distance(&key));
        if is_ours && self.store_at_all(&closest, key, value).await > 0 {
            local.counters.one(Count::Republished);
        }
    }

    /// Stores a value at all of these at once, and says how many keep it.
    pub(crate) async fn store_at_all(&self, contacts: &[Contact], key: Key, value: &Value) -> usize {
        let mut stores = JoinSet::new();
        for contact in contacts {
            let (peers, contact, value) = (self.clone(), *contact, value.clone());
            stores.spawn(async move { peers.store_at(&contact, key, &value).await });
        }
        let mut count = 0;
        while let Some(is_kept) = stores.join_next().await {
            count += usize::from(is_kept.is_ok_and(|is_kept| is_kept));
        }
        count
    }
}

/// How many keys are looked at before others get their turn.
const KEYS_AT_ONCE: usize = 256;
