mod candidate;
mod candidates;
mod options;
mod referrers;
mod result;
mod subnet_limits;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::SocketAddr;

use candidate::{Candidate, CandidateState};
use candidates::Candidates;
pub use options::LookupOptions;
use referrers::{ReferrerId, Referrers};
pub use result::{LookupResult, QueriedNode, QueryOutcome};
use subnet_limits::SubnetLimits;

use crate::{Contact, Distance, Key, NodeId, Timestamp};

/// An iterative find of the k nodes closest to a key (section 2.3 of the paper).
///
/// [`poll`](Self::poll) returns the next node to query.
/// [`handle_response`](Self::handle_response) and [`handle_failure`](Self::handle_failure) take the
/// outcome of a query. At most alpha queries are in flight. A query without a response after
/// `unresponsive_after` no longer counts as in flight, but a later response is accepted. The lookup
/// is done when the k closest candidates that have not failed have all responded. It does no I/O,
/// and time is an argument.
///
/// Hostile nodes cannot capture the lookup with false contacts: it queries few nodes of one
/// [subnet](crate::Subnet) and two ids of one address, and it queries contacts last if all other
/// contacts of the same referrer have failed.
///
/// ```
/// use rpcudp_kademlia::{Contact, Key, Lookup, LookupOptions, NodeId, Step, Timestamp};
///
/// let [local_id, far, close] = [0xff, 2, 1].map(|byte| NodeId::from_bytes([byte; 20]));
/// let far = Contact::new(far, "10.0.0.1:1".parse()?);
/// let close = Contact::new(close, "10.0.0.2:1".parse()?);
/// let now = Timestamp::from_millis(0);
///
/// let mut lookup = Lookup::new(Key::from_bytes([0; 20]), local_id, LookupOptions::default(), [far]);
/// assert_eq!(lookup.poll(now), Step::Query(far));
/// lookup.handle_response(&far, vec![close]);
/// assert_eq!(lookup.poll(now), Step::Query(close));
/// lookup.handle_response(&close, vec![far]);
/// assert_eq!(lookup.poll(now), Step::Done);
/// assert_eq!(lookup.closest(), [close, far]);
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Lookup {
    key: Key,
    local_id: NodeId,
    options: LookupOptions,
    /// All known contacts.
    candidates: Candidates,
    ids_per_addr: HashMap<SocketAddr, usize>,
    subnet_limits: SubnetLimits,
    referrers: Referrers,
    /// The queries that the lookup waits for, each with the end of the wait.
    in_flight: Vec<(Timestamp, Distance)>,
    query_count: usize,
}

/// The next action of a lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Query this node, then poll again.
    Query(Contact),
    /// Poll again after a response or a failure, or at this time, when a queried node becomes
    /// unresponsive.
    Wait(Timestamp),
    /// The lookup is done.
    Done,
}

impl Lookup {
    /// The number of ids that one address may have. A hostile referrer that returns an honest node
    /// with a false id cannot exclude the node's true id.
    const MAX_IDS_PER_ADDR: usize = 2;

    /// The initial capacity for candidates: a lookup sees about three for each of the k nodes.
    const EXPECTED_CANDIDATES: usize = 64;

    /// Creates a lookup that begins with `seeds`, contacts of the local routing table. The node
    /// `local_id` itself is never queried.
    #[must_use]
    pub fn new(key: Key, local_id: NodeId, options: LookupOptions, seeds: impl IntoIterator<Item = Contact>) -> Self {
        let mut lookup = Self {
            key,
            local_id,
            options,
            candidates: Candidates::with_capacity(Self::EXPECTED_CANDIDATES),
            ids_per_addr: HashMap::with_capacity(Self::EXPECTED_CANDIDATES),
            subnet_limits: SubnetLimits::new(options.max_per_subnet, Self::MAX_IDS_PER_ADDR, Self::EXPECTED_CANDIDATES),
            referrers: Referrers::default(),
            in_flight: Vec::new(),
            query_count: 0,
        };
        lookup.add_seeds(seeds);
        lookup
    }

    /// Adds contacts of the local routing table, for a lookup whose first seeds have all failed.
    pub fn add_seeds(&mut self, seeds: impl IntoIterator<Item = Contact>) {
        seeds.into_iter().for_each(|seed| self.add_candidate(seed, 1, None));
    }

    /// Returns the next action.
    pub fn poll(&mut self, now: Timestamp) -> Step {
        // A query counts towards alpha even if its candidate is no longer in the shortlist.
        self.in_flight.retain(|(unresponsive_at, _)| now < *unresponsive_at);
        let may_query = self.query_count < self.options.max_queries;
        let has_room = self.in_flight.len() < self.options.alpha;
        let mut next = None;
        let mut is_waiting = false;
        let mut responded_count = 0;
        for (distance, candidate) in self.shortlist(now) {
            match candidate.state {
                CandidateState::New if may_query && next.is_none() => next = Some(*distance),
                CandidateState::InFlight { .. } => is_waiting = true,
                CandidateState::Responded => responded_count += 1,
                _ => {}
            }
            if next.is_some() || is_waiting && !has_room {
                // The other candidates do not change the step.
                break;
            }
        }
        if next.is_none() && !is_waiting && may_query && responded_count < self.options.k {
            // Too few nodes have responded: query the contacts of referrers that are not credible.
            // In a small network with many offline nodes, an honest referrer knows few others.
            let is_unqueried = |candidate: &Candidate| {
                candidate.state == CandidateState::New && self.subnet_limits.has_room(candidate.subnet)
            };
            let unqueried = self.candidates.iter().find(|(_, candidate)| is_unqueried(candidate));
            next = unqueried.map(|(distance, _)| *distance);
        }
        let next_unresponsive_at = self.in_flight.iter().map(|(unresponsive_at, _)| *unresponsive_at).min();
        match (next, next_unresponsive_at) {
            (Some(next), _) if has_room => self.query(next, now),
            (Some(_), Some(unresponsive_at)) => Step::Wait(unresponsive_at),
            (None, Some(unresponsive_at)) if is_waiting => Step::Wait(unresponsive_at),
            _ => Step::Done,
        }
    }

    /// Handles the contacts in a node's response. The caller must have removed the contacts that
    /// are not [contactable](crate::is_contactable).
    pub fn handle_response(&mut self, contact: &Contact, mut contacts: Vec<Contact>) {
        let Some(candidate) = self.take_in_flight(contact) else { return };
        candidate.state = CandidateState::Responded;
        let (hops, referrer) = (candidate.hops + 1, candidate.referrer);
        if let Some(referrer) = referrer {
            self.referrers.count_response(referrer);
        }
        if contacts.len() > self.options.k {
            // Of too many contacts, the lookup uses the closest ones.
            contacts.sort_unstable_by_key(|contact| contact.id.distance(&self.key));
            contacts.truncate(self.options.k);
        }
        let referrer = self.referrers.add();
        contacts.into_iter().for_each(|contact| self.add_candidate(contact, hops, Some(referrer)));
    }

    /// Handles a node that did not respond, or that has another id than expected.
    pub fn handle_failure(&mut self, contact: &Contact) {
        let Some(candidate) = self.take_in_flight(contact) else { return };
        candidate.state = CandidateState::Failed;
        let (referrer, subnet) = (candidate.referrer, candidate.subnet);
        if let Some(referrer) = referrer {
            self.referrers.count_failure(referrer);
        }
        // Another contact of the same subnet or address may be queried instead.
        self.subnet_limits.release(subnet);
        if let Some(id_count) = self.ids_per_addr.get_mut(&contact.addr) {
            *id_count -= 1;
        }
    }

    /// Returns the nodes closest to the key that have responded, the closest first, at most k.
    #[must_use]
    pub fn closest(&self) -> Vec<Contact> {
        let responded = self.candidates.iter().filter(|(_, candidate)| candidate.state == CandidateState::Responded);
        responded.take(self.options.k).map(|(_, candidate)| candidate.contact).collect()
    }

    /// Returns the number of successive queries that led to a node, its own included: 1 for a seed.
    /// `None` if the contact is no candidate.
    #[must_use]
    pub fn hops(&self, contact: &Contact) -> Option<u32> {
        self.candidates.get(&contact.id.distance(&self.key)).map(|candidate| candidate.hops)
    }

    /// Returns the number of queries.
    #[must_use]
    pub fn query_count(&self) -> usize {
        self.query_count
    }

    /// Returns the candidates that may be among the k closest nodes, the closest first.
    fn shortlist(&self, now: Timestamp) -> impl Iterator<Item = (&Distance, &Candidate)> {
        let is_eligible = move |candidate: &Candidate| match candidate.state {
            CandidateState::New => {
                candidate.referrer.is_none_or(|referrer| self.referrers.is_credible(referrer))
                    && self.subnet_limits.has_room(candidate.subnet)
            }
            CandidateState::InFlight { unresponsive_at } => now < unresponsive_at,
            CandidateState::Responded => true,
            CandidateState::Failed => false,
        };
        self.candidates.iter().filter(move |(_, candidate)| is_eligible(candidate)).take(self.options.k)
    }

    fn query(&mut self, distance: Distance, now: Timestamp) -> Step {
        let unresponsive_at = now + self.options.unresponsive_after;
        let candidate = self.candidates.get_mut(&distance).expect("the shortlist consists of candidates");
        candidate.state = CandidateState::InFlight { unresponsive_at };
        self.subnet_limits.acquire(candidate.subnet);
        self.in_flight.push((unresponsive_at, distance));
        self.query_count += 1;
        Step::Query(candidate.contact)
    }

    /// Ends the wait for a query. Returns its candidate if the query had no outcome yet.
    fn take_in_flight(&mut self, contact: &Contact) -> Option<&mut Candidate> {
        let distance = contact.id.distance(&self.key);
        let candidate = self.candidates.get_mut(&distance)?;
        let is_in_flight = candidate.contact == *contact && matches!(candidate.state, CandidateState::InFlight { .. });
        if is_in_flight {
            self.in_flight.retain(|(_, other)| *other != distance);
        }
        is_in_flight.then_some(candidate)
    }

    fn add_candidate(&mut self, contact: Contact, hops: u32, referrer: Option<ReferrerId>) {
        if contact.id == self.local_id {
            return;
        }
        let distance = contact.id.distance(&self.key);
        if let Some(known) = self.candidates.get_mut(&distance) {
            // A second referrer takes the place of the first one if that is not credible.
            let is_credible = known.referrer.is_none_or(|first| self.referrers.is_credible(first));
            if known.contact == contact && !is_credible {
                known.referrer = referrer;
            }
            return;
        }
        let id_count = self.ids_per_addr.entry(contact.addr).or_default();
        if *id_count >= Self::MAX_IDS_PER_ADDR {
            return;
        }
        *id_count += 1;
        let subnet = self.subnet_limits.index_of(contact.addr);
        self.candidates.insert(distance, Candidate { contact, subnet, hops, referrer, state: CandidateState::New });
    }
}
