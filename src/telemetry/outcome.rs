/// How a call or a request ended: a closed set, for logs and metrics. No peer adds to it.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "metrics"), allow(dead_code, reason = "some are told apart by metrics alone"))]
pub enum Conclusion {
    Answered,
    /// A oneway method ran.
    Done,
    /// A oneway call left.
    Sent,
    ApplicationError,
    // Refusals, as one side decides them and the other hears of them.
    UnknownMethod,
    MalformedArguments,
    Busy,
    Closing,
    Panicked,
    /// It took longer than a layer allows.
    StoppedLate,
    /// A layer said no, or failed.
    Rejected,
    ResponseTooLarge,
    ResponseUnencodable,
    UndeclaredError,
    OtherRefusal,
    // Ends of calls.
    Timeout,
    Unreachable,
    Undecodable,
    TooLarge,
    Unencodable,
    TooManyCalls,
    Closed,
    IoError,
    Cancelled,
    /// The endpoint was closed while the handler ran.
    Stopped,
}

impl Conclusion {
    /// Each of them, at its index.
    #[cfg(feature = "metrics")]
    pub(crate) const ALL: [Self; 25] = [
        Self::Answered,
        Self::Done,
        Self::Sent,
        Self::ApplicationError,
        Self::UnknownMethod,
        Self::MalformedArguments,
        Self::Busy,
        Self::Closing,
        Self::Panicked,
        Self::StoppedLate,
        Self::Rejected,
        Self::ResponseTooLarge,
        Self::ResponseUnencodable,
        Self::UndeclaredError,
        Self::OtherRefusal,
        Self::Timeout,
        Self::Unreachable,
        Self::Undecodable,
        Self::TooLarge,
        Self::Unencodable,
        Self::TooManyCalls,
        Self::Closed,
        Self::IoError,
        Self::Cancelled,
        Self::Stopped,
    ];

    /// What went wrong, if anything did.
    #[cfg(feature = "metrics")]
    pub(crate) fn error(self) -> Option<&'static str> {
        (!matches!(self, Self::Answered | Self::Done | Self::Sent)).then(|| self.name())
    }

    /// What a span's field `outcome` says.
    pub(crate) fn outcome(self) -> &'static str {
        match self {
            Self::UnknownMethod
            | Self::MalformedArguments
            | Self::Busy
            | Self::Closing
            | Self::Panicked
            | Self::StoppedLate
            | Self::Rejected
            | Self::ResponseTooLarge
            | Self::ResponseUnencodable
            | Self::UndeclaredError
            | Self::OtherRefusal => "refused",
            other => other.name(),
        }
    }

    /// A short name, in snake case: which refusal it was, too.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Done => "done",
            Self::Sent => "sent",
            Self::ApplicationError => "application_error",
            Self::UnknownMethod => "unknown_method",
            Self::MalformedArguments => "malformed_arguments",
            Self::Busy => "busy",
            Self::Closing => "closing",
            Self::Panicked => "panicked",
            Self::StoppedLate => "stopped_late",
            Self::Rejected => "rejected",
            Self::ResponseTooLarge => "response_too_large",
            Self::ResponseUnencodable => "response_unencodable",
            Self::UndeclaredError => "undeclared_error",
            Self::OtherRefusal => "refused",
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::Undecodable => "undecodable",
            Self::TooLarge => "too_large",
            Self::Unencodable => "unencodable",
            Self::TooManyCalls => "too_many_calls",
            Self::Closed => "closed",
            Self::IoError => "io_error",
            Self::Cancelled => "cancelled",
            Self::Stopped => "stopped",
        }
    }
}

#[cfg(all(test, feature = "metrics"))]
mod tests {
    use super::*;

    #[test]
    fn all_lists_every_one_at_its_index() {
        for (index, conclusion) in Conclusion::ALL.into_iter().enumerate() {
            assert_eq!(conclusion as usize, index, "{conclusion:?}");
        }
    }
}
