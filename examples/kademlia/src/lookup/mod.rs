mod candidate;
mod informants;
mod neighbours;
mod options;
mod result;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

use candidate::{Candidate, State};
use informants::{Informant, Informants};
use neighbours::Neighbours;
pub use options::LookupOptions;
pub use result::{Outcome, Search, Visit};

use crate::{Contact, Distance, Key, NodeId, Timestamp};

/// The search for the k nodes nearest to a key, one answer after the other (section 2.3 of the paper).
///
/// [`poll`](Self::poll) says whom to ask next; [`answered`](Self::answered) and [`failed`](Self::failed) take what came
/// of it. At most alpha requests are waited for at once. A node that takes long is a straggler: the search goes on
/// without it, and its answer counts if it still comes. It is over when the k nearest of those that have not failed
/// have all answered. Time is an argument, and nothing is sent from here.
///
/// What peers tell is not believed: of one [neighbourhood](crate::Neighbourhood) few are followed, of one address two,
/// and those whom an informant told of whose contacts are all silent come last.
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
/// assert_eq!(lookup.poll(now), Step::Ask(near));
/// lookup.answered(&near, vec![nearer]);
/// assert_eq!(lookup.poll(now), Step::Ask(nearer));
/// lookup.answered(&nearer, vec![near]);
/// assert_eq!(lookup.poll(now), Step::Done);
/// assert_eq!(lookup.closest(), [nearer, near]);
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Lookup {
    key: Key,
    own: NodeId,
    options: LookupOptions,
    /// All that were heard of, the nearest first.
    candidates: BTreeMap<Distance, Candidate>,
    claims: HashMap<SocketAddr, usize>,
    neighbours: Neighbours,
    informants: Informants,
    /// Who is waited for, and until when.
    waiting: Vec<(Timestamp, Distance)>,
    asked_count: usize,
}

/// What a lookup wants next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Ask this node, and poll again.
    Ask(Contact),
    /// Wait for an answer, or until then: a node becomes a straggler.
    Wait(Timestamp),
    /// The search is over.
    Done,
}

impl Lookup {
    /// How many ids one address may claim: a hostile informant that gives an honest node a false id does not keep the
    /// lookup from following the true one.
    const CLAIMS_PER_ADDR: usize = 2;

    /// How many nodes it has room for from the start: it hears of about three for each that it looks for.
    const EXPECTED: usize = 64;

    /// Begins with contacts of our own, in the name of the node `own`, which is never asked.
    #[must_use]
    pub fn new(key: Key, own: NodeId, options: LookupOptions, seeds: impl IntoIterator<Item = Contact>) -> Self {
        let mut lookup = Self {
            key,
            own,
            options,
            candidates: BTreeMap::new(),
            claims: HashMap::with_capacity(Self::EXPECTED),
            neighbours: Neighbours::new(options.per_neighbourhood, Self::CLAIMS_PER_ADDR, Self::EXPECTED),
            informants: Informants::default(),
            waiting: Vec::new(),
            asked_count: 0,
        };
        lookup.extend(seeds);
        lookup
    }

    /// Adds contacts of our own: where those that it began with are all gone, others may be there.
    pub fn extend(&mut self, seeds: impl IntoIterator<Item = Contact>) {
        seeds.into_iter().for_each(|seed| self.hear(seed, 1, None));
    }

    /// Says what to do next.
    pub fn poll(&mut self, now: Timestamp) -> Step {
        // In the window or not: whoever has fallen out of it is still waited for as one of alpha.
        self.waiting.retain(|(straggles_at, _)| now < *straggles_at);
        let may_ask = self.asked_count < self.options.max_asked;
        let mut next = None;
        let mut is_open = false;
        let mut answered_count = 0;
        for (distance, candidate) in self.window(now) {
            match candidate.state {
                State::New if may_ask && next.is_none() => next = Some(*distance),
                State::Asked { .. } => is_open = true,
                State::Answered => answered_count += 1,
                _ => {}
            }
        }
        if next.is_none() && !is_open && may_ask && answered_count < self.options.k {
            // Rather those that a doubtful informant told of than nobody: in a small network that many have left, an
            // honest one knows little else.
            let is_left =
                |candidate: &Candidate| candidate.state == State::New && self.neighbours.has_room(candidate.place);
            let new = self.candidates.iter().find(|(_, candidate)| is_left(candidate));
            next = new.map(|(distance, _)| *distance);
        }
        let first_straggler = self.waiting.iter().map(|(straggles_at, _)| *straggles_at).min();
        match (next, first_straggler) {
            (Some(next), _) if self.waiting.len() < self.options.alpha => self.ask(next, now),
            (Some(_), Some(straggles_at)) => Step::Wait(straggles_at),
            (None, Some(straggles_at)) if is_open => Step::Wait(straggles_at),
            _ => Step::Done,
        }
    }

    /// Takes what a node answered: contacts that it says are near the key. Those that are worth no datagram are to be
    /// taken out before.
    pub fn answered(&mut self, who: &Contact, mut contacts: Vec<Contact>) {
        let Some(candidate) = self.asked(who) else { return };
        candidate.state = State::Answered;
        let (hops, informant) = (candidate.hops + 1, candidate.informant);
        if let Some(informant) = informant {
            self.informants.praise(informant);
        }
        if contacts.len() > self.options.k {
            // Of more than it should have told, what is of most use.
            contacts.sort_unstable_by_key(|contact| contact.id.distance(&self.key));
            contacts.truncate(self.options.k);
        }
        let informant = self.informants.add();
        contacts.into_iter().for_each(|contact| self.hear(contact, hops, Some(informant)));
    }

    /// Takes that a node has not answered, or not as the one that it was said to be.
    pub fn failed(&mut self, who: &Contact) {
        let Some(candidate) = self.asked(who) else { return };
        candidate.state = State::Failed;
        let (informant, place) = (candidate.informant, candidate.place);
        if let Some(informant) = informant {
            self.informants.blame(informant);
        }
        // Its place is free for another who claims this address, or lives beside it.
        self.neighbours.leave(place);
        if let Some(claims) = self.claims.get_mut(&who.addr) {
            *claims -= 1;
        }
    }

    /// The nodes nearest to the key that have answered, the nearest first, at most k.
    #[must_use]
    pub fn closest(&self) -> Vec<Contact> {
        let answered = self.candidates.values().filter(|candidate| candidate.state == State::Answered);
        answered.take(self.options.k).map(|candidate| candidate.contact).collect()
    }

    /// How many nodes were asked one after the other to get to this one, itself included: 1 for one that we knew. None
    /// if nobody told of it.
    #[must_use]
    pub fn hops(&self, who: &Contact) -> Option<u32> {
        self.candidates.get(&who.id.distance(&self.key)).map(|candidate| candidate.hops)
    }

    /// How many nodes were asked.
    #[must_use]
    pub fn asked_count(&self) -> usize {
        self.asked_count
    }

    /// Those that the search is about, the nearest first: all that may still turn out to be among the k nearest.
    fn window(&self, now: Timestamp) -> impl Iterator<Item = (&Distance, &Candidate)> {
        let counts = move |candidate: &Candidate| match candidate.state {
            State::New => {
                candidate.informant.is_none_or(|informant| self.informants.is_believed(informant))
                    && self.neighbours.has_room(candidate.place)
            }
            State::Asked { straggles_at } => now < straggles_at,
            State::Answered => true,
            State::Failed => false,
        };
        self.candidates.iter().filter(move |(_, candidate)| counts(candidate)).take(self.options.k)
    }

    fn ask(&mut self, distance: Distance, now: Timestamp) -> Step {
        let straggles_at = now + self.options.straggler_after;
        let candidate = self.candidates.get_mut(&distance).expect("the window consists of candidates");
        candidate.state = State::Asked { straggles_at };
        self.neighbours.enter(candidate.place);
        self.waiting.push((straggles_at, distance));
        self.asked_count += 1;
        Step::Ask(candidate.contact)
    }

    /// Who was asked and is heard of now, for the first time.
    fn asked(&mut self, who: &Contact) -> Option<&mut Candidate> {
        let distance = who.id.distance(&self.key);
        let candidate = self.candidates.get_mut(&distance)?;
        let was_asked = candidate.contact == *who && matches!(candidate.state, State::Asked { .. });
        if was_asked {
            self.waiting.retain(|(_, other)| *other != distance);
        }
        was_asked.then_some(candidate)
    }

    fn hear(&mut self, contact: Contact, hops: u32, informant: Option<Informant>) {
        if contact.id == self.own {
            return;
        }
        let distance = contact.id.distance(&self.key);
        if let Some(known) = self.candidates.get_mut(&distance) {
            // A second informant vouches for whom the first one named, if that one is not believed any more.
            let is_vouched_for = known.informant.is_none_or(|first| self.informants.is_believed(first));
            if known.contact == contact && !is_vouched_for {
                known.informant = informant;
            }
            return;
        }
        let claims = self.claims.entry(contact.addr).or_default();
        if *claims >= Self::CLAIMS_PER_ADDR {
            return;
        }
        *claims += 1;
        let place = self.neighbours.place(contact.addr);
        self.candidates.insert(distance, Candidate { contact, place, hops, informant, state: State::New });
    }
}
