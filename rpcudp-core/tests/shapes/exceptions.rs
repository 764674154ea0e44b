//! The cells in which the codec differs, with the reasons.

/// A type, of which some cells differ.
#[derive(Debug)]
pub(crate) struct Exception {
    type_name: &'static str,
    /// The places. None: all.
    places: &'static [&'static str],
    pub(crate) reason: &'static str,
}

/// Cells with other bytes than `rmp-serde`.
pub(crate) const OTHER_BYTES: &[Exception] = &[
    Exception {
        type_name: "u128",
        places: &[],
        reason: "an integer that fits into 64 bits is an int, which Python reads as one",
    },
    Exception {
        type_name: "i128",
        places: &[],
        reason: "an integer that fits into 64 bits is an int, and a negative one that does not has a sign",
    },
    Exception {
        type_name: "unit struct",
        places: &[],
        reason: "nil, as for `()`, where rmp-serde writes an empty array",
    },
    Exception {
        type_name: "Vec<u8>",
        places: &[],
        reason: "an empty `Vec<u8>` is bin, where rmp-serde looks at the first element",
    },
    Exception {
        type_name: "Cow<[u8]>",
        places: &[],
        reason: "an empty `[u8]` is bin, where rmp-serde looks at the first element",
    },
    Exception {
        type_name: "TextOrBytes",
        places: &[],
        reason: "an empty `Vec<u8>` within an enum is bin, where rmp-serde looks at the first element",
    },
    Exception {
        type_name: "Vec<Vec<u8>>",
        places: &[],
        reason: "an empty `Vec<u8>` within another is bin, where rmp-serde looks at the first element",
    },
    Exception {
        type_name: "BTreeSet<u8>",
        places: &[],
        reason: "any collection of u8 is bin, where rmp-serde knows slices",
    },
    Exception {
        type_name: "try_from",
        places: &["Vec", "flattened struct"],
        reason: "a list of a type that encodes as u8 is a list, where rmp-serde looks at the first element",
    },
    Exception {
        type_name: "untagged",
        places: &["Vec", "flattened struct"],
        reason: "a list of an untagged enum is a list, where rmp-serde looks at the first element",
    },
];

/// Cells that another codec round-trips.
pub(crate) const WORSE: &[Exception] = &[Exception {
    type_name: "unit struct",
    places: &["Option"],
    reason: "the wire has one nil, so `Some` of a unit struct decodes as `None`, as documented",
}];

pub(crate) fn find(exceptions: &[Exception], type_name: &str, place: &str) -> Option<&'static str> {
    let exception = exceptions.iter().find(|exception| {
        exception.type_name == type_name && (exception.places.is_empty() || exception.places.contains(&place))
    });
    exception.map(|exception| exception.reason)
}
