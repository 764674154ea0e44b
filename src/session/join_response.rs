//! The response to a request to join.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeTuple, Serializer};

use super::roster::end_reason::EndReason;
use super::roster::session_id::Credential;

/// A place, or the task to repeat the request with a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum JoinResponse {
    /// `[session, lease in ms, position]`.
    Place { session: Credential, lease: u64, position: u64 },
    /// `[nil, token]`.
    Challenge { token: u64 },
}

/// The reason why a peer got no place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum JoinRefusal {
    /// `[0, version]`: the server has another version of this contract.
    Version(u32),
    /// `[1]`: the server has no pool of this name.
    Pool,
    /// `[2, capacity, queue]`: all places are taken.
    Full { capacity: u64, queue: u64 },
    /// `[3, missing, changed]`: names, and pairs of a name and the server's signature.
    Contract { missing: Vec<String>, changed: Vec<(String, String)> },
    /// `[4, reason]`: the session has ended already. The reason tells whether the hook for joining
    /// refused.
    Ended(EndReason),
}

impl Serialize for JoinResponse {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Place { session, lease, position } => (session, lease, position).serialize(serializer),
            Self::Challenge { token } => ((), token).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for JoinResponse {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ResponseVisitor;

        impl<'de> Visitor<'de> for ResponseVisitor {
            type Value = JoinResponse;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a place or a token")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut fields: A) -> Result<JoinResponse, A::Error> {
                let response = match next::<_, Option<Credential>>(&mut fields, &self)? {
                    Some(session) => {
                        let (lease, position) = (next(&mut fields, &self)?, next(&mut fields, &self)?);
                        JoinResponse::Place { session, lease, position }
                    }
                    None => JoinResponse::Challenge { token: next(&mut fields, &self)? },
                };
                skip_rest(&mut fields)?;
                Ok(response)
            }
        }

        deserializer.deserialize_seq(ResponseVisitor)
    }
}

impl Serialize for JoinRefusal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Version(version) => (0, version).serialize(serializer),
            Self::Pool => {
                let mut tuple = serializer.serialize_tuple(1)?;
                tuple.serialize_element(&1)?;
                tuple.end()
            }
            Self::Full { capacity, queue } => (2, capacity, queue).serialize(serializer),
            Self::Contract { missing, changed } => (3, missing, changed).serialize(serializer),
            Self::Ended(reason) => (4, reason).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for JoinRefusal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RefusalVisitor;

        impl<'de> Visitor<'de> for RefusalVisitor {
            type Value = JoinRefusal;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the reason of a refusal to join")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut fields: A) -> Result<JoinRefusal, A::Error> {
                let refusal = match next::<_, u8>(&mut fields, &self)? {
                    0 => JoinRefusal::Version(next(&mut fields, &self)?),
                    1 => JoinRefusal::Pool,
                    2 => {
                        let (capacity, queue) = (next(&mut fields, &self)?, next(&mut fields, &self)?);
                        JoinRefusal::Full { capacity, queue }
                    }
                    3 => {
                        let (missing, changed) = (next(&mut fields, &self)?, next(&mut fields, &self)?);
                        JoinRefusal::Contract { missing, changed }
                    }
                    4 => JoinRefusal::Ended(next(&mut fields, &self)?),
                    code => return Err(A::Error::custom(format_args!("the unknown reason {code}"))),
                };
                skip_rest(&mut fields)?;
                Ok(refusal)
            }
        }

        deserializer.deserialize_seq(RefusalVisitor)
    }
}

fn next<'de, A: SeqAccess<'de>, T: Deserialize<'de>>(
    fields: &mut A,
    expected: &impl Visitor<'de>,
) -> Result<T, A::Error> {
    fields.next_element()?.ok_or_else(|| A::Error::invalid_length(0, expected))
}

/// Skips the fields of later versions.
fn skip_rest<'de, A: SeqAccess<'de>>(fields: &mut A) -> Result<(), A::Error> {
    while fields.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use rpcudp_core::codec::{decode, encode};
    use serde::de::DeserializeOwned;

    use super::super::roster::session_id::SessionId;
    use super::*;

    fn encoded(value: &impl Serialize) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode(&mut bytes, value).unwrap();
        bytes
    }

    fn check<T: Serialize + DeserializeOwned + PartialEq + fmt::Debug>(value: &T, expected: &[u8]) {
        assert_eq!(encoded(value), expected, "{value:?}");
        assert_eq!(decode::<T>(expected).unwrap(), *value);
    }

    #[test]
    fn responses_and_refusals_travel_as_documented() {
        let session = Credential { id: SessionId(1), key: 2 };
        let place = JoinResponse::Place { session, lease: 10, position: 3 };
        check(&place, b"\x93\xc4\x10\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02\x0a\x03");
        check(&JoinResponse::Challenge { token: 7 }, b"\x92\xc0\x07");
        check(&JoinRefusal::Version(1), b"\x92\0\x01");
        check(&JoinRefusal::Pool, b"\x91\x01");
        check(&JoinRefusal::Full { capacity: 5, queue: 0 }, b"\x93\x02\x05\0");
        let contract = JoinRefusal::Contract { missing: vec!["a".into()], changed: vec![("b".into(), "c".into())] };
        check(&contract, b"\x93\x03\x91\xa1a\x91\x92\xa1b\xa1c");
        check(&JoinRefusal::Ended(EndReason::Refused("no".into())), b"\x92\x04\x92\x04\xa2no");
    }

    #[test]
    fn fields_of_later_versions_are_skipped() {
        assert_eq!(decode::<JoinResponse>(b"\x93\xc0\x07\xa1x").unwrap(), JoinResponse::Challenge { token: 7 });
        assert_eq!(decode::<JoinRefusal>(b"\x92\x01\xa1x").unwrap(), JoinRefusal::Pool);
        assert!(decode::<JoinRefusal>(b"\x91\x09").is_err());
        assert!(decode::<JoinResponse>(b"\x91\xc0").is_err());
    }
}
