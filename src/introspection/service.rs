use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::iter;
use std::sync::Arc;

use rpcudp_core::contract::{Contract, Method};
use rpcudp_core::description::{Description, Page};
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::rpc_service;
use crate::server::service::AnyService;
use crate::server::services::Served;

/// The service with which an endpoint publishes its contracts.
#[rpc_service(namespace = "rpc.", crate = crate)]
pub(crate) trait Introspect {
    /// Returns a page of the published contracts, from a part on, counted from 0: the number of
    /// parts, as many parts as fit into a small datagram, and a number that changes with the
    /// contracts.
    #[rpc(at_least_once)]
    fn describe(&self, from: Option<u32>) -> Page;

    /// Returns the fingerprints of methods by their wire names, and nil for an unknown method.
    #[rpc(at_least_once)]
    fn fingerprints(&self, names: Names<'_>) -> Vec<Option<u64>>;
}

/// The wire names in a request for fingerprints.
#[derive(Debug)]
pub(crate) struct Names<'a>(pub(crate) Vec<&'a str>);

impl Names<'_> {
    /// The number of names in one request: with more, a request of 64 KiB would take milliseconds
    /// of the receive loop.
    pub(crate) const MAX_COUNT: usize = 150;
}

impl Serialize for Names<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Names<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NamesVisitor;

        impl<'de> Visitor<'de> for NamesVisitor {
            type Value = Names<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "at most {} names", Names::MAX_COUNT)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Names<'de>, A::Error> {
                let mut names = Vec::with_capacity(elements.size_hint().unwrap_or(0).min(Names::MAX_COUNT));
                while let Some(name) = elements.next_element()? {
                    if names.len() == Names::MAX_COUNT {
                        return Err(A::Error::invalid_length(names.len() + 1, &self));
                    }
                    names.push(name);
                }
                Ok(Names(names))
            }
        }

        deserializer.deserialize_seq(NamesVisitor)
    }
}

/// The contracts that an endpoint publishes.
#[derive(Debug)]
pub(crate) struct PublishedContracts {
    description: Description,
    fingerprints: HashMap<Cow<'static, str>, u64>,
}

/// Returns the service that publishes the contracts of an endpoint's services, if one of them has a
/// contract to publish.
pub(crate) fn publish(served: &[Served], max_response_len: usize) -> Option<Arc<dyn AnyService>> {
    let contracts: Vec<&Contract> = served.iter().filter_map(|served| served.contract.as_deref()).collect();
    if contracts.is_empty() {
        return None;
    }
    Some(Arc::new(IntrospectServer::new(PublishedContracts::new(&contracts, max_response_len))))
}

impl PublishedContracts {
    /// Publishes contracts in pages that fit into the endpoint's responses.
    fn new(contracts: &[&Contract], max_response_len: usize) -> Self {
        let methods = contracts.iter().flat_map(|contract| &*contract.methods);
        Self {
            description: Description::new(contracts, Description::PAGE_LEN.min(max_response_len)),
            fingerprints: methods.flat_map(fingerprints).collect(),
        }
    }
}

/// Returns the fingerprint of a method under each of its names. A caller that has an earlier name
/// compares the fingerprint of a method of that name.
fn fingerprints(method: &Method) -> impl Iterator<Item = (Cow<'static, str>, u64)> {
    let aliases = method.aliases.iter().map(|alias| {
        let renamed = Method { wire_name: alias.clone(), ..method.clone() };
        (alias.clone(), renamed.fingerprint())
    });
    iter::once((method.wire_name.clone(), method.fingerprint())).chain(aliases)
}

impl Introspect for PublishedContracts {
    fn describe(&self, from: Option<u32>) -> Page {
        self.description.page(from.unwrap_or(0))
    }

    fn fingerprints(&self, Names(names): Names<'_>) -> Vec<Option<u64>> {
        names.into_iter().map(|name| self.fingerprints.get(name).copied()).collect()
    }
}

#[cfg(test)]
mod tests {
    use rpcudp_core::codec::{decode, encode};

    use super::*;

    #[test]
    fn request_with_more_than_the_maximum_of_names_is_malformed() {
        let encoded = |count: usize| {
            let mut bytes = Vec::new();
            encode(&mut bytes, &vec![""; count]).expect("names can be encoded");
            bytes
        };
        assert_eq!(decode::<Names<'_>>(&encoded(Names::MAX_COUNT)).unwrap().0.len(), 150);
        for count in [151, 60_000] {
            let error = decode::<Names<'_>>(&encoded(count)).unwrap_err().to_string();
            assert!(error.ends_with("invalid length 151, expected at most 150 names"), "{error}");
        }
    }
}
