use rpcudp_core::RefusalKind;

/// The outcome of a call or a request: one of a closed set of labels in logs and metrics. A peer
/// cannot add to it.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "metrics"), allow(dead_code, reason = "only metrics tell some of them apart"))]
pub enum Outcome {
    /// The call ended with a value, or the request was sent one.
    Completed,
    /// A oneway method ran.
    Done,
    /// A oneway call was sent.
    Sent,
    /// The method returned `Err`.
    ApplicationError,
    /// The server refused the request.
    Refused(RefusalKind),
    /// The method returned an error that the caller's contract does not declare.
    UndeclaredError,
    /// The peer refused with a code of a later version.
    UnknownRefusal,
    Timeout,
    Unreachable,
    Undecodable,
    TooLarge,
    Unencodable,
    TooManyCalls,
    NoPeers,
    Closed,
    IoError,
    /// The method needs a link, and the client was plain.
    Insecure,
    /// The peer has proven another key than the pinned one.
    WrongPeer,
    /// The link to the peer could not be opened, or has ended.
    NoLink,
    /// The caller dropped the call, and then the server the handler.
    Cancelled,
    /// The endpoint closed while the handler ran.
    Aborted,
}

impl Outcome {
    /// Returns the label in snake case. Each refusal has a label of its own.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Completed => "answered",
            Self::Done => "done",
            Self::Sent => "sent",
            Self::ApplicationError => "application_error",
            Self::Refused(kind) => kind.name(),
            Self::UndeclaredError => "undeclared_error",
            Self::UnknownRefusal => "refused",
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::Undecodable => "undecodable",
            Self::TooLarge => "too_large",
            Self::Unencodable => "unencodable",
            Self::TooManyCalls => "too_many_calls",
            Self::NoPeers => "no_peers",
            Self::Closed => "closed",
            Self::IoError => "io_error",
            Self::Insecure => "insecure",
            Self::WrongPeer => "wrong_peer",
            Self::NoLink => "no_link",
            Self::Cancelled => "cancelled",
            Self::Aborted => "aborted",
        }
    }

    /// Returns the value of a span's field `outcome`, in which all refusals are `refused`.
    pub(crate) fn span_label(self) -> &'static str {
        match self {
            Self::Refused(_) | Self::UndeclaredError => "refused",
            other => other.name(),
        }
    }
}

#[cfg(feature = "metrics")]
impl Outcome {
    /// Outcomes other than refusals, each at its [`index`](Self::index).
    const OTHERS: [Self; 20] = [
        Self::Completed,
        Self::Done,
        Self::Sent,
        Self::ApplicationError,
        Self::UndeclaredError,
        Self::UnknownRefusal,
        Self::Timeout,
        Self::Unreachable,
        Self::Undecodable,
        Self::TooLarge,
        Self::Unencodable,
        Self::TooManyCalls,
        Self::Closed,
        Self::IoError,
        Self::Cancelled,
        Self::Aborted,
        Self::NoPeers,
        Self::Insecure,
        Self::WrongPeer,
        Self::NoLink,
    ];

    /// The number of outcomes.
    pub(crate) const COUNT: usize = Self::OTHERS.len() + RefusalKind::ALL.len();

    /// Returns all outcomes in the order of [`index`](Self::index).
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Self::OTHERS.into_iter().chain(RefusalKind::ALL.into_iter().map(Self::Refused))
    }

    /// Returns a number below [`COUNT`](Self::COUNT), another for each outcome.
    pub(crate) fn index(self) -> usize {
        match self {
            Self::Completed => 0,
            Self::Done => 1,
            Self::Sent => 2,
            Self::ApplicationError => 3,
            Self::UndeclaredError => 4,
            Self::UnknownRefusal => 5,
            Self::Timeout => 6,
            Self::Unreachable => 7,
            Self::Undecodable => 8,
            Self::TooLarge => 9,
            Self::Unencodable => 10,
            Self::TooManyCalls => 11,
            Self::Closed => 12,
            Self::IoError => 13,
            Self::Cancelled => 14,
            Self::Aborted => 15,
            Self::NoPeers => 16,
            Self::Insecure => 17,
            Self::WrongPeer => 18,
            Self::NoLink => 19,
            // Codes of refusals count from 1.
            Self::Refused(kind) => Self::OTHERS.len() + usize::from(kind.code()) - 1,
        }
    }

    /// Returns the label `error.type`, or `None` if the call or request succeeded.
    pub(crate) fn error(self) -> Option<&'static str> {
        (!matches!(self, Self::Completed | Self::Done | Self::Sent)).then(|| self.name())
    }
}

#[cfg(all(test, feature = "metrics"))]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_is_at_its_index() {
        assert_eq!(Outcome::all().count(), Outcome::COUNT);
        for (index, outcome) in Outcome::all().enumerate() {
            assert_eq!(outcome.index(), index, "{outcome:?}");
        }
    }
}
