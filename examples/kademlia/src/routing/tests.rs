use std::collections::BTreeMap;
use std::net::SocketAddr;

use proptest::collection::vec;
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;

const LOCAL_ID: NodeId = NodeId::from_bytes([0x55; 20]);
const NOW: Timestamp = Timestamp::from_millis(1_000_000);

fn table(k: usize) -> RoutingTable {
    RoutingTable::new(LOCAL_ID, k, 2, NOW)
}

/// Returns a contact with this id, at an address derived from the id.
fn contact(id: [u8; 20]) -> Contact {
    let port = u16::from_be_bytes([id[18], id[19]]).max(1);
    Contact::new(NodeId::from_bytes(id), SocketAddr::from(([10, id[15], id[16], id[17]], port)))
}

/// Returns an id that shares exactly `prefix_len` leading bits with the local id; the bits after
/// them are those of `rest`.
fn id_near(prefix_len: usize, rest: [u8; 20]) -> [u8; 20] {
    *Key::from(LOCAL_ID)
        .with_random_suffix(prefix_len + 1, Key::from_bytes(rest))
        .with_flipped_bit(prefix_len)
        .as_bytes()
}

/// Ids that a long-running node sees, with prefixes of up to 40 shared bits.
fn ids() -> impl Strategy<Value = Vec<[u8; 20]>> {
    vec((0_usize..40, any::<[u8; 20]>()).prop_map(|(bits, rest)| id_near(bits, rest)), 0..400)
}

fn closest_of(all: &[Contact], key: &Key, count: usize) -> Vec<Contact> {
    let mut all = all.to_vec();
    all.sort_by_key(|contact| contact.id.distance(key));
    all.truncate(count);
    all
}

proptest! {
    #[test]
    fn closest_returns_the_closest_of_all_contacts(ids in ids(), key: [u8; 20], near in 0_usize..60, count in 0_usize..50) {
        let mut table = table(20);
        ids.iter().for_each(|id| { table.insert(contact(*id), NOW); });
        let all: Vec<_> = table.contacts().collect();
        for key in [Key::from_bytes(key), Key::from_bytes(id_near(near, key)), LOCAL_ID.into()] {
            prop_assert_eq!(table.closest(&key, count), closest_of(&all, &key, count));
        }
    }

    #[test]
    fn contacts_are_in_the_bucket_of_their_prefix_and_buckets_hold_k(ids in ids(), k in 1_usize..30) {
        let mut table = table(k);
        for id in &ids {
            table.insert(contact(*id), NOW);
        }
        for (index, bucket) in table.buckets.iter().enumerate() {
            prop_assert!(bucket.entries.len() <= k && bucket.replacements.len() <= k);
            let all = bucket.entries.iter().map(|entry| entry.contact).chain(bucket.replacements.iter().copied());
            for contact in all {
                prop_assert_eq!(table.ranges().index(&contact.id.into()), index);
            }
        }
        // No contact is missing whose bucket has room.
        let mut shared = BTreeMap::new();
        for id in ids {
            let bits = NodeId::from_bytes(id).distance(&LOCAL_ID.into()).common_prefix_len();
            shared.entry(bits).or_insert_with(std::collections::BTreeSet::new).insert(id);
        }
        for (bits, ids) in shared {
            let known = table.contacts().filter(|c| c.id.distance(&LOCAL_ID.into()).common_prefix_len() == bits).count();
            prop_assert_eq!(known, ids.len().min(k), "{} bits", bits);
        }
    }

    #[test]
    fn refresh_targets_are_in_the_ranges_of_their_buckets(ids in ids(), seed: u64) {
        let mut table = table(5);
        ids.iter().for_each(|id| { table.insert(contact(*id), NOW); });
        let mut rng = StdRng::seed_from_u64(seed);
        let keys = table.refresh_targets(NOW + Duration::from_secs(10), Duration::from_secs(10), &mut rng);
        let indices: Vec<_> = keys.iter().map(|key| table.ranges().index(key)).collect();
        prop_assert_eq!(indices, (0..table.buckets.len()).collect::<Vec<_>>());
        prop_assert_eq!(table.refresh_targets(NOW, Duration::from_secs(10), &mut rng), []);
    }

    /// After any sequence of events, ids and addresses are unique and no bucket is over its limit.
    #[test]
    fn ids_and_addresses_stay_unique(events in vec((0_u8..4, 0_u8..60, 0_u8..60), 0..400)) {
        let mut table = table(3);
        for (step, (event, id, addr)) in events.into_iter().enumerate() {
            let now = NOW + Duration::from_secs(60 * step as u64);
            let contact = Contact::new(NodeId::from_bytes([id << 2; 20]), SocketAddr::from(([10, 0, 0, addr], 1)));
            match event {
                0 | 1 => { table.insert(contact, now); }
                2 => { table.mark_seen(&contact, now); }
                _ => { table.mark_failed(&contact); }
            }
            let mut ids: Vec<_> = table.contacts().map(|contact| contact.id).collect();
            let mut addrs: Vec<_> = table.contacts().map(|contact| contact.addr).collect();
            ids.sort();
            addrs.sort();
            prop_assert!(ids.windows(2).all(|pair| pair[0] != pair[1]), "{ids:?}");
            prop_assert!(addrs.windows(2).all(|pair| pair[0] != pair[1]), "{addrs:?}");
            prop_assert!(table.buckets.iter().all(|bucket| bucket.entries.len() <= 3 && bucket.replacements.len() <= 3));
        }
    }
}

/// Returns a table whose first bucket is full, and the contacts in that bucket.
fn full_bucket(k: u8) -> (RoutingTable, Vec<Contact>) {
    let mut table = table(k.into());
    // A contact that shares a longer prefix, so that the first bucket is not the last.
    table.insert(contact(id_near(3, [77; 20])), NOW);
    let contacts: Vec<_> = (0..k).map(|number| contact(id_near(0, [number; 20]))).collect();
    contacts.iter().for_each(|contact| assert_eq!(table.insert(*contact, NOW), Insertion::Added { replaced: None }));
    (table, contacts)
}

#[test]
fn a_full_bucket_keeps_its_contacts_and_caches_a_replacement() {
    let (mut table, old) = full_bucket(4);
    let new = contact(id_near(0, [9; 20]));
    assert_eq!(table.insert(new, NOW), Insertion::BucketFull { to_ping: None });
    assert!(!table.contains(&new) && old.iter().all(|contact| table.contains(contact)));
    // The least recently seen contact fails a request: it is removed, and the replacement is
    // returned to be validated.
    assert_eq!(table.mark_failed(&old[0]), Failure { is_removed: true, replacement: Some(new) });
    assert_eq!(table.insert(new, NOW), Insertion::Added { replaced: None });
    assert!(table.contains(&new) && !table.contains(&old[0]));
}

#[test]
fn the_least_recently_seen_contact_is_pinged_once_it_is_questionable() {
    let (mut table, old) = full_bucket(3);
    let later = NOW + RoutingTable::QUESTIONABLE_AFTER;
    assert!(table.mark_seen(&old[0], later));
    let new = contact(id_near(0, [9; 20]));
    assert_eq!(table.insert(new, later), Insertion::BucketFull { to_ping: Some(old[1]) });
    assert!(table.mark_seen(&old[1], later) && table.mark_seen(&old[2], later));
    assert_eq!(table.insert(new, later), Insertion::BucketFull { to_ping: None });
}

#[test]
fn a_stale_contact_is_not_returned_until_it_responds() {
    let (mut table, old) = full_bucket(3);
    assert_eq!(table.mark_failed(&old[1]), Failure { is_removed: false, replacement: None });
    let key = Key::from(old[1].id);
    assert!(!table.closest(&key, 10).contains(&old[1]));
    assert_eq!(table.closest_or_stale(&key, 10).last(), Some(&old[1]));
    assert_eq!(table.stale_contacts().collect::<Vec<_>>(), [old[1]]);
    assert!(table.mark_seen(&old[1], NOW));
    assert_eq!(table.closest(&key, 1), [old[1]]);
    assert_eq!(table.stale_contacts().count(), 0);
}

#[test]
fn a_stale_contact_is_removed_for_a_new_contact_or_after_five_failures() {
    let (mut table, old) = full_bucket(3);
    table.mark_failed(&old[1]);
    let new = contact(id_near(0, [9; 20]));
    assert_eq!(table.insert(new, NOW), Insertion::Added { replaced: None });
    assert!(!table.contains(&old[1]));
    for failure in 1..=5 {
        assert!(table.contains(&old[0]));
        assert_eq!(table.mark_failed(&old[0]).is_removed, failure == 5, "{failure}");
    }
    assert!(!table.contains(&old[0]));
}

#[test]
fn an_id_keeps_its_address_and_an_address_takes_its_latest_id() {
    let (mut table, old) = full_bucket(3);
    let claimant = Contact::new(old[0].id, "10.9.9.9:9".parse().unwrap());
    assert_eq!(table.insert(claimant, NOW), Insertion::IdConflict { holder: old[0] });
    let renamed = Contact::new(NodeId::from_bytes(id_near(2, [7; 20])), old[1].addr);
    assert_eq!(table.insert(renamed, NOW), Insertion::Added { replaced: Some(old[1].id) });
    assert!(!table.contains(&old[1]) && table.contains(&renamed));
    assert_eq!(table.insert(Contact::new(LOCAL_ID, old[2].addr), NOW), Insertion::LocalId);
    assert!(table.contains(&old[2]));
}

#[test]
fn one_subnet_cannot_fill_a_bucket() {
    let mut table = table(20);
    let in_one_subnet =
        |host: u8| Contact::new(NodeId::from_bytes(id_near(0, [host; 20])), SocketAddr::from(([203, 0, 113, host], 1)));
    let inserted: Vec<_> = (0..20).map(|host| table.insert(in_one_subnet(host), NOW)).collect();
    assert_eq!(inserted.iter().filter(|insertion| **insertion == Insertion::SubnetFull).count(), 18);
    assert_eq!(table.len(), 2);
    // A stale contact of the subnet makes room.
    let first = table.contacts().next().unwrap();
    table.mark_failed(&first);
    assert_eq!(table.insert(in_one_subnet(50), NOW), Insertion::Added { replaced: None });
    assert!(!table.contains(&first) && table.len() == 2);
    // Other subnets have room, and in a private network each socket is its own subnet.
    let elsewhere = Contact::new(NodeId::from_bytes(id_near(0, [99; 20])), "198.51.100.1:1".parse().unwrap());
    assert_eq!(table.insert(elsewhere, NOW), Insertion::Added { replaced: None });
    (0..10)
        .for_each(|host| assert_ne!(table.insert(contact(id_near(0, [host + 100; 20])), NOW), Insertion::SubnetFull));
}

#[test]
fn an_offered_contact_is_accepted_if_its_bucket_has_room() {
    let (mut table, old) = full_bucket(3);
    let offered = contact(id_near(0, [9; 20]));
    assert!(!table.offer(offered));
    assert!(table.offer(contact(id_near(5, [9; 20]))));
    assert!(table.offer(Contact::new(old[0].id, offered.addr)), "a known id at another address is validated");
    assert!(!table.offer(Contact::new(LOCAL_ID, offered.addr)));
    // The refused contact is in the replacement cache.
    assert_eq!(table.mark_failed(&old[2]), Failure { is_removed: true, replacement: Some(offered) });
}
