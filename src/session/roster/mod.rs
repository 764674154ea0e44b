//! The state of the sessions that an endpoint holds for its peers. Imports no file that knows
//! endpoints.

pub(crate) mod challenge;
pub(crate) mod effect;
pub(crate) mod end_reason;
mod ended;
pub(crate) mod event;
pub(crate) mod hooks;
pub(crate) mod member;
pub(crate) mod pool;
pub(crate) mod request;
pub(crate) mod session_id;
pub(crate) mod table;

use std::net::SocketAddr;
use std::sync::{Arc, MutexGuard, OnceLock};
use std::time::Instant;

use rpcudp_core::SessionStats;
use tokio::sync::{Notify, broadcast};

use self::challenge::Challenge;
use self::effect::Effect;
use self::event::SessionEvent;
use self::hooks::Hooks;
use self::member::Member;
use self::pool::PoolLimits;
use self::table::{Counts, Table};
use crate::group::shared::GroupShared;
use crate::links::linked_peer::LinkedPeer;
use crate::lock::Lock;

/// The sessions of an endpoint, shared by its drivers and handles.
#[derive(Debug)]
pub(crate) struct Roster {
    table: Lock<Table>,
    /// The state of each pool beside the table.
    pools: Box<[PoolState]>,
    pub(crate) challenge: Challenge,
    /// `None` when the endpoint is closing, so that subscribers see the end.
    events: Lock<Option<broadcast::Sender<SessionEvent>>>,
    /// Whether a thread carries out effects. One does at a time, so that they stay in order.
    is_draining: Lock<bool>,
    /// Wakes the task that ends sessions, because one is due before all others.
    pub(crate) on_expiry: Notify,
}

/// The state of a pool that is not in the table.
#[derive(Debug)]
pub(crate) struct PoolState {
    pub(crate) hooks: Hooks,
    /// The members as a group, once the program has asked for it.
    pub(crate) group: OnceLock<Arc<GroupShared>>,
}

/// Clears the flag of the thread that carries out effects, also if an effect panics.
struct Draining<'a>(&'a Lock<bool>);

impl Drop for Draining<'_> {
    fn drop(&mut self) {
        *self.0.lock() = false;
    }
}

impl Roster {
    /// Events that are kept for a slow subscriber.
    const MAX_EVENTS: usize = 1_024;

    pub(crate) fn new(pools: Vec<(PoolLimits, Hooks)>, now: Instant) -> Self {
        let (limits, hooks): (Vec<_>, Vec<_>) = pools.into_iter().unzip();
        let state = |hooks| PoolState { hooks, group: OnceLock::new() };
        Self {
            table: Lock::new(Table::new(limits)),
            pools: hooks.into_iter().map(state).collect(),
            challenge: Challenge::new(now),
            events: Lock::new(Some(broadcast::channel(Self::MAX_EVENTS).0)),
            is_draining: Lock::default(),
            on_expiry: Notify::new(),
        }
    }

    /// Locks the table. After a change, call [`drain`](Self::drain) afterwards.
    pub(crate) fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock()
    }

    pub(crate) fn pool(&self, pool: usize) -> &PoolState {
        &self.pools[pool]
    }

    /// Returns the groups that the program has asked for.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &Arc<GroupShared>> {
        self.pools.iter().filter_map(|pool| pool.group.get())
    }

    /// Returns the member of a pool that the table keeps under this address.
    pub(crate) fn find(&self, pool: usize, source: SocketAddr) -> Option<Member> {
        self.table().find(pool, source).cloned()
    }

    /// Returns the member of a pool that has sent a request from an address, or over a link.
    pub(crate) fn sender(&self, pool: usize, addr: SocketAddr, link: Option<&Arc<LinkedPeer>>) -> Option<Member> {
        self.find(pool, LinkedPeer::source_of(link, addr)).filter(|member| member.admits(link))
    }

    /// Fills in the statistics.
    pub(crate) fn fill(&self, stats: &mut SessionStats) {
        let table = self.table();
        let (Counts { joined, ended, challenged, unknown }, (members, waiting)) = (table.counts(), table.population());
        (stats.joined, stats.ended, stats.challenged, stats.unknown) = (joined, ended, challenged, unknown);
        (stats.members, stats.waiting) = (members as u64, waiting as u64);
    }

    /// Carries out all effects that the table has queued, in order. If another thread does so, or
    /// an effect leads here, the effects are left to the loop that runs.
    pub(crate) fn drain(&self, mut carry_out: impl FnMut(Effect)) {
        loop {
            // The table stays locked until the flag is cleared, so no effect is left behind.
            let mut table = self.table();
            let mut is_draining = self.is_draining.lock();
            if *is_draining {
                return;
            }
            let Some(effect) = table.next_effect() else { return };
            *is_draining = true;
            drop((table, is_draining));
            let _draining = Draining(&self.is_draining);
            carry_out(effect);
        }
    }

    /// Subscribes to the events from now on. `None` if the endpoint is closing.
    pub(crate) fn subscribe(&self) -> Option<broadcast::Receiver<SessionEvent>> {
        self.events.lock().as_ref().map(broadcast::Sender::subscribe)
    }

    /// Passes an event to the subscribers.
    pub(crate) fn publish(&self, event: SessionEvent) {
        let sender = self.events.lock().clone();
        // Fails if there is no subscriber.
        let _ = sender.map(|sender| sender.send(event));
    }

    /// Ends the subscriptions after the events so far.
    pub(crate) fn end_events(&self) {
        let sender = self.events.lock().take();
        drop(sender);
    }
}
