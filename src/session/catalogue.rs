use std::iter;

use rpcudp_core::contract::Method;

use super::join_response::JoinRefusal;
use super::required::Required;
use crate::endpoint::shared::Shared;
use crate::services::attached;

/// Compares the methods that a peer needs with those that an endpoint serves at the moment.
///
/// # Errors
///
/// The methods that are missing or differ.
pub(crate) fn compare(shared: &Shared, Required(methods): &Required<'_>) -> Result<(), JoinRefusal> {
    if methods.is_empty() {
        return Ok(());
    }
    let served = attached(shared).map(|services| services.served()).unwrap_or_default();
    let served = || served.iter().filter_map(|served| served.contract()).flat_map(|contract| &*contract.methods);
    let (mut missing, mut changed) = (Vec::new(), Vec::new());
    for (name, fingerprint) in methods {
        match served().find(|method| names(method).any(|known| known == *name)) {
            None => missing.push((*name).to_owned()),
            Some(method) if fingerprint_as(method, name) == *fingerprint => {}
            Some(method) => changed.push(((*name).to_owned(), method.signature())),
        }
    }
    if missing.is_empty() && changed.is_empty() { Ok(()) } else { Err(JoinRefusal::Contract { missing, changed }) }
}

fn names(method: &Method) -> impl Iterator<Item = &str> {
    iter::once(&*method.wire_name).chain(method.aliases.iter().map(|alias| &**alias))
}

/// Returns the fingerprint that a caller has which knows the method by this name.
fn fingerprint_as(method: &Method, name: &str) -> u64 {
    if method.wire_name == name {
        return method.fingerprint();
    }
    Method { wire_name: name.to_owned().into(), ..method.clone() }.fingerprint()
}
