use super::super::evidence::Evidence;
use super::super::rendezvous::{mix, rank};
use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn addr(number: u8) -> SocketAddr {
    ([192, 0, 2, number], 7_000).into()
}

fn members(count: u8) -> Members {
    let mut members = Members::default();
    (0..count).for_each(|number| assert!(members.insert(Member::new(addr(number), 0))));
    members
}

/// Returns the member with this number, available or ejected.
fn member(members: &Members, number: u8) -> Arc<Member> {
    let mut all = members.all().into_iter();
    all.find(|(member, _)| member.source == addr(number)).expect("the member is in the group").0
}

/// A sequence of numbers that look random.
fn randoms() -> impl Iterator<Item = u64> {
    (1_u64..).map(|number| mix(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
}

fn picks(members: &mut Members, now: Instant, count: usize) -> BTreeMap<SocketAddr, usize> {
    let mut picks = BTreeMap::new();
    for random in randoms().take(count) {
        *picks.entry(members.pick(now, random, &[]).expect("a group with members").source).or_default() += 1;
    }
    picks
}

#[test]
fn calls_spread_over_members_without_a_difference() {
    let mut members = members(5);
    let picks = picks(&mut members, Instant::now(), 10_000);
    assert_eq!(picks.len(), 5);
    assert!(picks.values().all(|count| (1_700..2_300).contains(count)), "{picks:?}");
}

#[test]
fn a_member_that_is_ten_times_as_slow_gets_few_calls() {
    let mut members = members(5);
    for number in 0..5 {
        let member = member(&members, number);
        member.begin();
        member.end(Evidence::Responded(Some(if number == 0 { 1_000 } else { 100 })));
    }
    // The member gets calls from time to time, so that it is measured again.
    let mut slow = 0;
    for random in randoms().take(100_000) {
        let picked = members.pick(Instant::now(), random, &[]).expect("a group with members");
        let is_slow = picked.source == addr(0);
        slow += u32::from(is_slow);
        picked.begin();
        picked.end(Evidence::Responded(Some(if is_slow { 1_000 } else { 100 })));
    }
    assert!((100..800).contains(&slow), "{slow}");
}

#[test]
fn avoided_members_are_not_picked() {
    let mut members = members(3);
    let avoid = [member(&members, 0), member(&members, 2)];
    for random in randoms().take(100) {
        assert_eq!(members.pick(Instant::now(), random, &avoid).map(|picked| picked.source), Some(addr(1)));
    }
    let avoid = [avoid[0].clone(), avoid[1].clone(), member(&members, 1)];
    assert!(members.pick(Instant::now(), 1, &avoid).is_none());
    assert!(Members::default().pick(Instant::now(), 1, &[]).is_none());
}

#[test]
fn never_more_than_half_of_a_group_is_ejected() {
    for (count, expected) in [(1, 0), (2, 1), (3, 1), (5, 2), (6, 3)] {
        let mut members = members(count);
        let all = members.all();
        let ejected = all.iter().filter(|(member, _)| members.eject(member, Instant::now(), false)).count();
        assert_eq!(ejected, expected, "of {count}");
    }
}

#[test]
fn ejections_double_and_one_call_probes() {
    let (mut members, start) = (members(4), Instant::now());
    let dead = member(&members, 1);
    assert!(members.eject(&dead, start, false));
    let mut since = start;
    for seconds in [5, 10, 20, 40, 80, 160, 300, 300] {
        let due = since + seconds * SECOND;
        let before = picks(&mut members, due - SECOND / 1_000, 100);
        assert!(!before.contains_key(&dead.source), "{seconds} s");
        let at = picks(&mut members, due, 100);
        assert_eq!(at.get(&dead.source), Some(&1), "{seconds} s: one call probes");
        members.stay_ejected(&dead, due, false);
        since = due;
    }
    // A probe that shows nothing lets another call probe.
    let due = since + 300 * SECOND;
    assert_eq!(picks(&mut members, due, 100).get(&dead.source), Some(&1));
    members.probe_again(&dead);
    assert_eq!(picks(&mut members, due, 100).get(&dead.source), Some(&1));
    assert!(members.restore(&dead));
    assert!(picks(&mut members, due, 100)[&dead.source] > 10);
    assert!(members.eject(&dead, due, false), "and begins with the first ejection again");
    assert!(picks(&mut members, due + 5 * SECOND, 100).contains_key(&dead.source));
}

#[test]
fn the_oldest_ejection_is_tried_if_all_are_ejected() {
    let (mut members, start) = (members(4), Instant::now());
    assert!(members.eject(&member(&members, 2), start, false));
    assert!(members.eject(&member(&members, 1), start + SECOND, false));
    members.remove(addr(0));
    members.remove(addr(3));
    let mut pick = || members.pick(start + SECOND, 1, &[]).map(|picked| picked.source);
    assert_eq!(pick(), Some(addr(2)));
    assert_eq!(pick(), Some(addr(1)), "the other is being probed");
    assert_eq!(pick(), Some(addr(2)), "a group never refuses a call because of its own ejections");
}

#[test]
fn only_the_keys_of_a_member_that_goes_move() {
    let (mut members, now) = (members(5), Instant::now());
    let owners = |members: &mut Members| -> Vec<_> {
        (0..200)
            .map(|key| members.pick_by_rank(now, |member| rank(key, member.place), &[]).expect("members").source)
            .collect()
    };
    let before = owners(&mut members);
    members.remove(addr(3));
    let after = owners(&mut members);
    for (key, (before, after)) in before.iter().zip(&after).enumerate() {
        assert!(before == after || *before == addr(3), "key {key}");
        assert_ne!(*after, addr(3));
    }
    assert!(before.contains(&addr(3)));
}

#[test]
fn the_number_of_members_is_bounded() {
    let mut members = Members::default();
    for port in 0..=Members::MAX_COUNT as u16 {
        let is_room = usize::from(port) < Members::MAX_COUNT;
        assert_eq!(members.insert(Member::new(([192, 0, 2, 1], port + 1).into(), 0)), is_room);
    }
    assert_eq!(members.len(), Members::MAX_COUNT);
    assert!(members.insert(Member::new(([192, 0, 2, 1], 1).into(), 0)), "a known peer may be named again");
}

#[test]
fn an_unreachable_member_is_tried_after_all_others() {
    let (mut members, start) = (members(4), Instant::now());
    assert!(members.eject(&member(&members, 1), start, true));
    assert!(members.eject(&member(&members, 2), start, false));
    let mut avoid = vec![member(&members, 0), member(&members, 3)];
    let pick = |members: &mut Members, avoid: &[_]| members.pick(start, 1, avoid).map(|picked| picked.source);
    for _ in 0..20 {
        assert_eq!(pick(&mut members, &avoid), Some(addr(1)));
        members.stay_ejected(&member(&members, 1), start, true);
    }
    avoid.push(member(&members, 1));
    assert_eq!(pick(&mut members, &avoid), None, "a request to a silent member would cost time");
    // These early requests have not lengthened the ejection.
    assert!(picks(&mut members, start + 5 * SECOND, 10).contains_key(&addr(1)));
}
