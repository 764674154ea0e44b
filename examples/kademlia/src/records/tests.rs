use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn key(number: u16) -> Key {
    let mut bytes = [0; 20];
    bytes[18..].copy_from_slice(&number.to_be_bytes());
    Key::from_bytes(bytes)
}

fn metadata(len: usize, origin: Option<u8>, expires_at: u64) -> RecordMetadata {
    let origin = origin.map(|number| Subnet::V4([198, 51, number]));
    RecordMetadata {
        len,
        origin,
        expires_at: Timestamp::from_millis(expires_at),
        republish_at: None,
        is_restored: false,
    }
}

const COST: usize = 1_000;
const LEN: usize = COST - RecordIndex::OVERHEAD_LEN;

#[derive(Clone, Debug)]
enum Event {
    Admit(u16, RecordMetadata),
    Remove(u16),
    Expire(u64),
}

fn event() -> impl Strategy<Value = Event> {
    let admit = (0_u16..40, 0_usize..2_000, proptest::option::of(0_u8..6), 0_u64..100)
        .prop_map(|(number, len, origin, expires_at)| Event::Admit(number, metadata(len, origin, expires_at)));
    prop_oneof![4 => admit, 1 => (0_u16..40).prop_map(Event::Remove), 1 => (0_u64..100).prop_map(Event::Expire)]
}

proptest! {
    /// Against a model that is a map: each change is reported, and each limit is kept.
    #[test]
    fn the_index_agrees_with_a_map_and_keeps_its_limits(events in vec(event(), 0..200)) {
        let (max_len, max_len_per_subnet) = (10_000, 4_000);
        let mut index = RecordIndex::new(max_len, max_len_per_subnet);
        let mut model: BTreeMap<Key, RecordMetadata> = BTreeMap::new();
        for event in events {
            match event {
                Event::Admit(number, metadata) => {
                    let admission = index.admit(key(number), metadata);
                    assert!(admission.evicted.iter().all(|key| model.remove(key).is_some()));
                    if admission.is_admitted {
                        model.insert(key(number), metadata);
                    }
                }
                Event::Remove(number) => prop_assert_eq!(index.remove(&key(number)), model.remove(&key(number))),
                Event::Expire(at) => {
                    let at = Timestamp::from_millis(at);
                    let expired = index.expire(at);
                    prop_assert!(expired.iter().all(|key| model.remove(key).is_some_and(|metadata| metadata.expires_at <= at)));
                    prop_assert!(model.values().all(|metadata| metadata.expires_at > at));
                }
            }
            prop_assert_eq!(&index.entries, &model);
            let cost_of = |origin: &dyn Fn(&RecordMetadata) -> bool| -> usize {
                model.values().filter(|metadata| origin(metadata)).map(RecordMetadata::cost).sum()
            };
            prop_assert_eq!(index.stored_len(), cost_of(&|metadata| metadata.origin.is_some()));
            prop_assert!(index.stored_len() <= max_len);
            for number in 0..6 {
                let origin = Subnet::V4([198, 51, number]);
                let len = cost_of(&|metadata| metadata.origin == Some(origin));
                prop_assert!(len <= max_len_per_subnet);
                prop_assert_eq!(index.usage.len_of(Prefix::Subnet(origin)), len);
            }
            prop_assert_eq!(index.by_expiry.len(), model.len());
        }
    }
}

#[test]
fn a_flood_evicts_only_its_own_records() {
    let mut index = RecordIndex::new(100 * COST, 90 * COST);
    for number in 0..10 {
        assert!(index.admit(key(number), metadata(LEN, Some(1), 50)).is_admitted);
    }
    let admitted = (100..1_100).filter(|number| index.admit(key(*number), metadata(LEN, Some(2), 99)).is_admitted);
    assert_eq!(admitted.count(), 90);
    // Another subnet still gets room, at the cost of the flood.
    for number in 10..30 {
        let admission = index.admit(key(number), metadata(LEN, Some(3), 50));
        assert!(admission.is_admitted);
        assert!(admission.evicted.iter().all(|evicted| *evicted >= key(100)));
    }
    assert!((0..30).all(|number| index.metadata(&key(number)).is_some()));
    assert_eq!(index.stored_len(), 100 * COST);
}

#[test]
fn the_subnet_with_the_largest_usage_gets_no_more_room() {
    let mut index = RecordIndex::new(2 * COST, 2 * COST);
    assert!(index.admit(key(1), metadata(LEN, Some(1), 9)).is_admitted);
    assert!(index.admit(key(2), metadata(LEN, Some(2), 9)).is_admitted);
    assert_eq!(index.admit(key(3), metadata(LEN, Some(1), 9)), Admission { is_admitted: false, evicted: vec![] });
    assert_eq!(index.admit(key(4), metadata(LEN, Some(3), 9)), Admission { is_admitted: false, evicted: vec![] });
    // A refused record leaves the previous one in place; a local value needs no room.
    assert!(!index.admit(key(2), metadata(2 * LEN, Some(2), 9)).is_admitted);
    assert_eq!(index.metadata(&key(2)), Some(&metadata(LEN, Some(2), 9)));
    assert!(index.admit(key(5), metadata(9 * LEN, None, 9)).is_admitted);
}

#[test]
fn due_records_are_taken_once_in_each_interval() {
    let at = Timestamp::from_millis;
    let mut index = RecordIndex::new(10 * COST, 10 * COST);
    for (number, republish_at) in [(1, Some(at(10))), (2, Some(at(20))), (3, None)] {
        index.admit(key(number), RecordMetadata { republish_at, ..metadata(LEN, Some(1), 99) });
    }
    assert_eq!(index.take_due(at(9), at(30)), []);
    assert_eq!(index.take_due(at(10), at(30)), [key(1)]);
    assert_eq!(index.take_due(at(29), at(50)), [key(2)]);
    assert_eq!(index.take_due(at(30), at(50)), [key(1)]);
}

#[test]
fn keys_after_pages_through_all_keys() {
    let mut index = RecordIndex::new(10 * COST, 10 * COST);
    (0..5).for_each(|number| drop(index.admit(key(number), metadata(LEN, None, 9))));
    let mut all = Vec::new();
    while let [.., _] = &index.keys_after(all.last().copied(), 2)[..] {
        all.extend(index.keys_after(all.last().copied(), 2));
    }
    assert_eq!(all, (0..5).map(key).collect::<Vec<_>>());
}

/// Returns the subnet of a number in a /56 of a /48.
fn v6(slash48: u8, slash56: u8, slash64: u8) -> Subnet {
    Subnet::V6([0x20, 0x01, 0x0d, 0xb8, 0, slash48, slash56, slash64])
}

fn stored_by(origin: Subnet) -> RecordMetadata {
    RecordMetadata { origin: Some(origin), ..metadata(LEN, None, 9) }
}

#[test]
fn an_ipv6_network_has_rising_limits_and_evicts_only_its_own_records() {
    let mut index = RecordIndex::new(1_000 * COST, 100 * COST);
    let mut next = 0_u32;
    let mut admit = |index: &mut RecordIndex, subnet| {
        next += 1;
        index.admit(Key::of(next.to_be_bytes()), stored_by(subnet)).is_admitted
    };
    let mut flood = |index: &mut RecordIndex, slash48, slash56s: std::ops::RangeInclusive<u8>| {
        let subnets = slash56s.flat_map(|slash56| (0..=255).map(move |slash64| v6(slash48, slash56, slash64)));
        subnets.filter(|subnet| admit(index, *subnet)).count()
    };
    // 400 honest values, each from a network of its own.
    let honest: Vec<_> = (0..400_u16).map(|number| Key::of(format!("honest {number}"))).collect();
    for (number, key) in (0..200).flat_map(|number| [number; 2]).zip(&honest) {
        let is_v4 = index.count().is_multiple_of(2);
        let subnet = if is_v4 { Subnet::V4([198, 51, number]) } else { v6(number, 0, 0) };
        assert!(index.admit(*key, stored_by(subnet)).is_admitted);
    }
    // One /64 has its limit, one /56 twice as much, and one /48 four times as much.
    let count = |index: &RecordIndex, prefix| index.usage.len_of(prefix) / COST;
    (0..150).for_each(|number: u8| drop(index.admit(Key::of([number]), stored_by(v6(250, 0, 0)))));
    assert_eq!(count(&index, Prefix::Subnet(v6(250, 0, 0))), 100);
    assert!(flood(&mut index, 250, 0..=0) >= 100);
    assert_eq!(count(&index, Prefix::V6Slash56([0x20, 0x01, 0x0d, 0xb8, 0, 250, 0])), 200);
    flood(&mut index, 250, 0..=255);
    assert_eq!(count(&index, Prefix::V6Slash48([0x20, 0x01, 0x0d, 0xb8, 0, 250])), 400);
    // A second flood reaches the limit of all networks, and takes its share from the first.
    flood(&mut index, 251, 0..=255);
    flood(&mut index, 252, 0..=255);
    assert_eq!(index.stored_len(), 1_000 * COST);
    for slash48 in [250, 251, 252] {
        let count = count(&index, Prefix::V6Slash48([0x20, 0x01, 0x0d, 0xb8, 0, slash48]));
        assert!((199..=202).contains(&count), "{count} of {slash48}");
    }
    assert!(honest.iter().all(|key| index.metadata(key).is_some()), "the floods have evicted honest values");
}

#[test]
fn a_subnet_beside_a_flood_of_the_same_network_stores_values() {
    let mut index = RecordIndex::new(300 * COST, 100 * COST);
    for number in 0..=255_u8 {
        index.admit(Key::of([number]), stored_by(v6(250, 0, number % 3)));
        index.admit(Key::of([number, 1]), stored_by(v6(250, 1, number % 3)));
    }
    assert_eq!(index.stored_len(), 300 * COST);
    assert!((0..30_u8).all(|number| index.admit(Key::of([number, 2]), stored_by(v6(250, 1, 9))).is_admitted));
    assert!((0..30_u8).all(|number| index.admit(Key::of([number, 3]), stored_by(v6(250, 9, 9))).is_admitted));
    assert_eq!(index.stored_len(), 300 * COST);
}
