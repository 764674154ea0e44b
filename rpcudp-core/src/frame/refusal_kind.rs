use std::fmt;

/// A reason for which a peer refuses a request. The one list of them.
///
/// The code in failure frames, the label in metrics and traces, and the message that people read
/// all come from here. The enum is exhaustive on purpose: after a refusal is added, the compiler
/// points to every `match` that must handle it.
///
/// Code 0 is not a refusal. It means that the method ran and returned an error of the application
/// ([`FailureCode::APPLICATION`](crate::FailureCode::APPLICATION)).
///
/// ```
/// use rpcudp_core::RefusalKind;
///
/// let busy = RefusalKind::Busy;
/// assert_eq!((busy.code(), busy.name(), busy.message()), (3, "busy", "busy"));
/// assert_eq!(RefusalKind::from_code(3), Some(busy));
/// assert_eq!(RefusalKind::from_code(0), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RefusalKind {
    /// No service of the server has a method of that name. The method did not run.
    UnknownMethod = 1,
    /// An argument is missing or does not decode as the declared type. The method did not run.
    MalformedArguments = 2,
    /// The server runs as many handlers as it allows, or sheds load. The method did not run.
    Busy = 3,
    /// The handler panicked.
    Panicked = 4,
    /// The method ran, and its response is larger than the server may send.
    ResponseTooLarge = 5,
    /// The method ran, and its response could not be encoded.
    ResponseUnencodable = 6,
    /// The server is closing and accepts no more requests. The method did not run.
    Closing = 7,
    /// The server stopped the handler because it took longer than the server allows. The method may
    /// have run in part.
    Stopped = 8,
    /// A layer between the network and the handler rejected the call, or failed.
    Rejected = 9,
    /// The method needs a link to a peer with a proven key, and the request came over the plain
    /// wire. The method did not run.
    NeedsSecureLink = 10,
    /// The method requires a session, and the caller has none. The method did not run.
    NoSession = 11,
    /// The request is a duplicate of one that has run, and the response is not stored, because it
    /// is too large or was evicted. The method ran, and does not run again.
    AlreadyRan = 12,
}

impl RefusalKind {
    /// All refusals, in the order of their codes.
    pub const ALL: [Self; 12] = [
        Self::UnknownMethod,
        Self::MalformedArguments,
        Self::Busy,
        Self::Panicked,
        Self::ResponseTooLarge,
        Self::ResponseUnencodable,
        Self::Closing,
        Self::Stopped,
        Self::Rejected,
        Self::NeedsSecureLink,
        Self::NoSession,
        Self::AlreadyRan,
    ];

    /// Returns the code that failure frames carry.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Returns the refusal with this code. `None` for 0, which is the application's own error, and
    /// for codes of later versions.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        let mut index = 0;
        while index < Self::ALL.len() {
            if Self::ALL[index].code() == code {
                return Some(Self::ALL[index]);
            }
            index += 1;
        }
        None
    }

    /// Returns the name in snake case, as metrics and traces show it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnknownMethod => "unknown_method",
            Self::MalformedArguments => "malformed_arguments",
            Self::Busy => "busy",
            Self::Panicked => "panicked",
            Self::ResponseTooLarge => "response_too_large",
            Self::ResponseUnencodable => "response_unencodable",
            Self::Closing => "closing",
            Self::Stopped => "stopped",
            Self::Rejected => "rejected",
            Self::NeedsSecureLink => "needs_secure_link",
            Self::NoSession => "no_session",
            Self::AlreadyRan => "already_ran",
        }
    }

    /// Returns the message for people, without details such as sizes. It reads the same on both
    /// sides: in the server's log and in the caller's error.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::UnknownMethod => "unknown method",
            Self::MalformedArguments => "malformed arguments",
            Self::Busy => "busy",
            Self::Panicked => "the handler panicked",
            Self::ResponseTooLarge => "the response is too large",
            Self::ResponseUnencodable => "the response cannot be encoded",
            Self::Closing => "closing",
            Self::Stopped => "the handler took longer than the server allows",
            Self::Rejected => "a layer rejected the call",
            Self::NeedsSecureLink => "the method needs a secure link",
            Self::NoSession => "the caller has no session",
            Self::AlreadyRan => "the method ran, and its response is not stored",
        }
    }
}

impl fmt::Display for RefusalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_consecutive_and_convert_back() {
        for (index, kind) in RefusalKind::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(kind.code()), index + 1);
            assert_eq!(RefusalKind::from_code(kind.code()), Some(kind));
        }
        assert_eq!(RefusalKind::from_code(0), None);
        assert_eq!(RefusalKind::from_code(RefusalKind::ALL.len() as u8 + 1), None);
    }

    #[test]
    fn names_are_the_variants_in_snake_case() {
        for kind in RefusalKind::ALL {
            let variant = format!("{kind:?}");
            assert_eq!(kind.name().replace('_', ""), variant.to_lowercase());
        }
    }
}
