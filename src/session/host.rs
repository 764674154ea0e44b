use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout_at};

use super::catalogue::compare;
use super::contract::{Hosting, VERSION};
use super::effects::carry_out;
use super::join_response::{JoinRefusal, JoinResponse};
use super::keep_response::KeepResponse;
use super::required::Required;
use super::roster::Roster;
use super::roster::end_reason::EndReason;
use super::roster::request::{JoinRequest, Joined, KeepRequest, Standing};
use super::roster::session_id::{Credential, SessionId};
use crate::clock::now;
use crate::endpoint::shared::Shared;
use crate::server::context::Context;

/// The service of an endpoint that has sessions.
#[derive(Debug)]
pub(crate) struct Host {
    roster: Arc<Roster>,
}

impl Host {
    pub(crate) fn new(roster: Arc<Roster>) -> Self {
        Self { roster }
    }

    /// Returns whether a token shows that the peer receives at its address.
    fn confirm(&self, shared: &Shared, addr: SocketAddr, token: Option<u64>, now: Instant) -> bool {
        let is_confirmed = token.is_some_and(|token| self.roster.challenge.is_valid(token, addr, now));
        if is_confirmed {
            // The token reached the peer at its address, as a request to the peer would have.
            shared.limiter().validate(addr, now);
        }
        is_confirmed
    }

    fn begin(&self, request: &JoinRequest, now: Instant) -> Joined {
        let mut table = self.roster.table();
        let before = table.next_expiry();
        let joined = table.join(request, now);
        let is_due_earlier = table.next_expiry().is_some_and(|next| before.is_none_or(|before| next < before));
        drop(table);
        if is_due_earlier {
            self.roster.on_expiry.notify_one();
        }
        joined
    }

    fn place(&self, session: Credential, pool: usize) -> Result<JoinResponse, JoinRefusal> {
        let mut table = self.roster.table();
        match table.report(session) {
            Standing::At(position) => {
                let lease = millis(table.limits(pool).lease);
                Ok(JoinResponse::Place { session, lease, position: position as u64 })
            }
            Standing::Ended(reason) => Err(JoinRefusal::Ended(reason)),
            Standing::Unconfirmed | Standing::Unknown => Err(JoinRefusal::Ended(EndReason::Expired)),
        }
    }
}

impl Hosting for Host {
    fn join(
        &self,
        cx: &Context,
        version: u32,
        pool: &str,
        key: u64,
        methods: Required<'_>,
        token: Option<u64>,
    ) -> Result<JoinResponse, JoinRefusal> {
        if version != VERSION {
            return Err(JoinRefusal::Version(VERSION));
        }
        let pool = self.roster.table().pool(pool);
        let Some(pool) = pool else { return Err(JoinRefusal::Pool) };
        let Context { shared, sender: addr, link, .. } = cx;
        let (addr, link, now) = (*addr, link.clone(), now());
        // The peer at the other end of a link has proven its key, to which the session will belong.
        let is_confirmed = link.is_some() || self.confirm(shared, addr, token, now);
        let is_trusted = !shared.config.limits.applies_to(addr);
        if link.is_some() || is_trusted || shared.limiter().is_validated(addr, now) {
            compare(shared, &methods)?;
        }
        // A validated source is a host or a network: it does not show that this port receives.
        let id = SessionId(shared.calls.random());
        match self.begin(&JoinRequest { addr, link, pool, key, is_confirmed, is_trusted, id }, now) {
            Joined::Unconfirmed => Ok(JoinResponse::Challenge { token: self.roster.challenge.token(addr, now) }),
            Joined::Full { capacity, queue } => {
                Err(JoinRefusal::Full { capacity: capacity as u64, queue: queue as u64 })
            }
            Joined::Session(session) => {
                carry_out(shared, &self.roster);
                self.place(session, pool)
            }
        }
    }

    fn keep(
        &self,
        cx: &Context,
        session: Credential,
        number: Option<u64>,
        token: Option<u64>,
    ) -> Result<KeepResponse, EndReason> {
        let (addr, link, now) = (cx.sender, cx.link.clone(), now());
        let is_confirmed = link.is_some() || self.confirm(&cx.shared, addr, token, now);
        let (standing, lease) = {
            let mut table = self.roster.table();
            let standing = table.keep(&KeepRequest { addr, link, session, number, is_confirmed }, now);
            (standing, table.lease_of(session))
        };
        carry_out(&cx.shared, &self.roster);
        match standing {
            Standing::At(position) => {
                Ok(KeepResponse::Kept { lease: millis(lease.unwrap_or_default()), position: position as u64 })
            }
            Standing::Unconfirmed => Ok(KeepResponse::Challenge { token: self.roster.challenge.token(addr, now) }),
            Standing::Ended(reason) => Err(reason),
            Standing::Unknown => Err(EndReason::Expired),
        }
    }

    fn leave(&self, cx: &Context, session: Credential) -> Result<(), EndReason> {
        let is_known = self.roster.table().leave(session, cx.link.as_ref());
        carry_out(&cx.shared, &self.roster);
        if is_known { Ok(()) } else { Err(EndReason::Expired) }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Ends the sessions that expire, until the endpoint closes.
pub(crate) async fn expire(shared: Weak<Shared>, roster: Arc<Roster>) {
    // Lateness of the timer above which the process must have been paused.
    const MAX_LATENESS: Duration = Duration::from_millis(100);
    loop {
        let next = roster.table().next_expiry();
        match next {
            None => roster.on_expiry.notified().await,
            Some(at) if timeout_at(at.into(), roster.on_expiry.notified()).await.is_ok() => {}
            Some(at) => {
                if now().saturating_duration_since(at) > MAX_LATENESS {
                    // Requests that keep sessions alive are in the socket's receive buffer.
                    sleep(MAX_LATENESS).await;
                }
                let Some(shared) = shared.upgrade() else { return };
                roster.table().expire(now());
                carry_out(&shared, &roster);
            }
        }
        if shared.upgrade().is_none_or(|shared| shared.lifecycle.is_closing()) {
            return;
        }
    }
}
