use std::fmt;

/// A reason for which a datagram is dropped.
///
/// Datagrams of peers never cause errors in this endpoint. Invalid ones are dropped and counted,
/// with a counter for each reason (see [`Stats::dropped`](crate::Stats::dropped)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// The datagram is shorter than 22 bytes: at most a header, without a body.
    TooShort,
    /// The first byte is not a kind of any dialect.
    UnknownKind,
    /// The kind belongs to the other dialect.
    OtherDialect,
    /// The body is not a complete msgpack value, or claims more elements than it has bytes.
    InvalidMsgpack,
    /// The body nests deeper than [`MAX_DEPTH`](crate::limits::MAX_DEPTH) levels.
    TooDeep,
    /// The body is msgpack, but does not have the shape of its kind. A request is `[name,
    /// arguments]`.
    WrongShape,
    /// A response to no call in flight: late, a duplicate, or forged.
    UnmatchedResponse,
    /// A cancel frame for no request whose handler waits: early, late, a duplicate, or forged.
    UnmatchedCancel,
    /// A response from another address than the called one.
    WrongSource,
    /// A checked response with a wrong checksum, or without one: a fragment of it was forged or
    /// damaged.
    BadChecksum,
    /// A duplicate of an at-least-once or at-most-once request whose handler is running, or of an
    /// at-most-once request without a stored response; or a request that has the message id of
    /// another request from the same sender.
    DuplicateRequest,
    /// A request from a source that sends more requests than [`Limits`](crate::Limits) allow.
    TooManyRequests,
    /// A request from an unvalidated source, while all unvalidated sources together send more
    /// requests than [`Limits`](crate::Limits) allow.
    TooManyUnvalidated,
    /// A request from or a response to an unvalidated source that was sent as many response bytes
    /// as [`Limits`](crate::Limits) allow.
    ResponseBudget,
    /// A request with a deadline that passed before the server processed it.
    Expired,
    /// A response or cancel frame of this endpoint that did not fit into the send queue: handlers
    /// produce responses faster than the network accepts them.
    SendQueueFull,
    /// A response or cancel frame of this endpoint that the socket failed to send, for example
    /// because there is no route.
    SendFailed,
    /// A request over the plain wire, at an endpoint that serves over links alone.
    PlainRequest,
}

impl DropReason {
    /// All reasons, in the order of declaration.
    pub const ALL: [Self; 18] = [
        Self::TooShort,
        Self::UnknownKind,
        Self::OtherDialect,
        Self::InvalidMsgpack,
        Self::TooDeep,
        Self::WrongShape,
        Self::UnmatchedResponse,
        Self::UnmatchedCancel,
        Self::WrongSource,
        Self::BadChecksum,
        Self::DuplicateRequest,
        Self::TooManyRequests,
        Self::TooManyUnvalidated,
        Self::ResponseBudget,
        Self::Expired,
        Self::SendQueueFull,
        Self::SendFailed,
        Self::PlainRequest,
    ];

    /// Returns the name for counters and logs, in snake case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TooShort => "too_short",
            Self::UnknownKind => "unknown_kind",
            Self::OtherDialect => "other_dialect",
            Self::InvalidMsgpack => "invalid_msgpack",
            Self::TooDeep => "too_deep",
            Self::WrongShape => "wrong_shape",
            Self::UnmatchedResponse => "unmatched_response",
            Self::UnmatchedCancel => "unmatched_cancel",
            Self::WrongSource => "wrong_source",
            Self::BadChecksum => "bad_checksum",
            Self::DuplicateRequest => "duplicate_request",
            Self::TooManyRequests => "too_many_requests",
            Self::TooManyUnvalidated => "too_many_unvalidated",
            Self::ResponseBudget => "response_budget",
            Self::Expired => "expired",
            Self::SendQueueFull => "send_queue_full",
            Self::SendFailed => "send_failed",
            Self::PlainRequest => "plain_request",
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
