use std::sync::atomic::{AtomicU64, Ordering};

/// Declares what is counted: the variants of `Counter`, the fields of `Stats` and how one becomes the other.
macro_rules! counters {
    ($($(#[$doc:meta])* $variant:ident => $field:ident;)*) => {
        /// What a node has refused and done since it was started. Counters only grow.
        #[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
        #[non_exhaustive]
        pub struct Stats {
            $($(#[$doc])* pub $field: u64,)*
        }

        #[derive(Clone, Copy, Debug)]
        pub(crate) enum Counter {
            $($variant,)*
        }

        impl Counters {
            pub(crate) fn snapshot(&self) -> Stats {
                Stats { $($field: self.0[Counter::$variant as usize].load(Ordering::Relaxed),)* }
            }
        }

        #[derive(Debug, Default)]
        pub(crate) struct Counters([AtomicU64; [$(Counter::$variant,)*].len()]);
    };
}

counters! {
    /// Lookups that were made, for whatever reason.
    Lookup => lookups;
    /// Requests of lookups.
    Query => queries;
    /// Nodes that came into the routing table.
    ContactAdded => contacts_added;
    /// Nodes that left it because they did not answer.
    ContactRemoved => contacts_removed;
    /// Values that others stored here.
    Stored => stored;
    /// Values that were handed to newcomers which are nearer to their keys.
    HandedOver => handed_over;
    /// Values that were stored at the k nearest again.
    Republished => republished;
    /// Values that were stored at the nearest node that did not have them.
    Cached => cached;
    /// Values whose time had come.
    Expired => expired;
    /// Contacts refused because they make no sense: a wrong length of id, no IP.
    MalformedContact => malformed_contacts;
    /// Contacts refused because their address is absurd: port 0, unspecified, multicast, our own, or inside a network
    /// that the informer is outside of.
    UnusableAddr => unusable_addrs;
    /// Answers refused: too many contacts, a value that is too large or of no known type.
    BadResponse => bad_responses;
    /// Nodes refused because they are not who they were said to be, or change who they are.
    WrongId => wrong_ids;
    /// Nodes refused because their neighbourhood has its share of a bucket.
    SubnetFull => subnet_full;
    /// Introductions left out because as many are being checked as may be.
    DroppedCheck => dropped_checks;
    /// Values refused because they do not fit into a request.
    OversizedValue => oversized_values;
    /// Values refused because their sender does not answer at its address.
    UnvalidatedStore => unvalidated_stores;
    /// Values refused because all, or their neighbourhood, has stored as much as it may.
    StorageFull => storage_full;
    /// Values that the storage failed to keep.
    StorageFailed => storage_failures;
}

impl Counters {
    pub(crate) fn add(&self, count: Counter, number: usize) {
        self.0[count as usize].fetch_add(number as u64, Ordering::Relaxed);
    }

    pub(crate) fn increment(&self, count: Counter) {
        self.add(count, 1);
    }
}
