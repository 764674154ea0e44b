use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::{NonZeroU8, NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use foca::{
    Config, Foca, Header, Incarnation, Member, Message, NoCustomBroadcast, Notification, PeriodicParams, State, Timer,
};
use rand::rngs::StdRng;
use rand::seq::IteratorRandom;
use rand::{RngExt, SeedableRng};
use tokio::time::Instant;

use crate::swim::candidates::Candidates;
use crate::swim::node::Node;
use crate::swim::packet::{Codec, PACKET_LEN, Packet, PacketError};
use crate::swim::timers::Timers;

/// The members that a node knows, and whether each is under suspicion.
pub(crate) type Table = BTreeMap<SocketAddr, (Node, bool)>;

/// The decision whether an address may be a member.
pub(crate) type Filter = Arc<dyn Fn(SocketAddr) -> bool + Send + Sync>;

/// The reason why a packet was not handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ignored {
    Malformed(PacketError),
    /// The packet names this source, which is not the address that it came from.
    Source(SocketAddr),
    /// The filter refuses the source.
    NotAllowed,
    /// The source is not a member yet.
    Candidate,
    /// The packet is for an earlier run of this node, or makes no sense.
    Stale,
}

/// The options of an [`Engine`].
#[derive(Clone)]
pub(crate) struct EngineOptions {
    pub(crate) probe_interval: Duration,
    pub(crate) max_members: usize,
    pub(crate) filter: Filter,
}

type Membership = Foca<Node, Codec, StdRng, NoCustomBroadcast>;

/// The membership protocol without I/O: packets and time go in, packets and members come out.
pub(crate) struct Engine {
    foca: Membership,
    effects: Effects,
    candidates: Candidates,
    filter: Filter,
    probe_interval: Duration,
    max_members: usize,
    renewed_at: Option<Instant>,
    inquiry: Inquiry,
    random: StdRng,
}

/// The rounds in which a node asks members for members, drawn at random, while it finds unknown
/// ones.
#[derive(Debug, Default)]
struct Inquiry {
    next: Option<Instant>,
    rounds: u32,
}

impl Inquiry {
    /// The rounds after the last one that had unknown members.
    const ROUNDS: u32 = 4;

    fn is_due(&mut self, now: Instant, interval: Duration) -> bool {
        if self.next.is_none_or(|next| next > now) {
            return false;
        }
        self.rounds -= 1;
        self.next = (self.rounds > 0).then(|| now + interval);
        true
    }
}

/// The effects of a step of foca.
#[derive(Debug, Default)]
struct Effects {
    packets: Vec<(SocketAddr, Vec<u8>)>,
    timers: Timers,
    now: Option<Instant>,
}

impl foca::Runtime<Node> for Effects {
    // The table of members is compared after each step, because no notification tells of suspicion.
    fn notify(&mut self, _: Notification<'_, Node>) {}

    fn send_to(&mut self, to: Node, data: &[u8]) {
        self.packets.push((to.addr, data.into()));
    }

    fn submit_after(&mut self, timer: Timer<Node>, after: Duration) {
        let now = self.now.expect("each step sets the time");
        self.timers.set(timer, now, after);
    }
}

impl Engine {
    /// The shortest time between two new identities of this node. Packets of one member could make
    /// it join again without end.
    const RENEWAL_INTERVAL: Duration = Duration::from_secs(1);
    /// The time that a member is remembered after its end, to invite it again after a partition.
    const REMEMBER_DOWN: Duration = Duration::from_secs(3_600);

    pub(crate) fn new(node: Node, options: &EngineOptions, mut random: StdRng) -> Self {
        let own_random = StdRng::seed_from_u64(random.random());
        let config = config(options.probe_interval, 1);
        Self {
            foca: Foca::new(node, config, random, Codec),
            effects: Effects::default(),
            candidates: Candidates::new(options.max_members),
            filter: Arc::clone(&options.filter),
            probe_interval: options.probe_interval,
            max_members: options.max_members,
            renewed_at: None,
            inquiry: Inquiry::default(),
            random: own_random,
        }
    }

    /// Returns the identity of this node.
    pub(crate) fn node(&self) -> Node {
        *self.foca.identity()
    }

    /// Asks the node at an address for members, and to become one.
    pub(crate) fn announce(&mut self, to: SocketAddr, now: Instant) {
        if to != self.node().addr {
            self.step(now, |foca, effects| foca.announce(Node::unknown(to), effects));
        }
    }

    /// Handles a packet from an address.
    pub(crate) fn receive(&mut self, sender: SocketAddr, bytes: &[u8], now: Instant) -> Result<(), Ignored> {
        let mut packet = Packet::decode(bytes).map_err(Ignored::Malformed)?;
        let own = self.node();
        let source = packet.header.src;
        if source.addr != sender {
            return Err(Ignored::Source(source.addr));
        }
        if source.addr == own.addr {
            return Err(Ignored::Stale);
        }
        if !(self.filter)(sender) {
            return Err(Ignored::NotAllowed);
        }
        if packet.header.message == Message::Announce {
            // Its sender does not know this node's run, nor perhaps which of its addresses
            // it advertises.
            packet.header.dst = own;
        }
        if packet.header.dst != own || !self.is_allowed(&packet.header, now) {
            return Err(Ignored::Stale);
        }
        if !self.is_known(&source) {
            // A node joins with those two, so they take the place of others.
            let is_preferred = matches!(packet.header.message, Message::Announce | Message::Feed);
            self.candidates.add_sender(source.addr, bytes, is_preferred);
            return Err(Ignored::Candidate);
        }
        let has_unknown_members = self.retain_updates(&mut packet, now);
        if has_unknown_members && packet.header.message == Message::Feed {
            // A response has room for a part of a large cluster, drawn at random.
            self.inquiry.rounds = Inquiry::ROUNDS;
            self.inquiry.next.get_or_insert(now + self.probe_interval);
        }
        let bytes = packet.encode();
        self.step(now, |foca, effects| foca.handle_data(&bytes, effects));
        Ok(())
    }

    /// Whether a message, from a member, makes this node do only things that a member may ask for.
    fn is_allowed(&self, header: &Header<Node>, now: Instant) -> bool {
        match &header.message {
            // Packets go to members only, not to any address that a packet names.
            Message::PingReq { target, .. } | Message::IndirectAck { target, .. } => self.is_known(target),
            Message::TurnUndead => self.may_renew(now),
            _ => true,
        }
    }

    /// Removes updates that are not taken from others, and makes unknown nodes candidates. Returns
    /// whether there were any.
    fn retain_updates(&mut self, packet: &mut Packet, now: Instant) -> bool {
        let mut has_unknown_members = false;
        let (own, may_renew) = (self.node(), self.may_renew(now));
        // One packet makes this node join again at most once.
        let mut is_first_about_own = packet.header.message != Message::TurnUndead;
        packet.updates.retain(|update| {
            let (node, is_down) = (*update.id(), update.state() == State::Down);
            if node.addr == own.addr {
                // A suspicion at the end of the incarnations cannot be refuted by the next one.
                let renews = is_down || update.incarnation() >= Incarnation::MAX - 1;
                return node == own && std::mem::take(&mut is_first_about_own) && (!renews || may_renew);
            }
            if !self.is_known(&node) {
                if !is_down && (self.filter)(node.addr) {
                    self.candidates.add(node.addr);
                    has_unknown_members = true;
                }
                return false;
            }
            true
        });
        has_unknown_members
    }

    fn may_renew(&self, now: Instant) -> bool {
        self.renewed_at.is_none_or(|at| now.saturating_duration_since(at) >= Self::RENEWAL_INTERVAL)
    }

    /// Whether the table holds this run of a node, as a member or as one that has ended.
    fn is_known(&self, node: &Node) -> bool {
        self.foca.iter_membership_state().any(|member| member.id() == node)
    }

    /// Returns the next candidate to call.
    pub(crate) fn next_to_call(&mut self) -> Option<SocketAddr> {
        self.candidates.next_to_call()
    }

    /// Handles the end of a call to a candidate: the identity with which it responded, if it did.
    /// Returns whether it was refused because there are too many members.
    pub(crate) fn validated(&mut self, addr: SocketAddr, node: Option<Node>, now: Instant) -> bool {
        let packet = self.candidates.take(addr);
        let Some(node) = node.filter(|node| node.addr == addr && addr != self.node().addr) else { return false };
        if self.is_known(&node) {
            return false;
        }
        let earlier = self.foca.iter_membership_state().find(|member| member.id().addr == addr).cloned();
        let is_member = earlier.as_ref().is_some_and(|earlier| earlier.state() != State::Down);
        if !is_member && self.foca.num_members() >= self.max_members {
            return true;
        }
        match earlier {
            // The earlier run at this address has ended.
            Some(earlier) => self.forget(*earlier.id(), now),
            None => self.make_room(now),
        }
        self.apply(Member::alive(node), now);
        if let Some(packet) = packet {
            // The packet may be of a later run, or of an earlier one.
            let _ = self.receive(addr, &packet, now);
        }
        false
    }

    /// Forgets members that have ended if the table is full, which keeps its size bounded.
    fn make_room(&mut self, now: Instant) {
        while self.foca.iter_membership_state().len() >= 2 * self.max_members {
            let down = self.foca.iter_membership_state().find(|member| member.state() == State::Down);
            let Some(down) = down.map(|member| *member.id()) else { return };
            self.step(now, |foca, effects| foca.handle_timer(Timer::RemoveDown(down), effects));
        }
    }

    fn forget(&mut self, node: Node, now: Instant) {
        self.apply(Member::down(node), now);
        self.step(now, |foca, effects| foca.handle_timer(Timer::RemoveDown(node), effects));
    }

    fn apply(&mut self, member: Member<Node>, now: Instant) {
        self.step(now, |foca, effects| foca.apply_many(std::iter::once(member), true, effects));
    }

    /// Returns the time at which [`fire`](Self::fire) has work.
    pub(crate) fn next_timer(&self) -> Option<Instant> {
        self.effects.timers.next().into_iter().chain(self.inquiry.next).min()
    }

    /// Handles the timers that are due.
    pub(crate) fn fire(&mut self, now: Instant) {
        if self.inquiry.is_due(now, self.probe_interval)
            && let Some(member) = self.foca.iter_members().choose(&mut self.random).map(|member| member.id().addr)
        {
            self.announce(member, now);
        }
        while let Some(timer) = self.effects.timers.take_due(now) {
            if self.is_refuted(&timer) {
                continue;
            }
            self.step(now, |foca, effects| foca.handle_timer(timer, effects));
        }
    }

    /// Whether a timer is for a suspicion that its member has refuted. With it, foca 2.0.0 keeps
    /// the member, and yet tells it that it was given up, after which the member joins again.
    fn is_refuted(&self, timer: &Timer<Node>) -> bool {
        let Timer::ChangeSuspectToDown { member_id, incarnation, .. } = timer else { return false };
        let suspicion = Member::new(*member_id, *incarnation, State::Suspect);
        !self.foca.iter_members().any(|member| *member == suspicion)
    }

    /// Declares that this node has left.
    pub(crate) fn leave(&mut self, now: Instant) {
        self.step(now, |foca, effects| foca.leave_cluster(effects));
    }

    /// Sends the latest updates to a few members.
    pub(crate) fn gossip(&mut self, now: Instant) {
        self.step(now, |foca, effects| foca.gossip(effects));
    }

    /// Takes the packets to send.
    pub(crate) fn take_packets(&mut self) -> Vec<(SocketAddr, Vec<u8>)> {
        std::mem::take(&mut self.effects.packets)
    }

    /// Returns the members, this node not among them.
    pub(crate) fn table(&self) -> Table {
        let members = self.foca.iter_members();
        members.map(|member| (member.id().addr, (*member.id(), member.state() == State::Suspect))).collect()
    }

    fn step(&mut self, now: Instant, step: impl FnOnce(&mut Membership, &mut Effects) -> Result<(), foca::Error>) {
        self.effects.now = Some(now);
        let (node, count) = (self.node(), self.foca.num_members());
        if let Err(error) = step(&mut self.foca, &mut self.effects) {
            tracing::debug!(target: "rpcudp", %error, "swim: a step failed");
        }
        if self.node() != node {
            self.renewed_at = Some(now);
        }
        let members = self.foca.num_members();
        if members != count {
            let config = config(self.probe_interval, members.saturating_add(1));
            self.foca.set_config(config).expect("only the dissemination and the time of suspicion change");
        }
    }
}

/// The least number of packets in which a node passes on an update.
const MIN_TRANSMISSIONS: NonZeroU8 = NonZeroU8::new(10).expect("it is not zero");

/// The number of probe intervals after which a node asks a member for others that it missed.
const ANNOUNCE_PERIODS: u32 = 10;

/// Returns the parameters for an interval between probes and a number of members, this node among
/// them. The proportions are those that foca recommends for a LAN, whose interval is 1 s.
fn config(probe_interval: Duration, members: usize) -> Config {
    let size = u32::try_from(members).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MAX);
    let lan = Config::new_lan(size);
    let scale = |duration: Duration| duration.mul_f64(probe_interval.as_secs_f64());
    let periodic = |params: Option<PeriodicParams>| {
        params.map(|params| PeriodicParams { frequency: scale(params.frequency), ..params })
    };
    let announce = PeriodicParams { frequency: ANNOUNCE_PERIODS * probe_interval, num_members: NonZeroUsize::MIN };
    Config {
        probe_period: scale(lan.probe_period),
        probe_rtt: scale(lan.probe_rtt),
        suspect_to_down_after: scale(lan.suspect_to_down_after),
        // By the number of members, an update that a node makes while it knows few would be sent
        // once.
        max_transmissions: lan.max_transmissions.max(MIN_TRANSMISSIONS),
        remove_down_after: Some(Engine::REMEMBER_DOWN),
        max_packet_size: NonZeroUsize::new(PACKET_LEN).expect("it is not zero"),
        periodic_announce: Some(announce),
        periodic_announce_to_down_members: periodic(lan.periodic_announce_to_down_members),
        periodic_gossip: periodic(lan.periodic_gossip),
        ..lan
    }
}

#[cfg(test)]
mod tests;
