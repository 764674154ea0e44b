//! The consequences of changes among an endpoint's sessions: hooks, events, notices to peers.

use std::sync::Arc;

use rpcudp_core::{Counter, Request, codec};
use rpcudp_transport::SendBatch;
use serde::Serialize;
use tracing::field::display;

use super::roster::Roster;
use super::roster::effect::Effect;
use super::roster::end_reason::{EndReason, bounded_text};
use super::roster::event::SessionEvent;
use super::roster::member::{Data, Member};
use crate::clock::now;
use crate::endpoint::shared::Shared;
use crate::group::change::Change;
use crate::group::shared::GroupShared;
use crate::panic::{Panicked, catch};

/// Carries out the effects that the table has queued, and sends the notices to peers together.
pub(crate) fn carry_out(shared: &Shared, roster: &Roster) {
    let mut effects = Effects { shared, roster, notices: SendBatch::new() };
    roster.drain(|effect| {
        // Hooks are caught one by one. The last handle to a member drops the program's data.
        if let Err(Panicked) = catch(|| effects.carry_out(effect)) {
            log_panic(shared, "the session's data", None);
        }
    });
    let Effects { mut notices, .. } = effects;
    if !notices.is_empty() {
        shared.send_queues.at(0).send_batch(&mut notices);
    }
}

struct Effects<'a> {
    shared: &'a Shared,
    roster: &'a Roster,
    notices: SendBatch,
}

impl Effects<'_> {
    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Enter { pool, key, member } => {
                let data = self.enter(pool, &member);
                self.roster.table().enter(key, data);
            }
            Effect::Joined { pool, member, waited } => self.joined(pool, member, waited),
            Effect::Moved { pool, member, from } => {
                tracing::debug!(target: "rpcudp", session = %member.id(), peer = %member.addr(), %from, "session moved");
                if member.link().is_none() {
                    self.leave_group(pool, &member, from);
                }
                self.enter_group(pool, &member);
                self.roster.publish(SessionEvent::Moved { member, from });
            }
            Effect::Ended { pool, member, reason, was_member } => self.ended(pool, member, reason, was_member),
            Effect::Grouped(pool) => {
                let Some(group) = self.roster.pool(pool).group.get() else { return };
                let members = self.roster.table().members(pool);
                members.iter().for_each(|member| group.apply(inserted(member)));
                group.publish();
            }
            Effect::Closed => {
                self.roster.groups().for_each(|group| group.clear());
                self.roster.end_events();
            }
        }
    }

    /// Calls the hook for joining.
    fn enter(&self, pool: usize, member: &Member) -> Result<Data, String> {
        let Some(on_join) = &self.roster.pool(pool).hooks.on_join else { return Ok(Arc::new(())) };
        match catch(|| on_join(member)) {
            Ok(data) => data.map_err(bounded_text),
            Err(Panicked) => {
                log_panic(self.shared, "Sessions::on_join", Some(member));
                Err("the hook for joining panicked".into())
            }
        }
    }

    fn joined(&mut self, pool: usize, member: Member, waited: bool) {
        tracing::debug!(target: "rpcudp", session = %member.id(), peer = %member.addr(), pool = member.pool(), "session joined");
        if waited {
            self.notify(&member, "rpc.joined", None);
        }
        self.enter_group(pool, &member);
        self.roster.publish(SessionEvent::Joined(member));
    }

    fn ended(&mut self, pool: usize, member: Member, reason: EndReason, was_member: bool) {
        tracing::debug!(target: "rpcudp", session = %member.id(), peer = %member.addr(), pool = member.pool(), %reason, "session ended");
        if reason != EndReason::Left {
            self.notify(&member, "rpc.ended", Some(&reason));
        }
        if !was_member {
            return;
        }
        // The streams of an endpoint that closes go on for its grace, as its handlers do.
        #[cfg(feature = "secure")]
        if reason != EndReason::Closing {
            member.streams().end();
        }
        // A group that closes is emptied at once.
        if reason != EndReason::Closing {
            self.leave_group(pool, &member, member.source());
        }
        if let Some(on_end) = &self.roster.pool(pool).hooks.on_end
            && let Err(Panicked) = catch(|| on_end(&member, &reason))
        {
            log_panic(self.shared, "Sessions::on_end", Some(&member));
        }
        self.roster.publish(SessionEvent::Ended { member, reason });
    }

    fn enter_group(&self, pool: usize, member: &Member) {
        if let Some(group) = self.roster.pool(pool).group.get() {
            group.apply(inserted(member));
            group.publish();
        }
    }

    /// Removes an address, or the key that it stands for, from the group, unless another session
    /// has it by now.
    fn leave_group(&self, pool: usize, member: &Member, source: std::net::SocketAddr) {
        let Some(group) = self.roster.pool(pool).group.get() else { return };
        if self.roster.find(pool, source).is_none_or(|other| other == *member && member.end().is_some()) {
            group.remove(source);
        }
    }

    /// Queues a oneway request to the peer of a session.
    fn notify(&mut self, member: &Member, method: &str, reason: Option<&EndReason>) {
        let Ok(id) = self.shared.calls.oneway_id() else { return };
        let dialect = self.shared.config.dialect;
        let write = |out: &mut Vec<u8>| {
            let start = out.len();
            Request::begin(out, dialect, method, 1 + u32::from(reason.is_some()));
            append(out, &member.credential());
            if let Some(reason) = reason {
                append(out, reason);
            }
            Request::set_id(&mut out[start..], id);
        };
        match (member.link(), &self.shared.links) {
            (Some(link), Some(links)) => {
                let mut frame = Vec::new();
                write(&mut frame);
                // A member without a link learns the same from its next request.
                let _ = links.send_call(&links.target_back(member.addr(), link), &frame, None);
            }
            _ => drop(self.notices.write(member.addr(), None, write)),
        }
        self.shared.counters.add(Counter::CallsStarted, 1);
        self.shared.counters.add(Counter::CallsOneway, 1);
    }
}

/// Logs the panic of a hook, at most once a second.
fn log_panic(shared: &Shared, hook: &str, member: Option<&Member>) {
    let Some(suppressed) = shared.log_limits.session_hook.pass(now()) else { return };
    let suppressed = (suppressed > 0).then_some(suppressed);
    let (session, peer) = (member.map(Member::id).map(display), member.map(Member::addr).map(display));
    tracing::error!(target: "rpcudp", hook, session, peer, suppressed, "a session hook panicked");
}

/// Returns the change of a group that a new member, or a new address of a member, makes.
fn inserted(member: &Member) -> Change {
    #[cfg(feature = "secure")]
    if let Some(key) = member.peer_id() {
        return Change::InsertSecure(member.addr(), key);
    }
    Change::Insert(member.addr())
}

fn append(out: &mut Vec<u8>, value: &impl Serialize) {
    codec::encode(out, value).expect("numbers and a text can be encoded");
}

/// Returns the group of a pool's members. Created by the first call.
pub(crate) fn group(shared: &Shared, roster: &Roster, pool: usize) -> Arc<GroupShared> {
    let mut is_new = false;
    let group = Arc::clone(roster.pool(pool).group.get_or_init(|| {
        is_new = true;
        let limits = roster.table().limits(pool).clone();
        let (seed, links) = (shared.calls.random(), shared.links.clone());
        Arc::new(GroupShared::with_max_count("the members".into(), seed, links, limits.capacity))
    }));
    // An event on another thread may have published the group meanwhile, without earlier members.
    if is_new {
        roster.table().push_group(pool);
        carry_out(shared, roster);
    }
    group
}
