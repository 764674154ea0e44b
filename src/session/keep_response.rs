//! The response to a request to keep a session alive.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

/// The extended lease, or the task to repeat the request with a token, because the address has
/// changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeepResponse {
    /// `[lease in ms, position]`.
    Kept { lease: u64, position: u64 },
    /// `[nil, token]`.
    Challenge { token: u64 },
}

impl Serialize for KeepResponse {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Kept { lease, position } => (lease, position).serialize(serializer),
            Self::Challenge { token } => ((), token).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for KeepResponse {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ResponseVisitor;

        impl<'de> Visitor<'de> for ResponseVisitor {
            type Value = KeepResponse;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a lease or a token")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut fields: A) -> Result<KeepResponse, A::Error> {
                let lease: Option<u64> = fields.next_element()?.ok_or_else(|| A::Error::invalid_length(0, &self))?;
                let second = fields.next_element()?.ok_or_else(|| A::Error::invalid_length(1, &self))?;
                while fields.next_element::<IgnoredAny>()?.is_some() {}
                Ok(match lease {
                    Some(lease) => KeepResponse::Kept { lease, position: second },
                    None => KeepResponse::Challenge { token: second },
                })
            }
        }

        deserializer.deserialize_seq(ResponseVisitor)
    }
}

#[cfg(test)]
mod tests {
    use rpcudp_core::codec::{decode, encode};

    use super::*;

    #[test]
    fn responses_are_arrays_and_fields_of_later_versions_are_skipped() {
        let responses = [
            (KeepResponse::Kept { lease: 10, position: 1 }, b"\x92\x0a\x01"),
            (KeepResponse::Challenge { token: 7 }, b"\x92\xc0\x07"),
        ];
        for (response, expected) in responses {
            let mut bytes = Vec::new();
            encode(&mut bytes, &response).unwrap();
            assert_eq!(bytes, expected);
            assert_eq!(decode::<KeepResponse>(&bytes).unwrap(), response);
        }
        assert_eq!(decode::<KeepResponse>(b"\x93\xc0\x07\xc3").unwrap(), KeepResponse::Challenge { token: 7 });
        assert!(decode::<KeepResponse>(b"\x91\xc0").is_err());
    }
}
