use proptest::prelude::*;

use super::*;
use crate::{Dialect, Frame, MessageId, Request};

const RETENTION: Duration = Duration::from_secs(60);
const PEER: [u8; 4] = [192, 0, 2, 1];
const OTHER_PEER: [u8; 4] = [192, 0, 2, 2];

#[expect(clippy::disallowed_methods, reason = "a test needs some time to start from")]
fn start() -> Instant {
    Instant::now()
}

fn addr(ip: [u8; 4]) -> SocketAddr {
    (ip, 7_000).into()
}

/// A request with its sender.
#[derive(Clone, Copy)]
struct Received {
    key: RequestKey,
    sender: SocketAddr,
}

fn received(sender: SocketAddr, id: u64, method: &str, remaining: Option<Duration>) -> Received {
    let mut bytes = [0; MessageId::LEN];
    bytes[4..12].copy_from_slice(&id.to_be_bytes());
    let mut datagram = Vec::new();
    Request::begin(&mut datagram, Dialect::Rpcudp, method, 0);
    Request::set_id(&mut datagram, MessageId::from_bytes(bytes));
    if let Some(remaining) = remaining {
        Request::end(&mut datagram, remaining);
    }
    let Ok(Frame::Request(request)) = Frame::decode(&datagram, Dialect::Rpcudp) else { panic!("no request") };
    Received { key: RequestKey::new(&request, &datagram, sender, 7), sender }
}

/// A request of a peer of this crate.
fn request(id: u64) -> Received {
    received(addr(PEER), id, "m", Some(Duration::from_secs(5)))
}

impl Received {
    fn from(self, sender: SocketAddr) -> Self {
        Self { sender, ..self }
    }

    fn begin(self, responses: &mut StoredResponses, now: Instant) -> Seen<'_> {
        responses.begin(now, self.key, self.sender)
    }

    fn run(self, responses: &mut StoredResponses, now: Instant, response: &[u8]) {
        assert_eq!(self.begin(responses, now), Seen::Never);
        assert_eq!(responses.finish(now, self.key, response), Some(self.sender));
    }
}

fn len_of(response_len: usize) -> usize {
    StoredResponses::ENTRY_LEN + allocated_len(response_len)
}

#[test]
fn sender_of_a_request_without_a_remaining_time_is_part_of_its_identity() {
    let mut responses = StoredResponses::new(1 << 20, RETENTION);
    let now = start();
    // Weak ids: each of these peers counts its requests.
    for host in 1..=20 {
        let sender = addr([192, 0, 2, host]);
        let request = received(sender, 1, &format!("m{host}"), None);
        assert_eq!(request.begin(&mut responses, now), Seen::Never, "{sender}");
        assert_eq!(request.begin(&mut responses, now), Seen::Running, "{sender}");
    }
}

#[test]
fn duplicate_from_another_address_is_recognized_and_gets_the_response() {
    let mut responses = StoredResponses::new(1 << 20, RETENTION);
    let now = start();
    let (request, moved) = (request(1), request(1).from(addr(OTHER_PEER)));
    assert_eq!(request.begin(&mut responses, now), Seen::Never);
    assert_eq!(moved.begin(&mut responses, now), Seen::Running);
    let other = received(addr(PEER), 1, "n", Some(RETENTION));
    assert_eq!(other.begin(&mut responses, now), Seen::Other, "the first sender still has this id");
    assert_eq!(responses.finish(now, request.key, b"response"), Some(moved.sender));
    assert_eq!(request.begin(&mut responses, now), Seen::Stored(b"response"));
    assert_eq!(moved.from("[2001:db8::1]:7".parse().unwrap()).begin(&mut responses, now), Seen::Stored(b"response"));
}

#[test]
fn request_with_the_id_and_other_content_is_no_duplicate() {
    for remaining in [None, Some(Duration::from_secs(5))] {
        let mut responses = StoredResponses::new(1 << 20, RETENTION);
        let now = start();
        let (one, other) = (received(addr(PEER), 1, "m", remaining), received(addr(PEER), 1, "n", remaining));
        assert_eq!(one.begin(&mut responses, now), Seen::Never);
        assert_eq!(other.begin(&mut responses, now), Seen::Other);
        responses.finish(now, one.key, b"response");
        assert_eq!(other.begin(&mut responses, now), Seen::Other);
        assert_eq!(one.begin(&mut responses, now), Seen::Stored(b"response"));
        let cut = received(addr(PEER), 1, "m", if remaining.is_some() { None } else { Some(RETENTION) });
        assert_eq!(cut.begin(&mut responses, now), Seen::Other, "the remaining time is content, too");
        // A peer at another address cannot block this id.
        let other = received(addr(OTHER_PEER), 1, "n", remaining);
        assert_eq!(other.begin(&mut responses, now), Seen::Never);
    }
}

#[test]
fn many_requests_with_one_id_do_not_hide_a_duplicate() {
    let mut responses = StoredResponses::new(1 << 20, RETENTION);
    let now = start();
    let requests: Vec<_> = (1..=100)
        .map(|host| received(addr([192, 0, 2, host]), 1, &format!("m{host}"), Some(Duration::from_secs(5))))
        .collect();
    requests.iter().for_each(|request| assert_eq!(request.begin(&mut responses, now), Seen::Never));
    requests.iter().for_each(|request| assert_eq!(request.begin(&mut responses, now), Seen::Running));
}

#[test]
fn response_expires_and_a_running_request_does_not() {
    let mut responses = StoredResponses::new(1 << 20, RETENTION);
    let now = start();
    request(1).run(&mut responses, now, b"response");
    assert_eq!(request(2).begin(&mut responses, now), Seen::Never);
    let later = now + RETENTION;
    assert_eq!(responses.next_expiry(), Some(later));
    assert_eq!(request(1).begin(&mut responses, later), Seen::Never);
    assert_eq!(request(2).begin(&mut responses, later), Seen::Running);
    assert_eq!(responses.evicted(), 0);
}

#[test]
fn memory_is_given_back_without_further_requests() {
    let mut responses = StoredResponses::new(1 << 20, RETENTION);
    let now = start();
    (0..100).for_each(|id| request(id).run(&mut responses, now, &[7; 100]));
    assert_eq!(responses.bytes(), 100 * len_of(100) + Sources::SOURCE_LEN);
    responses.expire(now + RETENTION);
    assert_eq!((responses.bytes(), responses.next_expiry()), (0, None));
    assert!(responses.entries.is_empty() && responses.finished.is_empty());
}

#[test]
fn expired_responses_are_removed_a_few_at_a_time_and_never_replayed() {
    let mut responses = StoredResponses::new(16 << 20, RETENTION);
    let now = start();
    (0..10_000).for_each(|id| request(id).run(&mut responses, now, b"response"));
    let later = now + RETENTION;
    responses.expire(later);
    assert_eq!(responses.entries.len(), 10_000 - StoredResponses::MAX_EXPIRED);
    assert!(responses.next_expiry().is_some_and(|expiry| expiry <= later));
    assert_eq!(request(9_999).begin(&mut responses, later), Seen::Never);
    for _ in 0..10_000 / StoredResponses::MAX_EXPIRED {
        responses.expire(later);
    }
    assert_eq!((responses.bytes(), responses.next_expiry()), (StoredResponses::ENTRY_LEN, None));
}

#[test]
fn longest_retention_does_not_overflow() {
    let mut responses = StoredResponses::new(1 << 20, Duration::MAX);
    let now = start();
    request(1).run(&mut responses, now, b"response");
    assert_eq!(request(1).begin(&mut responses, now), Seen::Stored(b"response"));
}

#[test]
fn forgotten_request_is_new_again() {
    let mut responses = StoredResponses::new(1 << 20, RETENTION);
    let now = start();
    assert_eq!(request(1).begin(&mut responses, now), Seen::Never);
    assert_eq!(request(1).from(addr(OTHER_PEER)).begin(&mut responses, now), Seen::Running);
    assert_eq!(responses.forget(request(1).key), Some(addr(OTHER_PEER)));
    assert_eq!((responses.bytes(), responses.forget(request(1).key)), (0, None));
    request(1).run(&mut responses, now, b"response");
    assert_eq!(responses.forget(request(1).key), None, "a stored response stays");
    assert_eq!(request(1).begin(&mut responses, now), Seen::Stored(b"response"));
}

#[test]
fn oldest_response_of_a_source_is_evicted_first() {
    let mut responses = StoredResponses::new(3 * len_of(100) + Sources::SOURCE_LEN, RETENTION);
    let now = start();
    (0..4).for_each(|id| request(id).run(&mut responses, now, &[id as u8; 100]));
    assert_eq!(responses.evicted(), 1);
    assert_eq!(request(3).begin(&mut responses, now), Seen::Stored(&[3; 100]));
    assert_eq!(request(0).begin(&mut responses, now), Seen::Never);
}

#[test]
fn source_with_the_most_memory_is_evicted_first() {
    let mut responses = StoredResponses::new(10 * len_of(100) + 2 * Sources::SOURCE_LEN, RETENTION);
    let now = start();
    let honest = |id| received(addr(OTHER_PEER), id, "m", Some(Duration::from_secs(5)));
    (0..3).for_each(|id| honest(id).run(&mut responses, now, &[7; 100]));
    // Other ports are the same source.
    for id in 100..1_000 {
        let port = 1_000 + id as u16;
        request(id).from((PEER, port).into()).run(&mut responses, now, &[8; 100]);
    }
    for id in 0..3 {
        assert_eq!(honest(id).begin(&mut responses, now), Seen::Stored(&[7; 100]));
    }
    assert_eq!(responses.evicted(), 900 - 7);
}

/// A tenth of the permitted rate of a source, for a minute, with a sixteenth of the memory.
/// Eviction by age alone forgets the honest responses after 3 s.
#[test]
fn flood_of_one_source_does_not_evict_the_responses_of_others() {
    const FLOOD_PER_MS: u64 = 5;
    let mut responses = StoredResponses::new(4 << 20, RETENTION);
    let mut now = start();
    let template = request(0);
    let honest: Vec<_> =
        (0..1_000).map(|id| received(addr([198, 51, 100, id as u8]), id, "m", Some(RETENTION))).collect();
    for millis in 0..60_000 {
        if let Some(request) = honest.get(millis as usize) {
            request.run(&mut responses, now, b"honest");
        }
        for id in 0..FLOOD_PER_MS {
            let key = template.key.renumbered((1 << 32) + millis * FLOOD_PER_MS + id);
            let seen = responses.begin(now, key, template.sender);
            assert_eq!(seen, Seen::Never);
            responses.finish(now, key, &[7; 8]);
        }
        now += Duration::from_millis(1);
        if let Some(request) = honest.get((millis % 1_000) as usize).filter(|_| millis >= 59_000) {
            assert_eq!(request.begin(&mut responses, now), Seen::Stored(b"honest"), "{millis} ms");
        }
    }
    assert!(responses.bytes() <= 4 << 20);
    assert!(responses.evicted() > 280_000);
}

#[test]
fn response_larger_than_the_budget_is_not_stored_and_not_run_again() {
    let mut responses = StoredResponses::new(1_000, RETENTION);
    let now = start();
    request(1).run(&mut responses, now, &[0; 1_001]);
    for _ in 0..3 {
        assert_eq!(request(1).begin(&mut responses, now), Seen::NotStored);
    }
    // One without a response is no such request: its caller does not wait.
    request(2).run(&mut responses, now, b"");
    assert_eq!(request(2).begin(&mut responses, now), Seen::Stored(b""));
}

#[test]
fn request_of_a_large_response_that_is_evicted_does_not_run_again() {
    let budget = 10 * len_of(5_000) + Sources::SOURCE_LEN;
    let mut responses = StoredResponses::new(budget, RETENTION);
    let now = start();
    request(0).run(&mut responses, now, b"small");
    (1..=50).for_each(|id| request(id).run(&mut responses, now, &[id as u8; 5_000]));
    assert!(responses.bytes() <= budget && responses.evicted() > 40, "{}", responses.evicted());
    assert_eq!(request(0).begin(&mut responses, now), Seen::Stored(b"small"));
    let mut stored = 0;
    for id in 1..=50 {
        match request(id).begin(&mut responses, now) {
            Seen::Stored(response) => {
                assert_eq!(response, [id as u8; 5_000]);
                stored += 1;
            }
            seen => assert!(seen == Seen::NotStored && stored == 0, "the newest are stored: {id}, {seen:?}"),
        }
    }
    assert!((5..=10).contains(&stored), "{stored}");
    // The time of retention is that of any other.
    assert_eq!(request(1).begin(&mut responses, now + RETENTION), Seen::Never);
    responses.expire(now + RETENTION);
    assert_eq!((responses.bytes(), responses.finished.len()), (StoredResponses::ENTRY_LEN, 0));
}

#[test]
fn large_response_with_a_recent_duplicate_is_evicted_after_the_others() {
    let mut responses = StoredResponses::new(3 * len_of(5_000) + Sources::SOURCE_LEN, RETENTION);
    let now = start();
    for id in 0..4 {
        request(id).run(&mut responses, now, &[id as u8; 5_000]);
        assert_eq!(request(0).begin(&mut responses, now), Seen::Stored(&[0; 5_000]));
    }
    assert_eq!(request(1).begin(&mut responses, now), Seen::NotStored);
}

#[test]
fn request_that_may_run_twice_is_restarted() {
    let mut responses = StoredResponses::new(1_000, RETENTION);
    let (now, moved) = (start(), addr(OTHER_PEER));
    request(1).run(&mut responses, now, &[0; 1_001]);
    assert_eq!(request(1).begin(&mut responses, now), Seen::NotStored);
    responses.restart(now, request(1).key, moved);
    assert_eq!(request(1).from(moved).begin(&mut responses, now), Seen::Running);
    assert_eq!(responses.bytes(), StoredResponses::ENTRY_LEN);
    assert_eq!(responses.finish(now, request(1).key, b"short"), Some(moved));
    assert_eq!(request(1).begin(&mut responses, now), Seen::Stored(b"short"));
}

#[test]
fn retention_starts_again_with_each_duplicate() {
    let mut responses = StoredResponses::new(1 << 20, RETENTION);
    let mut now = start();
    (1..=2).for_each(|id| request(id).run(&mut responses, now, b"response"));
    for _ in 0..5 {
        now += RETENTION / 2;
        assert_eq!(request(1).begin(&mut responses, now), Seen::Stored(b"response"));
    }
    assert_eq!(responses.bytes(), len_of(8) + Sources::SOURCE_LEN, "the other has expired");
    assert_eq!(request(1).begin(&mut responses, now + RETENTION), Seen::Never);
    assert_eq!(responses.bytes(), StoredResponses::ENTRY_LEN);
}

#[test]
fn response_with_a_recent_duplicate_is_evicted_after_the_others() {
    let mut responses = StoredResponses::new(3 * len_of(100) + Sources::SOURCE_LEN, RETENTION);
    let mut now = start();
    for id in 0..4 {
        now += Duration::from_secs(1);
        request(id).run(&mut responses, now, &[id as u8; 100]);
        assert_eq!(request(0).begin(&mut responses, now), Seen::Stored(&[0; 100]));
    }
    assert_eq!(request(1).begin(&mut responses, now), Seen::Never);
}

proptest! {
    /// Requests of many sources start, finish and are forgotten in any order: finished requests
    /// stay within the budget, and everything is free at the end.
    #[test]
    fn memory_is_limited(
        steps in proptest::collection::vec((0_u64..20, 0_u8..3, prop_oneof![0_usize..400, 3_900..6_000_usize]), 1..200),
        budget in prop_oneof![Just(4_000), Just(20_000)],
    ) {
        let mut responses = StoredResponses::new(budget, RETENTION);
        let mut running = std::collections::BTreeSet::new();
        let mut now = start();
        for (id, step, len) in steps {
            now += Duration::from_secs(1);
            let request = received(addr([192, 0, 2, id as u8 % 4]), id, "m", Some(RETENTION));
            match request.begin(&mut responses, now) {
                Seen::Never => prop_assert!(running.insert(id)),
                Seen::Running => prop_assert!(running.contains(&id)),
                Seen::Stored(_) | Seen::NotStored => prop_assert!(!running.contains(&id)),
                Seen::Other => prop_assert!(false, "no other content"),
            }
            match step {
                1 => drop(responses.finish(now, request.key, &vec![0; len])),
                2 => drop(responses.forget(request.key)),
                _ => continue,
            }
            running.remove(&id);
            let limit = budget + (running.len() + 1) * (StoredResponses::ENTRY_LEN + Sources::SOURCE_LEN);
            prop_assert!(responses.bytes() <= limit, "{} of {limit}", responses.bytes());
        }
        responses.expire(now + RETENTION);
        prop_assert_eq!(responses.bytes(), running.len() * StoredResponses::ENTRY_LEN);
        prop_assert!(responses.finished.is_empty() && responses.sources.is_empty());
    }
}
