use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

/// The methods that a peer needs, in its request to join: wire names with fingerprints.
#[derive(Debug)]
pub(crate) struct Required<'a>(pub(crate) Vec<(&'a str, u64)>);

impl Required<'_> {
    /// The number of methods in one request. With more, a request of 64 KiB would take
    /// milliseconds of the receive loop.
    pub(crate) const MAX_COUNT: usize = 150;
}

impl Serialize for Required<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Required<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MethodsVisitor;

        impl<'de> Visitor<'de> for MethodsVisitor {
            type Value = Required<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "at most {} methods", Required::MAX_COUNT)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Required<'de>, A::Error> {
                let mut methods = Vec::with_capacity(elements.size_hint().unwrap_or(0).min(Required::MAX_COUNT));
                while let Some(method) = elements.next_element()? {
                    if methods.len() == Required::MAX_COUNT {
                        return Err(A::Error::invalid_length(methods.len() + 1, &self));
                    }
                    methods.push(method);
                }
                Ok(Required(methods))
            }
        }

        deserializer.deserialize_seq(MethodsVisitor)
    }
}
