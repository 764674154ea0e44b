use std::sync::atomic::{AtomicU64, Ordering};

/// Declares the counters: the variants of `Counter`, the fields of `Stats`, and the conversion.
macro_rules! counters {
    ($($(#[$doc:meta])* $variant:ident => $field:ident;)*) => {
        /// Counters of a node since its start. They never decrease.
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
    /// Lookups, including those of bucket refreshes and republishing.
    Lookup => lookups;
    /// Queries of lookups.
    Query => queries;
    /// Contacts added to the routing table.
    ContactAdded => contacts_added;
    /// Contacts removed from the routing table because they did not respond.
    ContactRemoved => contacts_removed;
    /// Values stored here by other nodes.
    Stored => stored;
    /// Values handed over to new contacts that are closer to their keys.
    HandedOver => handed_over;
    /// Values republished to the k closest nodes.
    Republished => republished;
    /// Values cached at the closest node that did not return them.
    Cached => cached;
    /// Values that have expired.
    Expired => expired;
    /// Contacts refused because they are malformed: an id of a wrong length, text that is no IP
    /// address.
    MalformedContact => malformed_contacts;
    /// Contacts refused because no node can be at their address: port 0, unspecified, multicast,
    /// this node's own, or in a smaller scope than the referrer's.
    UnusableAddr => unusable_addrs;
    /// Responses refused: too many contacts, or a value that is too large or of an unknown type.
    BadResponse => bad_responses;
    /// Contacts refused because the node at the address has another id, or changed its id.
    WrongId => wrong_ids;
    /// Contacts refused because their subnet has reached its limit in the k-bucket.
    SubnetFull => subnet_full;
    /// Checks of contacts dropped, or replaced by others, because too many were queued or in
    /// flight.
    DroppedCheck => dropped_checks;
    /// Values refused because they do not fit into a request.
    OversizedValue => oversized_values;
    /// Values refused because no node stores their type: `None`, a list, a map or an extension
    /// type.
    UnstorableValue => unstorable_values;
    /// Values not returned because the sender of the request did not respond to a ping at its
    /// address; it was sent contacts instead.
    WithheldValue => withheld_values;
    /// Values refused because their sender did not respond to a ping at its address.
    UnvalidatedStore => unvalidated_stores;
    /// Values refused because the storage, or the sender's subnet, has reached its limit.
    StorageFull => storage_full;
    /// Restored values that a lookup has confirmed: the nodes closest to the key have the same
    /// value or none.
    Confirmed => confirmed;
    /// Restored values replaced by the value that a node closest to the key returned.
    Superseded => superseded;
    /// Host names in contacts that were not resolved because too many were in flight.
    DroppedHostName => dropped_host_names;
    /// Values that the storage failed to write or to read.
    StorageFailed => storage_failures;
}

impl Counters {
    pub(crate) fn add(&self, counter: Counter, amount: usize) {
        self.0[counter as usize].fetch_add(amount as u64, Ordering::Relaxed);
    }

    pub(crate) fn increment(&self, counter: Counter) {
        self.add(counter, 1);
    }
}
