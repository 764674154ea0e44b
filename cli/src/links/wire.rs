use std::fmt;

use rpcudp::contract::ContractQuery;
use rpcudp::{AnyPeer, Call, Expected, PeerId};

use crate::exit::Failure;
use crate::value::Value;

/// The wire over which a peer is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    Plain,
    /// A link to the peer with the expected key.
    Link(Expected),
}

impl Wire {
    /// The part before the `@` of an address with any key.
    const ANY: &str = "any";

    /// Splits `KEY@ADDR` or `any@ADDR` into the wire and the address. An address without a key is
    /// plain.
    pub(crate) fn split(name: &str) -> Result<(Self, &str), Failure> {
        let Some((key, addr)) = name.split_once('@') else { return Ok((Self::Plain, name)) };
        let expected = if key == Self::ANY { AnyPeer.into() } else { parse_key(key)?.into() };
        Ok((Self::Link(expected), addr))
    }

    pub(crate) fn is_link(self) -> bool {
        self != Self::Plain
    }

    /// Sends a call over this wire.
    pub(crate) fn call(self, call: Call<Value, Value>) -> Call<Value, Value> {
        match self {
            Self::Plain => call,
            Self::Link(expected) => call.secure(expected),
        }
    }

    /// Sends a query over this wire.
    pub(crate) fn query<T>(self, query: ContractQuery<T>) -> ContractQuery<T> {
        match self {
            Self::Plain => query,
            Self::Link(expected) => query.secure(expected),
        }
    }
}

/// The part of an address before the host, as it is written.
impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain => Ok(()),
            Self::Link(Expected::Any) => write!(f, "{}@", Self::ANY),
            Self::Link(Expected::Key(key)) => write!(f, "{key}@"),
        }
    }
}

/// Parses a public key: base32 or hex.
pub(crate) fn parse_key(text: &str) -> Result<PeerId, Failure> {
    text.parse().map_err(|error| {
        Failure::usage(format!(
            "`{}` is {error}; `rpcudp key show FILE` prints the key of an identity, and any@HOST:PORT takes every key",
            text.escape_debug()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_has_its_key_before_the_host() {
        let key = PeerId::from_bytes([7; 32]);
        for text in [key.to_string(), "07".repeat(32), key.to_string().to_uppercase()] {
            let name = format!("{text}@[::1]:7000");
            assert_eq!(Wire::split(&name).unwrap(), (Wire::Link(Expected::Key(key)), "[::1]:7000"));
        }
        assert_eq!(Wire::split("any@host:7").unwrap(), (Wire::Link(Expected::Any), "host:7"));
        assert_eq!(Wire::split("host:7").unwrap(), (Wire::Plain, "host:7"));
        assert_eq!(Wire::Link(key.into()).to_string() + "host:7", format!("{key}@host:7"));
        for wrong in ["@host:7", "ANY@host:7", "abc@host:7", "any @host:7"] {
            let error = Wire::split(wrong).unwrap_err().to_string();
            assert!(error.contains("is not a public key: expected 52 characters of base32, or 64 of hex"), "{error}");
        }
    }
}
