use std::collections::HashMap;

use rpcudp_core::contract::Contract;
use rpcudp_core::description::{Description, Page};

use crate::rpc_service;

/// What an endpoint tells of its services, where it does.
#[rpc_service(namespace = "rpc.", crate = crate)]
pub(crate) trait Introspect {
    /// Part of the contracts that are served, from this one on, counted from 0: how many parts there are in all, as many as
    /// a small datagram has room for, and a number that is another when the contracts are.
    #[rpc(at_least_once)]
    fn describe(&self, from: Option<u32>) -> Page;

    /// The fingerprints of methods, by their wire names; nothing for one that is not known.
    #[rpc(at_least_once)]
    fn fingerprints(&self, names: Vec<&str>) -> Vec<Option<u64>>;
}

/// Tells of contracts.
#[derive(Debug)]
pub(crate) struct Introspection {
    description: Description,
    fingerprints: HashMap<&'static str, u64>,
}

impl Introspection {
    /// Tells of these, in answers that are no longer than answers may be.
    pub(crate) fn new(contracts: &[&'static Contract], max_response_len: usize) -> Self {
        let methods = contracts.iter().flat_map(|contract| &*contract.methods);
        Self {
            description: Description::new(contracts, Description::PAGE_LEN.min(max_response_len)),
            fingerprints: methods.map(|method| (&*method.wire_name, method.fingerprint())).collect(),
        }
    }
}

impl Introspect for Introspection {
    fn describe(&self, from: Option<u32>) -> Page {
        self.description.page(from.unwrap_or(0))
    }

    fn fingerprints(&self, names: Vec<&str>) -> Vec<Option<u64>> {
        names.into_iter().map(|name| self.fingerprints.get(name).copied()).collect()
    }
}
