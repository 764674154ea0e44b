//! The membership: a service that pings its peers and spreads rumours on its own initiative.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::{IteratorRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use rpcudp::{Context, Endpoint, WeakEndpoint, rpc_service};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// The calls between members. Each carries rumours both ways.
#[rpc_service(namespace = "gossip.")]
pub(crate) trait Gossip {
    /// Shows that the member is alive.
    fn ping(&self, cx: &Context, rumours: Vec<Rumour>) -> Vec<Rumour>;
    /// Pings another member for the caller. Returns whether it responded.
    async fn ping_for(&self, cx: &Context, target: SocketAddr, rumours: Vec<Rumour>) -> (bool, Vec<Rumour>);
    /// Returns the standings of the other members after an address, at most [`MAX_RUMOURS`].
    #[rpc(at_least_once)]
    fn members(&self, cx: &Context, after: Option<SocketAddr>, rumours: Vec<Rumour>) -> Vec<Rumour>;
}

/// A member and its standing.
pub(crate) type Rumour = (SocketAddr, Standing);

/// The incarnation of a member, and its status. Of two standings, the greater is the later one:
/// only the member itself starts an incarnation, to refute a rumour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Standing(u64, Status);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Status {
    Alive,
    Suspect,
    Dead,
}

/// A change of the membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Joined(SocketAddr),
    Died(SocketAddr),
}

/// The rumours in a call, so many that it fits into a packet.
const MAX_RUMOURS: usize = 20;

/// The members that are remembered. A stranger may tell of any number.
const MAX_MEMBERS: usize = 10_000;

/// The members that are asked to ping one that does not respond.
const HELPER_COUNT: usize = 3;

/// The periods for which a dead member is remembered.
const DEAD_PERIODS: u32 = 200;

/// A handle to the membership, for the program. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Membership {
    state: Arc<Mutex<State>>,
    period: Duration,
}

/// The service of a member.
#[derive(Debug)]
pub(crate) struct Member {
    membership: Membership,
    endpoint: WeakEndpoint,
}

#[derive(Debug)]
struct State {
    own: Option<SocketAddr>,
    incarnation: u64,
    others: BTreeMap<SocketAddr, Record>,
    /// The members of which there is news, with the number of calls that have carried it.
    news: BTreeMap<SocketAddr, u32>,
    /// The members that are still to be pinged in this round.
    round: Vec<SocketAddr>,
    rng: StdRng,
    events: broadcast::Sender<Event>,
}

#[derive(Clone, Copy, Debug)]
struct Record {
    standing: Standing,
    since: Instant,
}

impl Membership {
    /// Creates the membership of one member, which pings another in each period.
    pub(crate) fn new(period: Duration, seed: u64) -> Self {
        let state = State {
            own: None,
            incarnation: 0,
            others: BTreeMap::new(),
            news: BTreeMap::new(),
            round: Vec::new(),
            rng: StdRng::seed_from_u64(seed),
            events: broadcast::Sender::new(1_000),
        };
        Self { state: Arc::new(Mutex::new(state)), period }
    }

    /// Returns the service, for [`rpcudp::Builder::serve_with`]. It joins the members at the
    /// addresses `seeds`. The endpoint must be bound to the address that the others use.
    pub(crate) fn service(&self, seeds: Vec<SocketAddr>) -> impl FnOnce(WeakEndpoint) -> GossipServer<Member> + use<> {
        let membership = self.clone();
        move |endpoint| {
            membership.lock().own = endpoint.upgrade().map(|endpoint| endpoint.local_addr());
            let member = Arc::new(Member { membership, endpoint });
            tokio::spawn(Arc::clone(&member).run(seeds));
            GossipServer::from_arc(member)
        }
    }

    /// Returns the other members that are not dead.
    pub(crate) fn members(&self) -> Vec<SocketAddr> {
        self.lock().with_status(|status| status != Status::Dead).collect()
    }

    /// Returns the events from now on.
    pub(crate) fn events(&self) -> broadcast::Receiver<Event> {
        self.lock().events.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gossip for Member {
    fn ping(&self, cx: &Context, rumours: Vec<Rumour>) -> Vec<Rumour> {
        let mut state = self.membership.lock();
        state.hear(rumours);
        state.tell(cx.sender())
    }

    async fn ping_for(&self, cx: &Context, target: SocketAddr, rumours: Vec<Rumour>) -> (bool, Vec<Rumour>) {
        // A stranger must not use this member to ping other hosts.
        let is_member = {
            let mut state = self.membership.lock();
            state.hear(rumours);
            state.others.contains_key(&target)
        };
        let responded = is_member && self.responds(&cx.endpoint(), target).await;
        (responded, self.membership.lock().tell(cx.sender()))
    }

    fn members(&self, _cx: &Context, after: Option<SocketAddr>, rumours: Vec<Rumour>) -> Vec<Rumour> {
        let mut state = self.membership.lock();
        state.hear(rumours);
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let page = state.others.range((after, Bound::Unbounded)).take(MAX_RUMOURS);
        page.map(|(member, record)| (*member, record.standing)).collect()
    }
}

impl Member {
    /// Probes a member in each period, until the endpoint closes.
    async fn run(self: Arc<Self>, seeds: Vec<SocketAddr>) {
        let mut periods = interval(self.membership.period);
        periods.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            periods.tick().await;
            let Some(endpoint) = self.endpoint.upgrade() else { return };
            let (target, absent, compares) = {
                let mut state = self.membership.lock();
                state.bury(self.membership.period);
                (state.next_target(), state.absent(&seeds), state.rng.random_ratio(1, 10))
            };
            // An absent member may have come back, or may be on the other side of a partition.
            if let Some(absent) = absent
                && self.responds(&endpoint, absent).await
            {
                self.learn_members(&endpoint, absent).await;
            }
            // News may have missed this member, or travelled before it joined.
            if let Some(target) = target
                && self.probe(&endpoint, target).await
                && compares
            {
                self.learn_members(&endpoint, target).await;
            }
        }
    }

    /// Pings a member, at first directly and then through others. Suspects it if it does not
    /// respond. Returns whether it responded directly.
    async fn probe(&self, endpoint: &Endpoint, target: SocketAddr) -> bool {
        if self.responds(endpoint, target).await {
            return true;
        }
        let mut pings = JoinSet::new();
        let helpers = self.membership.lock().helpers(target);
        for helper in helpers {
            let rumours = self.membership.lock().tell(helper);
            let ping = GossipClient::new(endpoint, helper).ping_for(target, rumours);
            pings.spawn(ping.timeout(self.membership.period / 2));
        }
        while let Some(ended) = pings.join_next().await {
            let Ok(Ok((responded, rumours))) = ended else { continue };
            self.membership.lock().hear(rumours);
            if responded {
                return false;
            }
        }
        self.membership.lock().suspect(target);
        false
    }

    /// Pings a member directly. Returns whether it responded.
    async fn responds(&self, endpoint: &Endpoint, target: SocketAddr) -> bool {
        let rumours = self.membership.lock().tell(target);
        let ping = GossipClient::new(endpoint, target).ping(rumours);
        let rumours = ping.timeout(self.membership.period / 5).await;
        rumours.map(|rumours| self.membership.lock().hear(rumours)).is_ok()
    }

    /// Learns all members from one of them, page by page.
    async fn learn_members(&self, endpoint: &Endpoint, from: SocketAddr) {
        let mut after = None;
        loop {
            let rumours = self.membership.lock().tell(from);
            let page = GossipClient::new(endpoint, from).members(after, rumours).timeout(self.membership.period);
            let Ok(page) = page.await else { return };
            let last = page.last().map(|(member, _)| *member);
            self.membership.lock().hear(page);
            // A peer that repeats itself must not keep the loop going.
            if last <= after {
                return;
            }
            after = last;
        }
    }
}

impl State {
    /// Returns the standing of this member itself.
    fn alive(&self) -> Option<Rumour> {
        self.own.map(|own| (own, Standing(self.incarnation, Status::Alive)))
    }

    fn with_status(&self, is_wanted: impl Fn(Status) -> bool) -> impl Iterator<Item = SocketAddr> {
        let wanted = self.others.iter().filter(move |(_, record)| is_wanted(record.standing.1));
        wanted.map(|(member, _)| *member)
    }

    /// Learns from rumours, and refutes those about this member.
    fn hear(&mut self, rumours: Vec<Rumour>) {
        for (member, standing) in rumours {
            let own = self.alive().filter(|(own, _)| *own == member);
            match own.map(|(_, own)| standing.cmp(&own)) {
                None => self.update(member, standing),
                Some(Ordering::Greater) => self.incarnation = standing.0.saturating_add(1),
                Some(_) => {}
            }
        }
    }

    /// Updates the record of another member if this standing is later.
    fn update(&mut self, member: SocketAddr, standing: Standing) {
        let before = self.others.get(&member).map(|record| record.standing);
        let is_news = match before {
            Some(before) => standing > before,
            None => standing.1 != Status::Dead && self.others.len() < MAX_MEMBERS,
        };
        if !is_news {
            return;
        }
        self.others.insert(member, Record { standing, since: Instant::now() });
        self.news.insert(member, 0);
        let was_present = before.is_some_and(|before| before.1 != Status::Dead);
        let event = match standing.1 {
            Status::Dead => Event::Died(member),
            _ if was_present => return,
            _ => Event::Joined(member),
        };
        // An error means that the program does not listen.
        let _ = self.events.send(event);
    }

    /// Returns the rumours for a call to a member: the caller's own standing, the member's own if
    /// it has to refute it, and the news that have travelled least.
    fn tell(&mut self, to: SocketAddr) -> Vec<Rumour> {
        let mut rumours = Vec::from_iter(self.alive());
        let standing = self.others.get(&to).map(|record| record.standing);
        rumours.extend(standing.filter(|standing| standing.1 != Status::Alive).map(|standing| (to, standing)));
        let mut news: Vec<_> = self.news.iter().map(|(member, count)| (*count, *member)).collect();
        news.sort_unstable();
        // Enough that all members hear of it, with a high probability.
        let max_count = 3 * self.log_of_members();
        for (count, member) in news.into_iter().take(MAX_RUMOURS - rumours.len()) {
            rumours.extend(self.others.get(&member).map(|record| (member, record.standing)));
            if count + 1 < max_count {
                self.news.insert(member, count + 1)
            } else {
                self.news.remove(&member)
            };
        }
        rumours
    }

    /// Returns the number of doublings from one member to all.
    fn log_of_members(&self) -> u32 {
        (self.others.len() + 2).ilog2() + 1
    }

    fn suspect(&mut self, member: SocketAddr) {
        if let Some(Record { standing: Standing(incarnation, Status::Alive), .. }) = self.others.get(&member) {
            self.update(member, Standing(*incarnation, Status::Suspect));
        }
    }

    /// Declares members dead that have been suspects for long enough to hear of it and to refute
    /// it. Forgets members that have been dead for long.
    fn bury(&mut self, period: Duration) {
        let patience = period * (3 + self.log_of_members());
        let is_overdue = |record: &Record| record.standing.1 == Status::Suspect && record.since.elapsed() > patience;
        let overdue: Vec<_> = self.others.iter().filter(|(_, record)| is_overdue(record)).collect();
        let dead: Vec<_> = overdue.iter().map(|(member, record)| (**member, record.standing.0)).collect();
        for (member, incarnation) in dead {
            self.update(member, Standing(incarnation, Status::Dead));
        }
        self.others
            .retain(|_, record| record.standing.1 != Status::Dead || record.since.elapsed() < period * DEAD_PERIODS);
    }

    /// Returns the next member to probe: each once in a round, in random order.
    fn next_target(&mut self) -> Option<SocketAddr> {
        loop {
            if self.round.is_empty() {
                self.round = self.with_status(|status| status != Status::Dead).collect();
                self.round.shuffle(&mut self.rng);
            }
            let target = self.round.pop()?;
            if self.others.get(&target).is_some_and(|record| record.standing.1 != Status::Dead) {
                return Some(target);
            }
        }
    }

    /// Returns a dead member or a seed that is no member, in every fifth period on average, and in
    /// each period while no member is known.
    fn absent(&mut self, seeds: &[SocketAddr]) -> Option<SocketAddr> {
        let is_alone = self.with_status(|status| status != Status::Dead).next().is_none();
        if !is_alone && !self.rng.random_ratio(1, 5) {
            return None;
        }
        let is_stranger = |seed: &&SocketAddr| !self.others.contains_key(seed) && Some(**seed) != self.own;
        let mut absent: Vec<_> = self.with_status(|status| status == Status::Dead).collect();
        absent.extend(seeds.iter().filter(is_stranger));
        absent.into_iter().choose(&mut self.rng)
    }

    /// Returns members that may reach one that does not respond.
    fn helpers(&mut self, target: SocketAddr) -> Vec<SocketAddr> {
        let mut others: Vec<_> = self.with_status(|status| status == Status::Alive).collect();
        others.retain(|other| *other != target);
        others.shuffle(&mut self.rng);
        others.truncate(HELPER_COUNT);
        others
    }
}
