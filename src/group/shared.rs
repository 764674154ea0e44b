use std::error::Error;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::Waker;
use std::time::{Duration, Instant};

use rpcudp_transport::canonical;
use tokio::task::AbortHandle;

use super::change::Change;
use super::evidence::Evidence;
use super::hedging::Hedging;
use super::member::{Member, Verdict};
use super::members::{MemberState, Members};
use super::peer_status::{PeerState, PeerStatus};
use super::rendezvous::{mix, rank};
use crate::clock::now;
use crate::links::endpoint_links::EndpointLinks;
use crate::lock::Lock;

/// The microseconds of a tick, the unit of response times: 32 bits of them are 19 hours.
const MICROS_PER_TICK: u64 = 16;

const NANOS_PER_TICK: u32 = 1_000 * MICROS_PER_TICK as u32;

const TICKS_PER_SECOND: u32 = 1_000_000 / MICROS_PER_TICK as u32;

/// A group of peers: its members and their health, shared by all clients of the group.
#[derive(Debug)]
pub(crate) struct GroupShared {
    name: Arc<str>,
    origin: Instant,
    members: Lock<Members>,
    /// The number of members, to read without a lock.
    member_count: AtomicUsize,
    random: AtomicU64,
    hedging: Lock<Hedging>,
    /// The number of insertions, for calls that wait for a peer.
    version: AtomicU64,
    failure: Lock<Failure>,
    task: OnceLock<AbortHandle>,
    /// The links of the endpoint, if it has an identity.
    #[cfg_attr(not(feature = "secure"), expect(dead_code, reason = "without the feature it is always `None`"))]
    pub(super) links: Option<Arc<EndpointLinks>>,
    /// Whether the group has or had a member that is called over a link.
    pub(super) has_links: AtomicBool,
}

/// The last failure of the source.
#[derive(Debug, Default)]
struct Failure {
    error: Option<Arc<dyn Error + Send + Sync>>,
    logged_at: Option<Instant>,
}

/// The view of a client on its group.
#[derive(Debug)]
pub(crate) struct GroupView {
    pub(crate) group: Arc<GroupShared>,
    /// The hash of the key by which calls pick their peer.
    pub(crate) key: Option<u64>,
    /// The client's part of the first member that was the only one of the group.
    first_only: OnceLock<Arc<Member>>,
    /// The client's part of a later one.
    later_only: Lock<Option<Arc<Member>>>,
}

impl GroupView {
    pub(crate) fn new(group: &Arc<GroupShared>, key: Option<u64>) -> Self {
        let (first_only, later_only) = (OnceLock::new(), Lock::default());
        Self { group: Arc::clone(group), key, first_only, later_only }
    }

    /// Counts a request to the only member of the group, and returns the member's address. `None`
    /// if the group has other members or links, or the member is ejected. The request is followed
    /// by a [`GroupShared::record`] for [`first_only`](Self::first_only), which is not cloned: the
    /// atomic operations of a clone are a hundredth of a call.
    #[inline]
    pub(crate) fn begin_only(&self) -> Option<SocketAddr> {
        let first = self.first_only()?;
        let is_only = self.group.len() == 1 && first.whole().is_available() && !self.group.has_links();
        is_only.then(|| {
            first.begin();
            first.source
        })
    }

    /// Returns the client's part of the first member that was the only one of the group.
    #[inline]
    pub(crate) fn first_only(&self) -> Option<&Arc<Member>> {
        self.first_only.get()
    }

    /// Picks the member for a request, none of `avoid`, and counts the request as in flight. Each
    /// pick is followed by [`GroupShared::record`]. Returns `None` if there is no other member.
    pub(crate) fn pick(&self, now: Instant, avoid: &[Arc<Member>]) -> Option<Arc<Member>> {
        let only = if self.group.len() == 1 && avoid.is_empty() { self.only() } else { None };
        let Some(only) = only else { return self.group.pick(now, self.key, avoid) };
        only.begin();
        Some(only)
    }

    /// Returns the client's part of the only member of the group, unless the member is ejected.
    fn only(&self) -> Option<Arc<Member>> {
        if let Some(first) = self.first_only()
            && first.whole().is_available()
        {
            return Some(Arc::clone(first));
        }
        let mut later = self.later_only.lock();
        if let Some(later) = later.as_ref().filter(|later| later.whole().is_available()) {
            return Some(Arc::clone(later));
        }
        let part = self.group.members.lock().only().map(Member::part)?;
        if self.first_only.set(Arc::clone(&part)).is_err() {
            *later = Some(Arc::clone(&part));
        }
        Some(part)
    }
}

impl GroupShared {
    /// The time between two log lines about a source that fails.
    const LOG_INTERVAL: Duration = Duration::from_secs(60);

    /// Creates an empty group. `seed` makes the choices of peers repeatable.
    pub(super) fn new(name: Arc<str>, seed: u64, links: Option<Arc<EndpointLinks>>) -> Self {
        Self::with_max_count(name, seed, links, Members::MAX_COUNT)
    }

    /// Creates an empty group that may have more members, because its source is trusted.
    pub(crate) fn with_max_count(
        name: Arc<str>,
        seed: u64,
        links: Option<Arc<EndpointLinks>>,
        max_count: usize,
    ) -> Self {
        Self {
            name,
            origin: now(),
            members: Lock::new(Members::new(max_count)),
            member_count: AtomicUsize::new(0),
            random: AtomicU64::new(seed),
            hedging: Lock::default(),
            version: AtomicU64::new(0),
            failure: Lock::default(),
            task: OnceLock::new(),
            links,
            has_links: AtomicBool::new(false),
        }
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Returns the number of members, ejected or not.
    pub(crate) fn len(&self) -> usize {
        self.member_count.load(Ordering::Relaxed)
    }

    /// Returns a time in ticks since the group was created, truncated to 32 bits.
    pub(crate) fn ticks(&self, at: Instant) -> u32 {
        // In 32 bits, because 128-bit microseconds take longer than the rest.
        let since_origin = at.saturating_duration_since(self.origin);
        let ticks = since_origin.subsec_nanos() / NANOS_PER_TICK;
        (since_origin.as_secs() as u32).wrapping_mul(TICKS_PER_SECOND).wrapping_add(ticks)
    }

    /// Returns the ticks of a duration, at most 19 hours.
    pub(crate) fn ticks_of(duration: Duration) -> u32 {
        u32::try_from(duration.as_micros() / u128::from(MICROS_PER_TICK)).unwrap_or(u32::MAX)
    }

    /// Returns the duration of some ticks.
    pub(crate) fn duration(ticks: u32) -> Duration {
        Duration::from_micros(u64::from(ticks) * MICROS_PER_TICK)
    }

    /// Picks the member for a request, none of `avoid`, and counts the request as in flight. Each
    /// pick is followed by [`record`](Self::record). Returns `None` if there is no other member.
    fn pick(&self, now: Instant, key: Option<u64>, avoid: &[Arc<Member>]) -> Option<Arc<Member>> {
        let picked = match key {
            None => {
                let random = self.random();
                self.members.lock().pick(now, random, avoid)
            }
            Some(key) => self.members.lock().pick_by_rank(now, |member| rank(key, member.place), avoid),
        }?;
        picked.begin();
        Some(picked)
    }

    /// Returns a random number.
    pub(crate) fn random(&self) -> u64 {
        mix(self.random.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed))
    }

    /// Returns all members, for calls to each of them.
    pub(crate) fn members(&self) -> Vec<Arc<Member>> {
        self.members.lock().all().into_iter().map(|(member, _)| member).collect()
    }

    /// Returns whether the group has or had a member that is called over a link.
    pub(crate) fn has_links(&self) -> bool {
        self.has_links.load(Ordering::Relaxed)
    }

    /// Returns the member with this address.
    pub(crate) fn member_at(&self, addr: SocketAddr) -> Option<Arc<Member>> {
        self.members().into_iter().find(|member| member.addr() == addr)
    }

    /// Counts a request to a member that no pick has chosen.
    pub(crate) fn begin(&self, member: &Member) {
        member.begin();
    }

    /// Records the end of a request to a member.
    pub(crate) fn record(&self, member: &Arc<Member>, evidence: Evidence) {
        let verdict = member.end(evidence);
        if verdict != Verdict::Unchanged {
            self.carry_out(member, verdict);
        }
    }

    #[cold]
    fn carry_out(&self, member: &Arc<Member>, verdict: Verdict) {
        let now = now();
        let member = member.whole();
        let mut members = self.members.lock();
        let line = match verdict {
            Verdict::Unchanged => None,
            Verdict::Restore => members.restore(member).then_some("a peer of a group responds again"),
            Verdict::Eject { is_unreachable } => {
                let is_ejected = members.eject(member, now, is_unreachable);
                is_ejected.then_some("a peer of a group does not respond, and is ejected")
            }
            Verdict::StayEjected { is_unreachable } => {
                members.stay_ejected(member, now, is_unreachable);
                None
            }
            Verdict::ProbeAgain => {
                members.probe_again(member);
                None
            }
        };
        drop(members);
        if let Some(line) = line {
            tracing::debug!(target: "rpcudp", group = %self.name, peer = %member.addr(), "{line}");
        }
    }

    /// Whether calls must wait because the source has not reported anything yet.
    pub(crate) fn is_known(&self) -> bool {
        self.members.lock().is_known
    }

    /// Returns the number of changes so far that may have added a peer.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Registers a task that is woken at the next change, in place of its earlier registration.
    /// Returns the number of the registration.
    pub(crate) fn register(&self, earlier: Option<u64>, waker: Waker) -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = earlier.unwrap_or_else(|| NEXT.fetch_add(1, Ordering::Relaxed));
        let replaced = self.members.lock().waiting.insert(number, waker);
        // A waker may be an executor's, so it is dropped after the lock.
        drop(replaced);
        number
    }

    /// Removes a registration.
    pub(crate) fn unregister(&self, number: u64) {
        let removed = self.members.lock().waiting.remove(&number);
        drop(removed);
    }

    /// Applies a change that the source reports. Calls that wait see it after
    /// [`publish`](Self::publish).
    pub(crate) fn apply(&self, change: Change) {
        match change {
            Change::Insert(addr) => self.insert(canonical(addr), Member::new),
            Change::Remove(addr) => self.remove(canonical(addr)),
            #[cfg(feature = "secure")]
            Change::InsertSecure(addr, key) => self.insert_secure(canonical(addr), key),
            #[cfg(feature = "secure")]
            Change::RemoveSecure(key) => self.remove(self.source_of(key)),
            Change::Failed(error) => self.fail(error),
        }
    }

    /// Adds the member that `make` makes of an address and the present time.
    pub(super) fn insert(&self, addr: SocketAddr, make: impl FnOnce(SocketAddr, u64) -> Member) {
        if addr.ip().is_unspecified() || addr.ip().is_multicast() || addr.port() == 0 {
            tracing::debug!(target: "rpcudp", group = %self.name, %addr, "the source named an address that is not a peer's");
            return;
        }
        let named_at = now().saturating_duration_since(self.origin).as_millis() as u64;
        let (mut has_room, named) = (true, make(addr, named_at));
        self.change(|members| has_room = members.insert(named));
        let outdated = self.failure.lock().error.take();
        // The error is the source's, so it is dropped after the lock.
        drop(outdated);
        if !has_room {
            let limit = self.members.lock().max_count();
            tracing::debug!(target: "rpcudp", group = %self.name, %addr, limit, "the group is full, and a peer is left out");
        }
    }

    /// Removes the member that tables keep under this address.
    pub(crate) fn remove(&self, source: SocketAddr) {
        self.change(|members| members.remove(source));
    }

    /// Removes all members.
    pub(crate) fn clear(&self) {
        self.change(Members::clear);
    }

    fn fail(&self, error: Arc<dyn Error + Send + Sync>) {
        let now = now();
        let mut failure = self.failure.lock();
        let is_due = failure.logged_at.is_none_or(|at| now.saturating_duration_since(at) >= Self::LOG_INTERVAL);
        let replaced = failure.error.replace(Arc::clone(&error));
        if is_due {
            failure.logged_at = Some(now);
        }
        drop(failure);
        drop(replaced);
        if is_due {
            tracing::warn!(target: "rpcudp", group = %self.name, %error, peers = self.len(), "the source of a group failed, and its peers stay");
        }
    }

    pub(super) fn set_task(&self, task: AbortHandle) {
        self.task.get_or_init(|| task);
    }

    fn change(&self, change: impl FnOnce(&mut Members)) {
        let mut members = self.members.lock();
        change(&mut members);
        self.member_count.store(members.len(), Ordering::Relaxed);
    }

    /// Wakes calls that wait, after changes of the source or its end. Changes that are ready
    /// together are published together, so that a first call to all peers finds all of them.
    pub(crate) fn publish(&self) {
        let mut members = self.members.lock();
        members.is_known = true;
        self.version.fetch_add(1, Ordering::Release);
        let waiting = std::mem::take(&mut members.waiting);
        drop(members);
        waiting.into_values().for_each(Waker::wake);
    }

    /// Returns the last failure of the source, if no peer was named since.
    pub(crate) fn failure(&self) -> Option<Arc<dyn Error + Send + Sync>> {
        self.failure.lock().error.clone()
    }

    /// Counts a hedged call, and returns the time after which it is hedged.
    pub(crate) fn begin_hedged(&self, method: &'static str) -> Option<Duration> {
        self.hedging.lock().begin(method).map(Self::duration)
    }

    /// Pays for a hedge. Returns whether hedges have added less than a tenth to the load.
    pub(crate) fn try_hedge(&self) -> bool {
        self.hedging.lock().try_hedge()
    }

    /// Records the time of a hedged call that ended with a response.
    pub(crate) fn measure_hedged(&self, method: &'static str, ticks: u32) {
        self.hedging.lock().measure(method, ticks);
    }

    /// Returns the members for users, ordered by address. `round_trip` takes the address under
    /// which tables keep a peer.
    pub(crate) fn statuses(&self, round_trip: impl Fn(SocketAddr) -> Option<Duration>) -> Vec<PeerStatus> {
        let now = now();
        let all = self.members.lock().all();
        let since_origin = now.saturating_duration_since(self.origin);
        let status = |(member, state): (Arc<Member>, MemberState)| {
            let (in_flight, requests) = member.requests();
            PeerStatus {
                addr: member.addr(),
                #[cfg(feature = "secure")]
                peer_id: member.link().and_then(|link| link.peer_id()),
                state: match state {
                    MemberState::Available => PeerState::Available,
                    MemberState::Ejected(until) => {
                        PeerState::Ejected { remaining: until.saturating_duration_since(now) }
                    }
                    MemberState::Probed => PeerState::Probing,
                },
                round_trip: round_trip(member.source),
                response_time: Some(member.smoothed()).filter(|ticks| *ticks > 0).map(Self::duration),
                in_flight,
                requests,
                unanswered: member.unanswered(),
                age: since_origin.saturating_sub(Duration::from_millis(member.named_at.load(Ordering::Relaxed))),
            }
        };
        all.into_iter().map(status).collect()
    }
}

impl Drop for GroupShared {
    fn drop(&mut self) {
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }
}
