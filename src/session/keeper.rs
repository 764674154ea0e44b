use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use rpcudp_core::contract::Contract;
use tokio::sync::oneshot;
use tokio::time::sleep_until;

use super::contract::{HostingClient, VERSION};
use super::join_error::JoinError;
use super::join_response::JoinResponse;
use super::keep_response::KeepResponse;
use super::link::{Inbox, Link};
use super::rejoin::Rejoin;
use super::required::Required;
use super::roster::end_reason::EndReason;
use super::roster::session_id::Credential;
use super::session_state::SessionState;
use crate::client::error::CallError;
use crate::client::refusal::Refusal;
use crate::clock::{later, now};
use crate::endpoint::Endpoint;
use crate::endpoint::weak::WeakEndpoint;

/// The task that joins a server and keeps the session alive.
///
/// It holds no handle to its endpoint while it waits, so that the endpoint closes with the
/// program's last handle.
pub(super) struct Keeper {
    pub(super) endpoint: WeakEndpoint,
    pub(super) link: Arc<Link>,
    pub(super) required: Vec<&'static Contract>,
    pub(super) rejoin: Option<Rejoin>,
    /// Whether the program waits until the session is a member.
    pub(super) waits_for_turn: bool,
    /// The program's future, until it has its result.
    pub(super) first: Option<oneshot::Sender<Result<(), JoinError>>>,
    /// The key under which the endpoint finds the session.
    pub(super) listed: Option<u64>,
}

/// A session that the server has confirmed.
struct Held {
    credential: Credential,
    lease: Duration,
    /// The time at which the last confirmed request was sent. The server's lease began later.
    confirmed: Instant,
    next_keep: Instant,
    /// The number of requests that kept the session alive.
    keep_count: u64,
    /// The number of the last of them that had no response.
    failed_count: u32,
    /// The token by which the server has this side show that it receives at a new address.
    token: Option<u64>,
    /// The number of tokens since the last confirmed request.
    challenge_count: usize,
}

impl Held {
    /// Requests to keep a session alive within a lease. With three, 10,000 members take more than a
    /// fiftieth of a core from their server.
    const KEEPS_PER_LEASE: u32 = 2;

    fn interval(&self) -> Duration {
        self.lease / Self::KEEPS_PER_LEASE
    }

    /// Returns the end of the lease on this side: a twentieth before the earliest end at the
    /// server, so that the peer ends its session first although clocks differ.
    fn expiry(&self) -> Instant {
        later(self.confirmed, self.lease - self.lease / 20)
    }

    /// Returns the time of the next request after one that failed at once: not after the lease.
    fn retry_at(&self, at: Instant) -> Instant {
        later(at, self.interval() / 10).min(self.expiry())
    }
}

impl Keeper {
    /// Challenges after which an attempt to join fails, and requests to keep the session become
    /// rarer. The server changes tokens every few seconds.
    const MAX_CHALLENGES: usize = 4;

    /// The shortest and the longest lease of a server that is accepted.
    const LEASES: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(7 * 24 * 60 * 60)];

    /// The time for the server's response to a peer that leaves.
    const LEAVE_TIMEOUT: Duration = Duration::from_secs(2);

    pub(super) async fn run(mut self) {
        let mut attempt = 0;
        let mut kept_key = None;
        let reason = loop {
            let Some(key) = kept_key.take().or_else(|| self.random()) else { break EndReason::Closing };
            let result = self.join(key).await;
            let reason = match result {
                Ok(held) => {
                    attempt = 0;
                    let reason = self.hold(held).await;
                    self.link.set_credential(None);
                    if !self.may_rejoin(&reason) {
                        break reason;
                    }
                    reason
                }
                Err(error) => {
                    // The server may have begun the session, and its response was lost.
                    kept_key = matches!(error, JoinError::Call(_)).then_some(key);
                    if !error.is_temporary() || self.is_last(attempt) {
                        break self.fail(error);
                    }
                    EndReason::Expired
                }
            };
            if self.is_last(attempt) {
                break reason;
            }
            attempt += 1;
            tracing::debug!(target: "rpcudp", peer = %self.link.peer, attempt, %reason, "session is joined again");
            self.link.set_state(SessionState::Rejoining { attempt });
            if let Some(reason) = self.back_off(attempt).await {
                break reason;
            }
        };
        self.unlist();
        if let Some(first) = self.first.take() {
            let _ = first.send(Err(JoinError::of_end(self.link.peer, reason.clone())));
        }
        self.link.set_state(SessionState::Ended(reason));
    }

    /// Asks the server for a place.
    async fn join(&mut self, key: u64) -> Result<Held, JoinError> {
        let link = Arc::clone(&self.link);
        let peer = link.peer;
        let methods = self.required.iter().flat_map(|contract| &*contract.methods);
        let methods: Vec<_> = methods.map(|method| (&*method.wire_name, method.fingerprint())).collect();
        if methods.len() > Required::MAX_COUNT {
            return Err(JoinError::TooManyMethods { count: methods.len(), limit: Required::MAX_COUNT });
        }
        let (mut token, mut challenge_count) = (None, 0);
        loop {
            let endpoint = self.endpoint.upgrade().ok_or(JoinError::Call(CallError::Closed))?;
            self.list(&endpoint, key);
            let sent = now();
            let client: HostingClient = link.client(&endpoint);
            let call = client.join(VERSION, &link.pool, key, Required(methods.clone()), token);
            drop((client, endpoint));
            match call.await {
                Ok(JoinResponse::Place { session, lease, position }) if session.key == key => {
                    let lease = Duration::from_millis(lease).clamp(Self::LEASES[0], Self::LEASES[1]);
                    let mut held = Held {
                        credential: session,
                        lease,
                        confirmed: sent,
                        next_keep: sent,
                        keep_count: 0,
                        failed_count: 0,
                        token: None,
                        challenge_count: 0,
                    };
                    link.set_credential(Some(session));
                    self.confirm(&mut held, sent, position);
                    return Ok(held);
                }
                Ok(JoinResponse::Challenge { token: new }) if challenge_count < Self::MAX_CHALLENGES => {
                    token = Some(new);
                    challenge_count += 1;
                }
                Ok(_) => return Err(JoinError::Ended { peer, reason: EndReason::Expired }),
                Err(error) => return Err(JoinError::new(error, peer, &link.pool, &self.required)),
            }
        }
    }

    /// Keeps a session alive until it ends.
    async fn hold(&mut self, mut held: Held) -> EndReason {
        loop {
            let news = self.link.take_inbox();
            if let Some(reason) = news.ended {
                return reason;
            }
            if news.leaves {
                self.leave(held.credential).await;
                return EndReason::Left;
            }
            if news.joined {
                self.set_position(0);
            }
            if news.is_lost {
                held.next_keep = now();
            }
            if now() < held.next_keep {
                let _ = self.or(sleep_until(held.next_keep.into()), Inbox::has_any).await;
            } else if let Some(reason) = self.keep(&mut held).await {
                return reason;
            }
        }
    }

    /// Asks the server to extend the lease. Returns the reason if the session has ended.
    async fn keep(&mut self, held: &mut Held) -> Option<EndReason> {
        let Some(endpoint) = self.endpoint.upgrade() else { return Some(EndReason::Closing) };
        let sent = now();
        // After a pause of this process the lease may have run out here, but not at a server that
        // was paused too. So the server is asked in any case.
        let left = Some(held.expiry().saturating_duration_since(sent)).filter(|left| !left.is_zero());
        if left.is_none() && held.failed_count > 0 {
            return Some(EndReason::Expired);
        }
        // A call that is lost retransmits at growing intervals, so another one takes its place
        // soon. Later ones may take longer, because the path may be long.
        let timeout = (held.interval() / 8).saturating_mul(1 << (held.failed_count / 2).min(8));
        let round_trip = Endpoint::shared(&endpoint).calls.round_trip(self.link.source()).unwrap_or_default();
        let timeout = timeout.max(round_trip * 2).min(left.unwrap_or_else(|| held.interval()));
        let client = self.link.client::<HostingClient>(&endpoint).with_timeout(timeout);
        held.keep_count += 1;
        let call = client.keep(held.credential, Some(held.keep_count), held.token);
        drop((client, endpoint));
        match self.or_news(call).await? {
            Ok(KeepResponse::Challenge { token }) => {
                let at = now();
                held.token = Some(token);
                held.challenge_count += 1;
                let is_early = held.challenge_count <= Self::MAX_CHALLENGES;
                held.next_keep = if is_early { at } else { held.retry_at(at) };
                (at >= held.expiry()).then_some(EndReason::Expired)
            }
            Ok(KeepResponse::Kept { lease, position }) => {
                held.lease = Duration::from_millis(lease).clamp(Self::LEASES[0], Self::LEASES[1]);
                self.confirm(held, sent, position);
                None
            }
            Err(CallError::Application(reason)) => Some(reason),
            Err(CallError::Closed | CallError::Refused { reason: Refusal::Closing, .. }) => Some(EndReason::Closing),
            // A program without sessions has taken the place of the server.
            Err(CallError::Refused { reason: Refusal::UnknownMethod, .. }) => Some(EndReason::Expired),
            Err(error) => {
                let at = now();
                tracing::debug!(target: "rpcudp", peer = %self.link.peer, %error, "a session could not be kept alive");
                held.failed_count += 1;
                held.next_keep = if error.is_timeout() { at } else { held.retry_at(at) };
                (at >= held.expiry()).then_some(EndReason::Expired)
            }
        }
    }

    /// Notes that the server has confirmed a request of the session.
    fn confirm(&mut self, held: &mut Held, sent: Instant, position: u64) {
        (held.confirmed, held.failed_count) = (sent, 0);
        (held.token, held.challenge_count) = (None, 0);
        // Up to a tenth earlier at random, so that the requests of many members spread.
        let random = self.random().unwrap_or_default();
        let early = held.interval() / 10;
        held.next_keep = later(sent, held.interval() - early.mul_f64((random >> 11) as f64 / (1_u64 << 53) as f64));
        self.set_position(usize::try_from(position).unwrap_or(usize::MAX));
    }

    fn set_position(&mut self, position: usize) {
        let state = if position == 0 { SessionState::Member } else { SessionState::Waiting { position } };
        if (position == 0 || !self.waits_for_turn)
            && let Some(first) = self.first.take()
        {
            self.link.set_state(state.clone());
            // The future may have been dropped, which leaves.
            let _ = first.send(Ok(()));
        }
        self.link.set_state(state);
    }

    /// Tells the server that the session is over.
    async fn leave(&self, credential: Credential) {
        let Some(endpoint) = self.endpoint.upgrade() else { return };
        let client: HostingClient = self.link.client(&endpoint);
        let call = client.leave(credential).timeout(Self::LEAVE_TIMEOUT);
        drop((client, endpoint));
        if let Err(error) = call.await {
            tracing::debug!(target: "rpcudp", peer = %self.link.peer, %error, "the server did not confirm that a session left");
        }
    }

    /// Ends the first attempt, or a later one, with an error.
    fn fail(&mut self, error: JoinError) -> EndReason {
        let reason = match &error {
            JoinError::Call(CallError::Closed) => EndReason::Closing,
            JoinError::Ended { reason, .. } => reason.clone(),
            JoinError::Refused { reason, .. } => EndReason::Refused(reason.clone()),
            JoinError::Call(_) | JoinError::Full { .. } => EndReason::Expired,
            error => EndReason::Refused(error.to_string()),
        };
        match self.first.take() {
            Some(first) => drop(first.send(Err(error))),
            None => {
                tracing::debug!(target: "rpcudp", peer = %self.link.peer, %error, "a session could not be joined again");
            }
        }
        reason
    }

    fn may_rejoin(&self, reason: &EndReason) -> bool {
        self.rejoin.is_some()
            && matches!(reason, EndReason::Expired | EndReason::Closing)
            && self.endpoint.upgrade().is_some()
    }

    fn is_last(&self, attempt: u32) -> bool {
        self.rejoin.as_ref().is_none_or(|policy| attempt >= policy.max_attempts)
    }

    /// Waits before the next attempt. Returns the reason if the program leaves or closes the
    /// endpoint meanwhile.
    async fn back_off(&self, attempt: u32) -> Option<EndReason> {
        let Some(random) = self.random() else { return Some(EndReason::Closing) };
        let delay = self.rejoin.as_ref().map_or(Duration::ZERO, |policy| policy.delay(attempt, random));
        let until = later(now(), delay);
        // News of the session before may come late.
        while !self.link.take_inbox().leaves {
            if self.endpoint.upgrade().is_none() {
                return Some(EndReason::Closing);
            }
            if self.or_news(sleep_until(until.into())).await.is_some() && now() >= until {
                return None;
            }
        }
        Some(EndReason::Left)
    }

    /// Makes the endpoint find the session under this key, until there is another one. It stays
    /// listed between two attempts, so that a closing endpoint ends it.
    fn list(&mut self, endpoint: &Endpoint, key: u64) {
        if self.listed != Some(key) {
            self.unlist();
            // News of the session before.
            let _ = self.link.take_inbox();
            endpoint.shared().sessions.joined.insert(key, &self.link);
            self.listed = Some(key);
        }
    }

    fn unlist(&mut self) {
        if let (Some(key), Some(endpoint)) = (self.listed.take(), self.endpoint.upgrade()) {
            endpoint.shared().sessions.joined.remove(key);
        }
    }

    fn random(&self) -> Option<u64> {
        self.endpoint.upgrade().map(|endpoint| Endpoint::shared(&endpoint).calls.random())
    }

    /// Waits for a future. Returns `None` if there are news that cannot wait for it.
    async fn or_news<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        self.or(future, Inbox::is_urgent).await
    }

    /// Waits for a future, or for news of this kind.
    async fn or<T>(&self, future: impl Future<Output = T>, is_awaited: fn(&Inbox) -> bool) -> Option<T> {
        let mut future = pin!(future);
        loop {
            let mut notified = pin!(self.link.on_inbox.notified());
            let ended = poll_fn(|cx| match future.as_mut().poll(cx) {
                Poll::Ready(value) => Poll::Ready(Some(value)),
                Poll::Pending if self.link.has_news(is_awaited) => Poll::Ready(None),
                Poll::Pending => notified.as_mut().poll(cx).map(|()| None),
            });
            let value = ended.await;
            if value.is_some() || self.link.has_news(is_awaited) {
                return value;
            }
        }
    }
}
