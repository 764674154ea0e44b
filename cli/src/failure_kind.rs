/// The kind of a failure, which decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureKind {
    Other,
    NotResolved,
    AddressInUse,
    Unreachable,
    Timeout,
    Refused,
    Application,
    WrongPeer,
    Usage,
    /// The reader of standard output has closed it, so no further line is printed.
    ReaderGone,
}

impl FailureKind {
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Other => 1,
            Self::NotResolved => 2,
            Self::AddressInUse => 3,
            Self::Unreachable => 4,
            Self::Timeout => 5,
            Self::Refused => 6,
            Self::Application => 7,
            Self::WrongPeer => 8,
            Self::Usage => 64,
            // The code that shells give for a program that SIGPIPE ended.
            Self::ReaderGone => 141,
        }
    }

    /// The name in JSON output.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Other => "other",
            Self::NotResolved => "not_resolved",
            Self::AddressInUse => "address_in_use",
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::Refused => "refused",
            Self::Application => "application_error",
            Self::WrongPeer => "wrong_peer",
            Self::Usage => "usage",
            Self::ReaderGone => "reader_gone",
        }
    }
}
