mod candidate;
mod options;
mod referrers;
mod result;
mod subnet_limits;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

use candidate::{Candidate, CandidateState};
pub use options::LookupOptions;
use referrers::{ReferrerId, Referrers};
pub use result::{LookupResult, QueriedNode, QueryOutcome};
use subnet_limits::SubnetLimits;

use crate::{Contact, Distance, Key, NodeId, Timestamp};

/// The search for the k nodes nearest to a key, one answer after the other (section 2.3 of the paper).
///
/// [`poll`](Self::poll) says whom to ask next; [`handle_response`](Self::handle_response) and [`handle_failure`](Self::handle_failure) take what came
/// of it. At most alpha requests are waited for at once. A node that takes long is a straggler: the search goes on
/// without it, and its answer counts if it still comes. It is over when the k nearest of those that have not failed
/// have all answered. Time is an argument, and nothing is sent from here.
///
/// What peers tell is not believed: of one [neighbourhood](crate::Subnet) few are followed, of one address two,
/// and those whom an referrer told of whose contacts are all silent come last.
///
/// ```
/// use rpcudp_kademlia::{Contact, Key, Lookup, LookupOptions, NodeId, Step, Timestamp};
///
/// let [own, near, nearer] = [0xff, 2, 1].map(|byte| NodeId::from_bytes([byte; 20]));
/// let near = Contact::new(near, "10.0.0.1:1".parse()?);
/// let nearer = Contact::new(nearer, "10.0.0.2:1".parse()?);
/// let now = Timestamp::from_millis(0);
///
/// let mut lookup = Lookup::new(Key::from_bytes([0; 20]), own, LookupOptions::default(), [near]);
/// assert_eq!(lookup.poll(now), Step::Query(near));
/// lookup.handle_response(&near, vec![nearer]);
/// assert_eq!(lookup.poll(now), Step::Query(nearer));
/// lookup.handle_response(&nearer, vec![near]);
/// assert_eq!(lookup.poll(now), Step::Done);
/// assert_eq!(lookup.closest(), [nearer, near]);
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Lookup {
    key: Key,
    local_id: NodeId,
    options: LookupOptions,
    /// All that were heard of, the nearest first.
    candidates: BTreeMap<Distance, Candidate>,
    ids_per_addr: HashMap<SocketAddr, usize>,
    subnet_limits: SubnetLimits,
    referrers: Referrers,
    /// Who is waited for, and until when.
    in_flight: Vec<(Timestamp, Distance)>,
    query_count: usize,
}

/// What a lookup wants next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Ask this node, and poll again.
    Query(Contact),
    /// Wait for an answer, or until then: a node becomes a straggler.
    Wait(Timestamp),
    /// The search is over.
    Done,
}

impl Lookup {
    /// How many ids one address may claim: a hostile referrer that gives an honest node a false id does not keep the
    /// lookup from following the true one.
    const MAX_IDS_PER_ADDR: usize = 2;

    /// How many nodes it has room for from the start: it hears of about three for each that it looks for.
    const EXPECTED_CANDIDATES: usize = 64;

    /// Begins with contacts of our own, in the name of the node `own`, which is never asked.
    #[must_use]
    pub fn new(key: Key, local_id: NodeId, options: LookupOptions, seeds: impl IntoIterator<Item = Contact>) -> Self {
        let mut lookup = Self {
            key,
            local_id,
            options,
            candidates: BTreeMap::new(),
            ids_per_addr: HashMap::with_capacity(Self::EXPECTED_CANDIDATES),
            subnet_limits: SubnetLimits::new(options.max_per_subnet, Self::MAX_IDS_PER_ADDR, Self::EXPECTED_CANDIDATES),
            referrers: Referrers::default(),
            in_flight: Vec::new(),
            query_count: 0,
        };
        lookup.add_seeds(seeds);
        lookup
    }

    /// Adds contacts of our own: where those that it began with are all gone, others may be there.
    pub fn add_seeds(&mut self, seeds: impl IntoIterator<Item = Contact>) {
        seeds.into_iter().for_each(|seed| self.add_candidate(seed, 1, None));
    }

    /// Says what to do next.
    pub fn poll(&mut self, now: Timestamp) -> Step {
        // In the window or not: whoever has fallen out of it is still waited for as one of alpha.
        self.in_flight.retain(|(unresponsive_at, _)| now < *unresponsive_at);
        let may_ask = self.query_count < self.options.max_queries;
        let mut next = None;
        let mut is_open = false;
        let mut responded_count = 0;
        for (distance, candidate) in self.shortlist(now) {
            match candidate.state {
                CandidateState::New if may_ask && next.is_none() => next = Some(*distance),
                CandidateState::InFlight { .. } => is_open = true,
                CandidateState::Responded => responded_count += 1,
                _ => {}
            }
        }
        if next.is_none() && !is_open && may_ask && responded_count < self.options.k {
            // Rather those that a doubtful referrer told of than nobody: in a small network that many have left, an
            // honest one knows little else.
            let is_left = |candidate: &Candidate| {
                candidate.state == CandidateState::New && self.subnet_limits.has_room(candidate.subnet)
            };
            let new = self.candidates.iter().find(|(_, candidate)| is_left(candidate));
            next = new.map(|(distance, _)| *distance);
        }
        let next_unresponsive_at = self.in_flight.iter().map(|(unresponsive_at, _)| *unresponsive_at).min();
        match (next, next_unresponsive_at) {
            (Some(next), _) if self.in_flight.len() < self.options.alpha => self.ask(next, now),
            (Some(_), Some(unresponsive_at)) => Step::Wait(unresponsive_at),
            (None, Some(unresponsive_at)) if is_open => Step::Wait(unresponsive_at),
            _ => Step::Done,
        }
    }

    /// Takes what a node answered: contacts that it says are near the key. Those that are worth no datagram are to be
    /// taken out before.
    pub fn handle_response(&mut self, contact: &Contact, mut contacts: Vec<Contact>) {
        let Some(candidate) = self.take_in_flight(contact) else { return };
        candidate.state = CandidateState::Responded;
        let (hops, referrer) = (candidate.hops + 1, candidate.referrer);
        if let Some(referrer) = referrer {
            self.referrers.count_response(referrer);
        }
        if contacts.len() > self.options.k {
            // Of more than it should have told, what is of most use.
            contacts.sort_unstable_by_key(|contact| contact.id.distance(&self.key));
            contacts.truncate(self.options.k);
        }
        let referrer = self.referrers.add();
        contacts.into_iter().for_each(|contact| self.add_candidate(contact, hops, Some(referrer)));
    }

    /// Takes that a node has not answered, or not as the one that it was said to be.
    pub fn handle_failure(&mut self, contact: &Contact) {
        let Some(candidate) = self.take_in_flight(contact) else { return };
        candidate.state = CandidateState::Failed;
        let (referrer, subnet) = (candidate.referrer, candidate.subnet);
        if let Some(referrer) = referrer {
            self.referrers.count_failure(referrer);
        }
        // Its subnet is free for another who claims this address, or lives beside it.
        self.subnet_limits.release(subnet);
        if let Some(id_count) = self.ids_per_addr.get_mut(&contact.addr) {
            *id_count -= 1;
        }
    }

    /// The nodes nearest to the key that have answered, the nearest first, at most k.
    #[must_use]
    pub fn closest(&self) -> Vec<Contact> {
        let answered = self.candidates.values().filter(|candidate| candidate.state == CandidateState::Responded);
        answered.take(self.options.k).map(|candidate| candidate.contact).collect()
    }

    /// How many nodes were asked one after the other to get to this one, itself included: 1 for one that we knew. None
    /// if nobody told of it.
    #[must_use]
    pub fn hops(&self, contact: &Contact) -> Option<u32> {
        self.candidates.get(&contact.id.distance(&self.key)).map(|candidate| candidate.hops)
    }

    /// How many nodes were asked.
    #[must_use]
    pub fn query_count(&self) -> usize {
        self.query_count
    }

    /// Those that the search is about, the nearest first: all that may still turn out to be among the k nearest.
    fn shortlist(&self, now: Timestamp) -> impl Iterator<Item = (&Distance, &Candidate)> {
        let counts = move |candidate: &Candidate| match candidate.state {
            CandidateState::New => {
                candidate.referrer.is_none_or(|referrer| self.referrers.is_credible(referrer))
                    && self.subnet_limits.has_room(candidate.subnet)
            }
            CandidateState::InFlight { unresponsive_at } => now < unresponsive_at,
            CandidateState::Responded => true,
            CandidateState::Failed => false,
        };
        self.candidates.iter().filter(move |(_, candidate)| counts(candidate)).take(self.options.k)
    }

    fn ask(&mut self, distance: Distance, now: Timestamp) -> Step {
        let unresponsive_at = now + self.options.unresponsive_after;
        let candidate = self.candidates.get_mut(&distance).expect("the window consists of candidates");
        candidate.state = CandidateState::InFlight { unresponsive_at };
        self.subnet_limits.acquire(candidate.subnet);
        self.in_flight.push((unresponsive_at, distance));
        self.query_count += 1;
        Step::Query(candidate.contact)
    }

    /// Who was asked and is heard of now, for the first time.
    fn take_in_flight(&mut self, contact: &Contact) -> Option<&mut Candidate> {
        let distance = contact.id.distance(&self.key);
        let candidate = self.candidates.get_mut(&distance)?;
        let was_asked = candidate.contact == *contact && matches!(candidate.state, CandidateState::InFlight { .. });
        if was_asked {
            self.in_flight.retain(|(_, other)| *other != distance);
        }
        was_asked.then_some(candidate)
    }

    fn add_candidate(&mut self, contact: Contact, hops: u32, referrer: Option<ReferrerId>) {
        if contact.id == self.local_id {
            return;
        }
        let distance = contact.id.distance(&self.key);
        if let Some(known) = self.candidates.get_mut(&distance) {
            // A second referrer vouches for whom the first one named, if that one is not believed any more.
            let is_vouched_for = known.referrer.is_none_or(|first| self.referrers.is_credible(first));
            if known.contact == contact && !is_vouched_for {
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
