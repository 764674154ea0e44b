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
    RecordMetadata { len, origin, expires_at: Timestamp::from_millis(expires_at), republish_at: None }
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
    /// Against a model that does nothing but keep a map: nothing appears or vanishes unsaid, and no limit is passed.
    #[test]
    fn everything_is_accounted_for(events in vec(event(), 0..200)) {
        let (max_len, share) = (10_000, 4_000);
        let mut records = RecordIndex::new(max_len, share);
        let mut model: BTreeMap<Key, RecordMetadata> = BTreeMap::new();
        for event in events {
            match event {
                Event::Admit(number, metadata) => {
                    let admission = records.admit(key(number), metadata);
                    assert!(admission.evicted.iter().all(|key| model.remove(key).is_some()));
                    if admission.is_admitted {
                        model.insert(key(number), metadata);
                    }
                }
                Event::Remove(number) => prop_assert_eq!(records.remove(&key(number)), model.remove(&key(number))),
                Event::Expire(at) => {
                    let at = Timestamp::from_millis(at);
                    let expired = records.expire(at);
                    prop_assert!(expired.iter().all(|key| model.remove(key).is_some_and(|metadata| metadata.expires_at <= at)));
                    prop_assert!(model.values().all(|metadata| metadata.expires_at > at));
                }
            }
            prop_assert_eq!(&records.entries, &model);
            let cost_of = |origin: &dyn Fn(&RecordMetadata) -> bool| -> usize {
                model.values().filter(|metadata| origin(metadata)).map(RecordMetadata::cost).sum()
            };
            prop_assert_eq!(records.stored_len(), cost_of(&|metadata| metadata.origin.is_some()));
            prop_assert!(records.stored_len() <= max_len);
            for number in 0..6 {
                let origin = Subnet::V4([198, 51, number]);
                let len = cost_of(&|metadata| metadata.origin == Some(origin));
                prop_assert!(len <= share);
                prop_assert_eq!(records.usage.len_of(&origin), len);
            }
            prop_assert_eq!(records.by_expiry.len(), model.len());
        }
    }
}

#[test]
fn a_flood_drives_out_nobody_but_itself() {
    let mut records = RecordIndex::new(100 * COST, 90 * COST);
    for number in 0..10 {
        assert!(records.admit(key(number), metadata(LEN, Some(1), 50)).is_admitted);
    }
    let admitted = (100..1_100).filter(|number| records.admit(key(*number), metadata(LEN, Some(2), 99)).is_admitted);
    assert_eq!(admitted.count(), 90);
    // Others still get room, at the cost of the flood.
    for number in 10..30 {
        let admission = records.admit(key(number), metadata(LEN, Some(3), 50));
        assert!(admission.is_admitted);
        assert!(admission.evicted.iter().all(|evicted| *evicted >= key(100)));
    }
    assert!((0..30).all(|number| records.metadata(&key(number)).is_some()));
    assert_eq!(records.stored_len(), 100 * COST);
}

#[test]
fn whoever_has_the_most_gets_no_more() {
    let mut records = RecordIndex::new(2 * COST, 2 * COST);
    assert!(records.admit(key(1), metadata(LEN, Some(1), 9)).is_admitted);
    assert!(records.admit(key(2), metadata(LEN, Some(2), 9)).is_admitted);
    assert_eq!(records.admit(key(3), metadata(LEN, Some(1), 9)), Admission { is_admitted: false, evicted: vec![] });
    assert_eq!(records.admit(key(4), metadata(LEN, Some(3), 9)), Admission { is_admitted: false, evicted: vec![] });
    // What is refused leaves what was there; our own needs no room.
    assert!(!records.admit(key(2), metadata(2 * LEN, Some(2), 9)).is_admitted);
    assert_eq!(records.metadata(&key(2)), Some(&metadata(LEN, Some(2), 9)));
    assert!(records.admit(key(5), metadata(9 * LEN, None, 9)).is_admitted);
}

#[test]
fn what_is_due_is_republished_once_and_then_again() {
    let at = Timestamp::from_millis;
    let mut records = RecordIndex::new(10 * COST, 10 * COST);
    for (number, republish) in [(1, Some(at(10))), (2, Some(at(20))), (3, None)] {
        records.admit(key(number), RecordMetadata { republish_at: republish, ..metadata(LEN, Some(1), 99) });
    }
    assert_eq!(records.take_due_for_republish(at(9), at(30)), []);
    assert_eq!(records.take_due_for_republish(at(10), at(30)), [key(1)]);
    assert_eq!(records.take_due_for_republish(at(29), at(50)), [key(2)]);
    assert_eq!(records.take_due_for_republish(at(30), at(50)), [key(1)]);
}

#[test]
fn keys_come_in_portions() {
    let mut records = RecordIndex::new(10 * COST, 10 * COST);
    (0..5).for_each(|number| drop(records.admit(key(number), metadata(LEN, None, 9))));
    let mut all = Vec::new();
    while let [.., _] = &records.keys_after(all.last().copied(), 2)[..] {
        all.extend(records.keys_after(all.last().copied(), 2));
    }
    assert_eq!(all, (0..5).map(key).collect::<Vec<_>>());
}
