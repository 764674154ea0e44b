/// The origin of a request, as the limits see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The limits do not apply to the source.
    Exempt,
    /// An unvalidated source, with its hash.
    Unvalidated(u64),
    /// A validated source, with its hash.
    Validated(u64),
}

impl Origin {
    /// Returns the hash of a source that is not exempt.
    pub(super) fn source_hash(self) -> Option<u64> {
        match self {
            Self::Exempt => None,
            Self::Unvalidated(hash) | Self::Validated(hash) => Some(hash),
        }
    }
}
