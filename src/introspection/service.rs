use std::collections::HashMap;

use rpcudp_core::contract::Contract;
use rpcudp_core::description::{Description, Page};

use crate::rpc_service;

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
    fn fingerprints(&self, names: Vec<&str>) -> Vec<Option<u64>>;
}

/// The contracts that an endpoint publishes.
#[derive(Debug)]
pub(crate) struct PublishedContracts {
    description: Description,
    fingerprints: HashMap<&'static str, u64>,
}

impl PublishedContracts {
    /// Publishes contracts in pages that fit into the endpoint's responses.
    pub(crate) fn new(contracts: &[&'static Contract], max_response_len: usize) -> Self {
        let methods = contracts.iter().flat_map(|contract| &*contract.methods);
        Self {
            description: Description::new(contracts, Description::PAGE_LEN.min(max_response_len)),
            fingerprints: methods.map(|method| (&*method.wire_name, method.fingerprint())).collect(),
        }
    }
}

impl Introspect for PublishedContracts {
    fn describe(&self, from: Option<u32>) -> Page {
        self.description.page(from.unwrap_or(0))
    }

    fn fingerprints(&self, names: Vec<&str>) -> Vec<Option<u64>> {
        names.into_iter().map(|name| self.fingerprints.get(name).copied()).collect()
    }
}
