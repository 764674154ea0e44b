use std::collections::BTreeSet;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const MAX_MEMBERS: usize = 8;

fn addr(number: u8) -> SocketAddr {
    ([10, 0, 0, number], 7_000).into()
}

fn node(number: u8, run: u64) -> Node {
    Node { addr: addr(number), run }
}

fn engine(seed: u64) -> Engine {
    let options = EngineOptions {
        probe_interval: SECOND,
        max_members: MAX_MEMBERS,
        filter: Arc::new(|addr| addr.port() == 7_000),
    };
    Engine::new(node(1, 1), &options, StdRng::seed_from_u64(seed))
}

/// Makes a node a member, as if it had sent an announcement and responded to the call.
fn join(engine: &mut Engine, node: Node, now: Instant) {
    let announcement = packet(node, engine.node(), Message::Announce);
    assert_eq!(engine.receive(node.addr, &announcement, now), Err(Ignored::Candidate));
    assert_eq!(engine.next_to_call(), Some(node.addr));
    assert!(!engine.validated(node.addr, Some(node), now));
    assert_eq!(engine.table().get(&node.addr), Some(&(node, false)));
}

fn packet(src: Node, dst: Node, message: Message<Node>) -> Vec<u8> {
    Packet { header: Header { src, src_incarnation: 0, dst, message }, updates: Vec::new() }.encode()
}

#[tokio::test(start_paused = true)]
async fn a_later_run_takes_the_place_of_an_earlier_one_and_packets_of_that_do_not_return_it() {
    let (mut engine, now) = (engine(1), Instant::now());
    join(&mut engine, node(2, 1_000), now);
    join(&mut engine, node(2, 5), now);
    // Packets of the earlier run make it a candidate, which its response does not confirm.
    let late = packet(node(2, 1_000), engine.node(), Message::Gossip);
    assert_eq!(engine.receive(addr(2), &late, now), Err(Ignored::Candidate));
    assert!(!engine.validated(addr(2), Some(node(2, 5)), now));
    assert_eq!(engine.table(), [(addr(2), (node(2, 5), false))].into());
}

#[tokio::test(start_paused = true)]
async fn a_node_that_does_not_respond_or_responds_for_another_is_no_member() {
    let (mut engine, now) = (engine(1), Instant::now());
    for response in [None, Some(node(3, 1)), Some(engine.node())] {
        let announcement = packet(node(2, 1), engine.node(), Message::Announce);
        assert_eq!(engine.receive(addr(2), &announcement, now), Err(Ignored::Candidate));
        assert_eq!(engine.next_to_call(), Some(addr(2)));
        assert!(!engine.validated(addr(2), response, now));
    }
    assert!(engine.table().is_empty() && engine.take_packets().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_member_makes_this_node_join_again_at_most_once_per_second() {
    let (mut engine, mut now) = (engine(1), Instant::now());
    join(&mut engine, node(2, 1), now);
    for second in 1..=5 {
        for _ in 0..100 {
            let claim = packet(node(2, 1), engine.node(), Message::TurnUndead);
            // Most claims are about the identity before the last.
            let _ = engine.receive(addr(2), &claim, now);
        }
        assert_eq!(engine.node(), node(1, 1 + second));
        now += SECOND;
    }
}

/// Returns a packet of a member, or of an attacker that knows the cluster.
fn random_packet(random: &mut StdRng, own: Node) -> (SocketAddr, Vec<u8>) {
    let any = |random: &mut StdRng| match random.random_range(0..6) {
        0 => own,
        1 => Node { addr: ([10, 1, random.random(), random.random()], 7_000).into(), run: 1 },
        // Not allowed by the filter.
        2 => Node { addr: ([10, 0, 0, 9], random.random_range(1..7_000)).into(), run: 1 },
        _ => node(random.random_range(1..12), random.random_range(0..4)),
    };
    let (target, probe_number) = (any(random), random.random_range(0..4));
    let message = match random.random_range(0..10) {
        0 => Message::Ping(probe_number),
        1 => Message::Ack(probe_number),
        2 => Message::PingReq { target, probe_number },
        3 => Message::IndirectPing { origin: target, probe_number },
        4 => Message::IndirectAck { target, probe_number },
        5 => Message::ForwardedAck { origin: target, probe_number },
        6 => Message::Announce,
        7 => Message::Feed,
        8 => Message::Gossip,
        _ => Message::TurnUndead,
    };
    let mut updates = Vec::new();
    if message != Message::Announce {
        for _ in 0..random.random_range(0..20) {
            let incarnation = if random.random() { random.random_range(0..3) } else { random.random() };
            let state = [State::Alive, State::Suspect, State::Down][random.random_range(0..3)];
            updates.push(Member::new(any(random), incarnation, state));
        }
    }
    let src = any(random);
    let src_incarnation = if random.random() { random.random_range(0..3) } else { random.random() };
    let dst = if random.random_range(0..4) == 0 { any(random) } else { own };
    let mut bytes = Packet { header: Header { src, src_incarnation, dst, message }, updates }.encode();
    if random.random_range(0..4) == 0 {
        let at = random.random_range(0..bytes.len());
        bytes[at] = random.random();
    }
    (src.addr, bytes)
}

#[tokio::test(start_paused = true)]
async fn packets_of_hostile_members_leave_everything_bounded() {
    for seed in 0..20 {
        let mut random = StdRng::seed_from_u64(seed);
        let (mut engine, mut now) = (engine(seed), Instant::now());
        let start = now;
        let (mut responded, mut renewals) = (BTreeSet::new(), 0);
        for _ in 0..2_000 {
            let own = engine.node();
            let (sender, bytes) = random_packet(&mut random, own);
            let _ = engine.receive(sender, &bytes, now);
            while let Some(candidate) = engine.next_to_call() {
                assert_eq!(candidate.port(), 7_000, "seed {seed}: {candidate} is not allowed");
                // The nodes below 10.1 do not exist.
                let response = Node { addr: candidate, run: random.random_range(0..4) };
                let exists = !candidate.to_string().starts_with("10.1.") && random.random_range(0..8) > 0;
                if exists {
                    responded.insert(candidate);
                }
                engine.validated(candidate, exists.then_some(response), now);
            }
            now += Duration::from_millis(random.random_range(0..100));
            engine.fire(now);
            renewals += u64::from(engine.node() != own);
            for (to, packet) in engine.take_packets() {
                assert!(responded.contains(&to), "seed {seed}: a packet to {to}, which did not respond");
                assert!(packet.len() <= PACKET_LEN, "seed {seed}: {} bytes", packet.len());
            }
            let known = engine.foca.iter_membership_state().len();
            assert!(engine.table().len() <= MAX_MEMBERS, "{:#?} {}", engine.table(), engine.foca.num_members());
            assert!(engine.table().len() <= MAX_MEMBERS && known <= 2 * MAX_MEMBERS, "seed {seed}: {known}");
            assert!(engine.effects.timers.len() <= 5 + 2 * responded.len(), "seed {seed}");
        }
        assert!(renewals <= (now - start).as_secs() + 1, "seed {seed}: {renewals} renewals");
    }
}
