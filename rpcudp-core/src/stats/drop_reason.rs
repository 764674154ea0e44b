use std::fmt;

/// Why a datagram was dropped without an answer.
///
/// A peer's bytes are never an error of ours: they are dropped and counted, one counter for each reason (see
/// [`Stats::dropped`](crate::Stats::dropped)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// Shorter than 22 bytes: a header and nothing to decode.
    TooShort,
    /// The first byte is no kind of datagram in any dialect.
    UnknownKind,
    /// A request or response in the dialect that this endpoint does not speak.
    OtherDialect,
    /// The body is not one complete msgpack value, claims more elements than it has bytes, or nests too deep.
    InvalidMsgpack,
    /// The body is msgpack but not what the kind calls for: a request is `[name, arguments]`.
    WrongShape,
    /// An answer that no call waits for: late, a copy of one that was taken, or forged.
    UnmatchedResponse,
    /// An answer to a call of ours from an address that was not called.
    WrongSource,
    /// A copy of an at-most-once request whose handler still runs, or whose reply was too large to remember.
    DuplicateRequest,
    /// A request of a source that sends more of them than [`Limits`](crate::Limits) allow.
    TooManyRequests,
    /// A request of a source that is not known, while all of those send more than [`Limits`](crate::Limits) allow.
    TooManyUnvalidated,
    /// A request of a source, or an answer to it, that is not known and was sent as many bytes of answers as
    /// [`Limits`](crate::Limits) allow.
    ResponseBudget,
    /// A request whose caller had given up before its turn came.
    Expired,
    /// Our answer found the send queue full: the network takes less than the handlers give.
    SendQueueFull,
    /// Our answer was refused by the socket, for example because there is no route.
    SendFailed,
}

impl DropReason {
    /// Every reason there is, in the order of their declaration.
    pub const ALL: [Self; 14] = [
        Self::TooShort,
        Self::UnknownKind,
        Self::OtherDialect,
        Self::InvalidMsgpack,
        Self::WrongShape,
        Self::UnmatchedResponse,
        Self::WrongSource,
        Self::DuplicateRequest,
        Self::TooManyRequests,
        Self::TooManyUnvalidated,
        Self::ResponseBudget,
        Self::Expired,
        Self::SendQueueFull,
        Self::SendFailed,
    ];

    /// A short name for counters and logs, in snake case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TooShort => "too_short",
            Self::UnknownKind => "unknown_kind",
            Self::OtherDialect => "other_dialect",
            Self::InvalidMsgpack => "invalid_msgpack",
            Self::WrongShape => "wrong_shape",
            Self::UnmatchedResponse => "unmatched_response",
            Self::WrongSource => "wrong_source",
            Self::DuplicateRequest => "duplicate_request",
            Self::TooManyRequests => "too_many_requests",
            Self::TooManyUnvalidated => "too_many_unvalidated",
            Self::ResponseBudget => "response_budget",
            Self::Expired => "expired",
            Self::SendQueueFull => "send_queue_full",
            Self::SendFailed => "send_failed",
        }
    }
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_lists_every_reason_at_its_index() {
        for (index, reason) in DropReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, index, "{reason}");
        }
    }
}
