use std::error::Error;
use std::fmt;

/// The error of a key that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// The text is not a public key: 52 characters of base32 or 64 of hex.
    InvalidPeerId,
    /// The text has no PEM section `PRIVATE KEY`.
    NotPem,
    /// The bytes are not an Ed25519 key in PKCS#8, as `openssl genpkey -algorithm ed25519` writes
    /// it.
    NotEd25519,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InvalidPeerId => "not a public key: expected 52 characters of base32, or 64 of hex",
            Self::NotPem => "no section `PRIVATE KEY` in the PEM text",
            Self::NotEd25519 => {
                "not an Ed25519 key in PKCS#8 (`openssl genpkey -algorithm ed25519` makes one without a password)"
            }
        })
    }
}

impl Error for KeyError {}
