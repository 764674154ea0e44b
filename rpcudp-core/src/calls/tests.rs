use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[expect(clippy::disallowed_methods, reason = "a test needs some time to start from")]
pub(super) fn start() -> Instant {
    Instant::now()
}

pub(super) fn peer(port: u16) -> SocketAddr {
    ([192, 0, 2, 1], port).into()
}

pub(super) fn once(sent: Instant, timeout: Duration) -> Schedule {
    Schedule { sent, deadline: sent + timeout, retransmits: false, waits_for_ready: false }
}

pub(super) const SECOND: Duration = Duration::from_secs(1);

#[test]
fn response_from_another_address_completes_no_call() {
    let now = start();
    let mut calls = Calls::new(now);
    let id = calls.insert(peer(1), once(now, SECOND), [1; 16], ()).unwrap();
    assert_eq!(calls.complete(&id, peer(2), Duration::ZERO, || now), Err(DropReason::WrongSource));
    assert_eq!(calls.complete(&id, peer(1), Duration::ZERO, || now), Ok(&mut ()));
}

#[test]
fn response_from_another_address_is_accepted_with_any_source() {
    let now = start();
    let mut calls = Calls::new(now).with_any_source(true);
    let id = calls.insert(peer(1), once(now, SECOND), [1; 16], ()).unwrap();
    assert_eq!(calls.complete(&id, peer(2), Duration::ZERO, || now), Ok(&mut ()));
}

#[test]
fn any_source_does_not_include_peers_that_are_known_by_more_than_an_address() {
    let now = start();
    let mut calls = Calls::new(now).with_any_source(true);
    let known = |port| std::net::SocketAddrV6::new("2001:db8::1".parse().unwrap(), port, 7, 1).into();
    let id = calls.insert(known(1), once(now, SECOND), [1; 16], ()).unwrap();
    for other in [peer(1), known(2)] {
        assert_eq!(calls.complete(&id, other, Duration::ZERO, || now), Err(DropReason::WrongSource));
    }
    assert_eq!(calls.complete(&id, known(1), Duration::ZERO, || now), Ok(&mut ()));
}

#[test]
fn link_local_peer_called_without_a_scope_may_respond_with_one() {
    let now = start();
    let mut calls = Calls::new(now);
    let with_scope = |scope| std::net::SocketAddrV6::new("fe80::1".parse().unwrap(), 1, 0, scope).into();
    let id = calls.insert(with_scope(0), once(now, SECOND), [1; 16], ()).unwrap();
    assert_eq!(calls.complete(&id, with_scope(3), Duration::ZERO, || now), Ok(&mut ()));
    let id = calls.insert(with_scope(2), once(now, SECOND), [2; 16], ()).unwrap();
    assert_eq!(calls.complete(&id, with_scope(3), Duration::ZERO, || now), Err(DropReason::WrongSource));
}

#[test]
fn id_of_an_earlier_call_in_the_slot_matches_no_call() {
    let now = start();
    let mut calls = Calls::new(now);
    let old = calls.insert(peer(1), once(now, SECOND), [1; 16], "old").unwrap();
    assert_eq!(calls.remove(&old), Some("old"));
    let new = calls.insert(peer(1), once(now, SECOND), [2; 16], "new").unwrap();
    assert_eq!(calls.complete(&old, peer(1), Duration::ZERO, || now), Err(DropReason::UnmatchedResponse));
    assert_eq!(calls.remove(&old), None);
    assert_eq!(calls.complete(&new, peer(1), Duration::ZERO, || now), Ok(&mut "new"));
}

#[test]
fn id_without_a_slot_matches_no_call() {
    let now = start();
    let mut calls = Calls::<()>::new(now);
    let id = MessageId::without_slot([0; 16]);
    assert_eq!(calls.complete(&id, peer(1), Duration::ZERO, || now), Err(DropReason::UnmatchedResponse));
}

#[test]
fn limit_is_enforced_and_a_removed_call_makes_room() {
    let now = start();
    let mut calls = Calls::new(now).with_limit(1);
    let id = calls.insert(peer(1), once(now, SECOND), [1; 16], ()).unwrap();
    assert_eq!(calls.insert(peer(1), once(now, SECOND), [2; 16], ()), Err(TooManyCalls { limit: 1 }));
    calls.remove(&id);
    assert!(calls.insert(peer(1), once(now, SECOND), [2; 16], ()).is_ok());
}

#[test]
fn due_is_known_while_a_call_is_in_flight() {
    let now = start();
    let mut calls = Calls::new(now);
    assert_eq!(calls.due(&MessageId::without_slot([0; 16])), None);
    let late = calls.insert(peer(1), once(now, 60 * SECOND), [1; 16], ()).unwrap();
    let soon = calls.insert(peer(1), once(now, SECOND), [2; 16], ()).unwrap();
    assert_eq!((calls.due(&late), calls.due(&soon)), (Some(now + 60 * SECOND), Some(now + SECOND)));
    assert_eq!(calls.next_poll(), calls.due(&soon));
    calls.complete(&late, peer(1), Duration::ZERO, || now).unwrap();
    assert!(matches!(calls.poll(now + SECOND, 0), Some(CallEvent::TimedOut { .. })));
    assert_eq!((calls.due(&late), calls.due(&soon)), (None, None));
}

#[test]
fn retransmissions_stop_at_the_deadline() {
    let now = start();
    let mut calls = Calls::new(now).with_first_interval(Duration::from_millis(100));
    calls.insert(peer(1), Schedule { retransmits: true, ..once(now, SECOND) }, [0; 16], ()).unwrap();
    let mut at = Vec::new();
    loop {
        let next = calls.next_poll().unwrap();
        match calls.poll(next, u32::MAX / 2) {
            Some(CallEvent::Retransmit { .. }) => at.push((next - now).as_millis()),
            Some(CallEvent::TimedOut { .. }) => break assert_eq!((next - now).as_millis(), 1_000),
            None => {}
        }
    }
    // The zeros of the id select the shortest first interval. The others are lengthened by a
    // twentieth, and shrink as the deadline nears: 100, +118, and so on.
    assert_eq!(at[..2], [100, 219]);
    assert!((7..=9).contains(&at.len()), "{at:?}");
    assert_eq!(calls.next_poll(), None);
    assert_eq!(calls.len(), 1, "the slot stays until its owner removes it");
}

#[test]
fn call_with_a_short_timeout_is_retransmitted_to_a_new_peer() {
    let now = start();
    let mut calls = Calls::new(now);
    let timeout = Duration::from_millis(300);
    let id = calls.insert(peer(1), Schedule { retransmits: true, ..once(now, timeout) }, [0; 16], ()).unwrap();
    let mut at = Vec::new();
    while let Some(next) = calls.next_poll() {
        match calls.poll(next, 0) {
            Some(CallEvent::Retransmit { .. }) => at.push((next - now).as_millis()),
            Some(CallEvent::TimedOut { .. }) => break,
            None => {}
        }
    }
    assert_eq!(at, [150]);
    calls.remove(&id);
}

#[test]
fn end_all_keeps_slots_and_clears_deadlines() {
    let now = start();
    let mut calls = Calls::new(now);
    let ids: Vec<_> = (0..3).map(|n| calls.insert(peer(1), once(now, SECOND), [n; 16], n).unwrap()).collect();
    calls.complete(&ids[1], peer(1), Duration::ZERO, || now).unwrap();
    let mut ended = Vec::new();
    calls.end_all(|data| ended.push(*data));
    assert_eq!(ended, [0, 2]);
    assert_eq!(calls.next_poll(), None);
    for id in ids {
        assert!(calls.remove(&id).is_some());
    }
    assert!(calls.is_empty());
}

#[test]
fn measured_peer_has_its_own_first_interval() {
    let now = start();
    let mut calls = Calls::new(now);
    let first_retransmission_after = |calls: &mut Calls<()>, sent: Instant| {
        let schedule = Schedule { sent, deadline: sent + 60 * SECOND, retransmits: true, waits_for_ready: false };
        let id = calls.insert(peer(1), schedule, [255; 16], ()).unwrap();
        let mut at = sent;
        while calls.poll(at, 0).is_none() {
            at = at.max(calls.next_poll().unwrap());
        }
        calls.remove(&id);
        (at - sent).as_millis()
    };
    assert_eq!(first_retransmission_after(&mut calls, now), 550, "500 ms and a tenth");
    let mut sent = now;
    for _ in 0..50 {
        sent += SECOND;
        let schedule = Schedule { sent, deadline: sent + 60 * SECOND, retransmits: true, waits_for_ready: false };
        let id = calls.insert(peer(1), schedule, [255; 16], ()).unwrap();
        calls.complete(&id, peer(1), Duration::ZERO, || sent + Duration::from_millis(2_000)).unwrap();
        calls.remove(&id);
    }
    let slow = first_retransmission_after(&mut calls, sent);
    assert!((2_750..2_800).contains(&slow), "{slow}: 2,000 ms, a quarter as the margin, and a tenth as jitter");
}

#[test]
fn response_to_a_retransmitted_call_is_not_measured() {
    let now = start();
    let mut calls = Calls::new(now);
    let id = calls.insert(peer(1), retransmitted(now), [255; 16], ()).unwrap();
    let due = calls.next_poll().unwrap();
    assert!(matches!(calls.poll(due, 0), Some(CallEvent::Retransmit { .. })));
    calls.complete(&id, peer(1), Duration::ZERO, || due + SECOND).unwrap();
    assert_eq!(calls.round_trip(peer(1)), None);
    let plain = calls.insert(peer(1), once(now, SECOND), [1; 16], ()).unwrap();
    calls.complete(&plain, peer(1), Duration::ZERO, || panic!("the time is not needed")).unwrap();
}

#[test]
fn outage_causes_no_storm_of_retransmissions() {
    let mut now = start();
    let mut calls = Calls::new(now).with_first_interval(Duration::from_millis(250));
    for number in 0..10_000_u32 {
        let schedule = Schedule { sent: now, deadline: now + 5 * SECOND, retransmits: true, waits_for_ready: false };
        calls.insert(peer(1), schedule, [number as u8; 16], ()).unwrap();
    }
    let mut retransmits = 0;
    while let Some(next) = calls.next_poll() {
        now = now.max(next);
        while let Some(event) = calls.poll(now, 1 << 31) {
            retransmits += u64::from(matches!(event, CallEvent::Retransmit { .. }));
        }
    }
    assert_eq!(retransmits, 31_000);
    assert!(calls.withheld() > 5_000, "{}", calls.withheld());
}

#[derive(Clone, Debug)]
enum Step {
    Insert { timeout: u64, random: [u8; 16] },
    Respond { call: usize, from_peer: bool },
    Forge { bytes: [u8; 20] },
    Remove { call: usize },
    Pass { millis: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1_u64..12_000, any::<[u8; 16]>()).prop_map(|(timeout, random)| Step::Insert { timeout, random }),
        3 => (any::<prop::sample::Index>(), prop::bool::weighted(0.8))
            .prop_map(|(call, from_peer)| Step::Respond { call: call.index(32), from_peer }),
        1 => any::<[u8; 20]>().prop_map(|bytes| Step::Forge { bytes }),
        2 => any::<prop::sample::Index>().prop_map(|call| Step::Remove { call: call.index(32) }),
        2 => (1_u64..9_000).prop_map(|millis| Step::Pass { millis }),
    ]
}

/// A call of the naive model, a map by message id.
#[derive(Debug)]
struct Modelled {
    deadline: Instant,
    ended: bool,
}

proptest! {
    #[test]
    fn table_behaves_as_a_map_with_deadlines(steps in proptest::collection::vec(step(), 1..150)) {
        let mut now = start();
        let mut calls = Calls::new(now);
        let mut model = BTreeMap::<MessageId, Modelled>::new();
        let mut ids = Vec::new();
        for step in steps {
            match step {
                Step::Insert { timeout, random } => {
                    let schedule = once(now, Duration::from_millis(timeout));
                    let id = calls.insert(peer(1), schedule, random, ids.len()).unwrap();
                    model.insert(id, Modelled { deadline: schedule.deadline, ended: false });
                    ids.push(id);
                }
                Step::Respond { call, from_peer } => {
                    let Some(id) = ids.get(call) else { continue };
                    let expected = match model.get_mut(id) {
                        Some(modelled) if !modelled.ended && !from_peer => Err(DropReason::WrongSource),
                        Some(modelled) if !modelled.ended => {
                            modelled.ended = true;
                            Ok(call)
                        }
                        _ => Err(DropReason::UnmatchedResponse),
                    };
                    let source = peer(if from_peer { 1 } else { 2 });
                    prop_assert_eq!(calls.complete(id, source, Duration::ZERO, || now).map(|data| *data), expected);
                }
                Step::Forge { bytes } => {
                    let id = MessageId::from_bytes(bytes);
                    if !model.contains_key(&id) {
                        prop_assert!(calls.complete(&id, peer(1), Duration::ZERO, || now).is_err());
                    }
                }
                Step::Remove { call } => {
                    let Some(id) = ids.get(call) else { continue };
                    prop_assert_eq!(calls.remove(id).is_some(), model.remove(id).is_some());
                }
                Step::Pass { millis } => {
                    now += Duration::from_millis(millis);
                    let mut timed_out = Vec::new();
                    while let Some(event) = calls.poll(now, 0) {
                        let CallEvent::TimedOut { key, .. } = event else { panic!("no call retransmits") };
                        timed_out.push(key);
                    }
                    timed_out.sort_unstable();
                    let expected: Vec<_> = model
                        .iter_mut()
                        .filter(|(_, modelled)| !modelled.ended && modelled.deadline <= now)
                        .map(|(id, modelled)| {
                            modelled.ended = true;
                            *id
                        })
                        .collect();
                    prop_assert_eq!(timed_out, expected);
                }
            }
            prop_assert_eq!(calls.len(), model.len());
            let earliest = model.values().filter(|modelled| !modelled.ended).map(|modelled| modelled.deadline).min();
            prop_assert_eq!(calls.next_poll().is_some(), earliest.is_some());
            prop_assert!(calls.next_poll() <= earliest.map(|at| at + Duration::from_millis(1)));
        }
    }
}

/// A call that is retransmitted, for a minute.
fn retransmitted(sent: Instant) -> Schedule {
    Schedule { sent, deadline: sent + 60 * SECOND, retransmits: true, waits_for_ready: false }
}

/// Returns the time from `now` to the next event, which must be a retransmission, and its id.
fn next_retransmission(calls: &mut Calls<()>, now: Instant) -> (u128, MessageId) {
    let mut at = now;
    loop {
        match calls.poll(at, 0) {
            Some(CallEvent::Retransmit { id, .. }) => return ((at - now).as_millis(), id),
            Some(event) => panic!("{event:?}"),
            None => at = at.max(calls.next_poll().unwrap()),
        }
    }
}

#[test]
fn a_steady_path_has_no_retransmissions() {
    for millis in [2, 20, 40, 48, 60, 100, 200, 300] {
        let mut now = start();
        let mut calls = Calls::new(now);
        for number in 0..2_000_u32 {
            let id = calls.insert(peer(1), retransmitted(now), [number as u8; 16], ()).unwrap();
            now += Duration::from_millis(millis);
            assert!(calls.poll(now, number.wrapping_mul(0x9e37_79b9)).is_none(), "{millis} ms, call {number}");
            calls.complete(&id, peer(1), Duration::ZERO, || now).unwrap();
            calls.remove(&id);
        }
    }
}

#[test]
fn handler_time_is_not_part_of_the_round_trip() {
    let mut now = start();
    let mut calls = Calls::new(now);
    for _ in 0..50 {
        let id = calls.insert(peer(1), retransmitted(now), [1; 16], ()).unwrap();
        now += Duration::from_millis(410);
        calls.complete(&id, peer(1), Duration::from_millis(400), || now).unwrap();
        calls.remove(&id);
    }
    assert_eq!(calls.round_trip(peer(1)).unwrap().as_millis(), 10);
}

#[test]
fn a_running_call_is_retransmitted_at_long_intervals_and_measures_nothing() {
    let start = start();
    let mut calls = Calls::new(start).with_first_interval(Duration::from_millis(100));
    let id = calls.insert(peer(1), retransmitted(start), [0; 16], ()).unwrap();
    assert_eq!(next_retransmission(&mut calls, start).0, 100);
    let mut now = start + Duration::from_millis(110);
    assert_eq!(calls.running(&id, peer(2), now, 0), Err(DropReason::WrongSource));
    assert_eq!(calls.running(&id, peer(1), now, 0), Ok(()));
    for _ in 0..3 {
        let (after, _) = next_retransmission(&mut calls, now);
        assert!((2_999..=3_001).contains(&after), "{after}");
        now += Duration::from_millis(after as u64);
        calls.running(&id, peer(1), now, 0).unwrap();
    }
    // Near the deadline, half of the remaining time, and not below four times the first interval.
    let deadline = retransmitted(start).deadline;
    for (remaining, expected) in [(4_000, 2_000), (2_000, 1_000), (500, 400)] {
        let at = deadline - Duration::from_millis(remaining);
        calls.running(&id, peer(1), at, 0).unwrap();
        let after = next_retransmission(&mut calls, at).0;
        assert!((expected - 1..=expected + 1).contains(&after), "{after}");
    }
    calls.complete(&id, peer(1), Duration::ZERO, || panic!("the time is not needed")).unwrap();
    assert_eq!(calls.running(&id, peer(1), now, 0), Err(DropReason::UnmatchedResponse));
    assert_eq!(
        calls.round_trips.timeout(peer(1), SECOND),
        (SECOND, SECOND),
        "a slow handler does not lengthen the timeout"
    );
}

#[test]
fn a_postponed_call_is_sent_again_with_the_same_id_and_a_renewed_one_with_another() {
    let now = start();
    let mut calls = Calls::new(now);
    let schedule = once(now, 60 * SECOND);
    let key = calls.insert(peer(1), schedule, [1; 16], ()).unwrap();
    assert!(!calls.waits_for_ready(&key) && !calls.retransmits(&key), "the owner decides");
    calls.postpone(&key, peer(1), now, 0).unwrap();
    assert_eq!(next_retransmission(&mut calls, now), (100, key));
    calls.renew(&key, peer(1), now + Duration::from_millis(100), 0).unwrap();
    let (after, id) = next_retransmission(&mut calls, now + Duration::from_millis(100));
    assert_eq!((after, id == key), (200, false));
    assert_eq!((calls.key(&id), calls.key(&key)), (Some(key), None));
    assert_eq!(calls.transmission_count(&key), 3);
    assert_eq!(calls.complete(&key, peer(1), Duration::ZERO, || now), Err(DropReason::UnmatchedResponse));
    assert_eq!(calls.complete(&id, peer(1), Duration::ZERO, || now), Ok(&mut ()));
    assert_eq!(calls.remove(&key), Some(()));
}

#[test]
fn a_call_without_retransmission_is_postponed_only_once_for_each_report() {
    let now = start();
    let mut calls = Calls::new(now);
    let key = calls.insert(peer(1), once(now, SECOND), [1; 16], ()).unwrap();
    calls.postpone(&key, peer(1), now, 0).unwrap();
    let _ = next_retransmission(&mut calls, now);
    assert_eq!(calls.due(&key), Some(now + SECOND), "the next event is the deadline");
}

#[test]
fn a_longer_round_trip_is_measured_after_a_few_calls() {
    let mut now = start();
    let mut calls = Calls::new(now);
    let mut counts = Vec::new();
    for number in 0..40_u32 {
        let round_trip = Duration::from_millis(if number < 20 { 20 } else { 200 });
        let id = calls.insert(peer(1), retransmitted(now), [number as u8; 16], ()).unwrap();
        let (end, mut count) = (now + round_trip, 0);
        while let Some(next) = calls.next_poll().filter(|next| *next < end) {
            now = now.max(next);
            count += u32::from(calls.poll(now, 1 << 31).is_some());
        }
        now = end;
        calls.complete(&id, peer(1), Duration::ZERO, || now).unwrap();
        calls.remove(&id);
        (0..count).for_each(|_| calls.record_unmatched(peer(1)));
        counts.push(count);
    }
    assert_eq!(counts[..20], [0; 20]);
    assert!(counts[20..26].iter().sum::<u32>() <= 8, "{counts:?}");
    assert_eq!(counts[26..], [0; 14]);
}

#[test]
fn carried_call_is_retransmitted_after_its_path_has_ended() {
    let now = start();
    let mut calls = Calls::new(now);
    let sent_once = calls.insert(peer(1), once(now, 10 * SECOND), [1; 16], ()).unwrap();
    assert!(!calls.carry(&sent_once, now, 0));
    let carried = calls.insert(peer(1), retransmitted(now), [2; 16], ()).unwrap();
    let resumed = calls.insert(peer(2), retransmitted(now), [3; 16], ()).unwrap();
    assert!(calls.carry(&carried, now, 0) && calls.carry(&resumed, now, 0) && calls.retransmits(&carried));
    assert!(calls.poll(now + SECOND, 0).is_none());
    calls.end_calls_to(peer(1), false, (now + SECOND, 0), |()| ());
    calls.resume(&resumed, now + SECOND, 0);
    assert!(!calls.is_carried(&carried) && !calls.is_carried(&resumed));
    let mut sent = Vec::new();
    while let Some(event) = calls.poll(now + 2 * SECOND, 0) {
        if let CallEvent::Retransmit { key, .. } = event {
            sent.push(key);
        }
    }
    assert_eq!(sent, [carried, resumed]);
    assert!(calls.complete(&carried, peer(1), Duration::ZERO, || unreachable!("no round trip is measured")).is_ok());
}
