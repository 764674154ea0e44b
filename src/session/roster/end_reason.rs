use std::{error, fmt};

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeTuple, Serializer};

use crate::session::contract_mismatch::printable;

/// The reason why a session has ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EndReason {
    /// The member has left, or has dropped its [`Session`](crate::Session).
    Left,
    /// The server has not heard from the member within the lease, or the member has not heard from
    /// the server. Also if the server has restarted, or does not know the session any more.
    Expired,
    /// The server has evicted the member, for the reason that the text states.
    Evicted(String),
    /// The server's hook for joining refused the peer when its turn came, for the reason that the
    /// text states.
    Refused(String),
    /// The server or the member closes its endpoint, or its runtime has ended.
    Closing,
}

impl EndReason {
    /// The longest text, in bytes. A longer one is cut.
    pub(crate) const MAX_TEXT_LEN: usize = 200;

    fn code(&self) -> u8 {
        match self {
            Self::Left => 1,
            Self::Expired => 2,
            Self::Evicted(_) => 3,
            Self::Refused(_) => 4,
            Self::Closing => 5,
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::Evicted(text) | Self::Refused(text) => text,
            Self::Left | Self::Expired | Self::Closing => "",
        }
    }

    /// Returns the reason with this code. A code of a later version is read as the end of the
    /// lease.
    fn from_code(code: u8, text: String) -> Self {
        match code {
            1 => Self::Left,
            3 => Self::Evicted(text),
            4 => Self::Refused(text),
            5 => Self::Closing,
            _ => Self::Expired,
        }
    }
}

/// Returns the start of a text, at most [`EndReason::MAX_TEXT_LEN`] bytes.
pub(crate) fn bounded_text(mut text: String) -> String {
    let mut len = text.len().min(EndReason::MAX_TEXT_LEN);
    while !text.is_char_boundary(len) {
        len -= 1;
    }
    text.truncate(len);
    text
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Left => f.write_str("the member left"),
            Self::Expired => f.write_str("the lease expired"),
            Self::Evicted(text) => write!(f, "evicted: {}", printable(text)),
            Self::Refused(text) => write!(f, "refused: {}", printable(text)),
            Self::Closing => f.write_str("closing"),
        }
    }
}

impl error::Error for EndReason {}

impl Serialize for EndReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(2)?;
        tuple.serialize_element(&self.code())?;
        tuple.serialize_element(self.text())?;
        tuple.end()
    }
}

impl<'de> Deserialize<'de> for EndReason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ReasonVisitor;

        impl<'de> Visitor<'de> for ReasonVisitor {
            type Value = EndReason;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a code and a text")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut fields: A) -> Result<EndReason, A::Error> {
                let code: u8 = fields.next_element()?.ok_or_else(|| A::Error::invalid_length(0, &self))?;
                let text: Option<String> = fields.next_element()?;
                while fields.next_element::<serde::de::IgnoredAny>()?.is_some() {}
                Ok(EndReason::from_code(code, bounded_text(text.unwrap_or_default())))
            }
        }

        deserializer.deserialize_seq(ReasonVisitor)
    }
}

#[cfg(test)]
mod tests {
    use rpcudp_core::codec::{decode, encode};

    use super::*;

    #[test]
    fn reasons_travel_as_a_code_and_a_text() {
        let reasons = [
            EndReason::Left,
            EndReason::Expired,
            EndReason::Evicted("cheating".into()),
            EndReason::Refused("banned".into()),
            EndReason::Closing,
        ];
        for reason in reasons {
            let mut bytes = Vec::new();
            encode(&mut bytes, &reason).unwrap();
            assert_eq!(decode::<EndReason>(&bytes).unwrap(), reason);
        }
        // Fields and codes of a later version.
        assert_eq!(decode::<EndReason>(b"\x93\x01\xa0\xc0").unwrap(), EndReason::Left);
        assert_eq!(decode::<EndReason>(b"\x91\x63").unwrap(), EndReason::Expired);
    }

    #[test]
    fn text_of_a_peer_is_escaped_for_logs_and_terminals() {
        assert_eq!(EndReason::Evicted("a\n\u{1b}[2Jb".into()).to_string(), "evicted: a\\n\\u{1b}[2Jb");
        assert_eq!(EndReason::Refused("ä\r".into()).to_string(), "refused: ä\\r");
    }

    #[test]
    fn text_is_cut_at_the_end_of_a_character() {
        assert_eq!(bounded_text("ä".repeat(150)), "ä".repeat(100));
        assert_eq!(bounded_text("short".into()), "short");
    }
}
