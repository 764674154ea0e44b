use std::fmt::{self, Write};

use super::refusal_kind::RefusalKind;

/// The code of a failure frame: an error of the application, a refusal, or a code of a later
/// version.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FailureCode(u8);

impl FailureCode {
    /// The method ran and returned `Err`. The detail is the application's error.
    pub const APPLICATION: Self = Self(0);
    /// [`RefusalKind::UnknownMethod`].
    pub const UNKNOWN_METHOD: Self = Self(RefusalKind::UnknownMethod.code());
    /// [`RefusalKind::MalformedArguments`].
    pub const MALFORMED_ARGUMENTS: Self = Self(RefusalKind::MalformedArguments.code());
    /// [`RefusalKind::Busy`].
    pub const BUSY: Self = Self(RefusalKind::Busy.code());
    /// [`RefusalKind::Panicked`].
    pub const PANICKED: Self = Self(RefusalKind::Panicked.code());
    /// [`RefusalKind::ResponseTooLarge`]. The detail is `[size, limit]` in bytes.
    pub const RESPONSE_TOO_LARGE: Self = Self(RefusalKind::ResponseTooLarge.code());
    /// [`RefusalKind::ResponseUnencodable`].
    pub const RESPONSE_UNENCODABLE: Self = Self(RefusalKind::ResponseUnencodable.code());
    /// [`RefusalKind::Closing`].
    pub const CLOSING: Self = Self(RefusalKind::Closing.code());
    /// [`RefusalKind::Stopped`].
    pub const STOPPED: Self = Self(RefusalKind::Stopped.code());
    /// [`RefusalKind::Rejected`].
    pub const REJECTED: Self = Self(RefusalKind::Rejected.code());
    /// [`RefusalKind::NeedsSecureLink`].
    pub const NEEDS_SECURE_LINK: Self = Self(RefusalKind::NeedsSecureLink.code());
    /// [`RefusalKind::NoSession`].
    pub const NO_SESSION: Self = Self(RefusalKind::NoSession.code());
    /// [`RefusalKind::AlreadyRan`].
    pub const ALREADY_RAN: Self = Self(RefusalKind::AlreadyRan.code());

    /// Returns the code with this number.
    #[must_use]
    pub const fn new(number: u8) -> Self {
        Self(number)
    }

    /// Returns the number that the frame carries.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Returns the refusal with this code. `None` for [`APPLICATION`](Self::APPLICATION) and for
    /// codes of later versions.
    #[must_use]
    pub const fn refusal(self) -> Option<RefusalKind> {
        RefusalKind::from_code(self.0)
    }
}

impl From<RefusalKind> for FailureCode {
    fn from(kind: RefusalKind) -> Self {
        Self(kind.code())
    }
}

impl fmt::Debug for FailureCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (*self, self.refusal()) {
            (Self::APPLICATION, _) => f.write_str("APPLICATION"),
            (_, Some(kind)) => kind.name().chars().try_for_each(|letter| f.write_char(letter.to_ascii_uppercase())),
            (Self(number), None) => write!(f, "FailureCode({number})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_print_as_their_name_or_number() {
        let printed = [FailureCode::APPLICATION, RefusalKind::UnknownMethod.into(), FailureCode::new(77)];
        assert_eq!(format!("{printed:?}"), "[APPLICATION, UNKNOWN_METHOD, FailureCode(77)]");
    }
}
