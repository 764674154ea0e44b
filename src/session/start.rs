//! The start of an endpoint's sessions when it is bound.

use std::sync::Arc;

use super::close::close_with;
use super::config::Sessions;
use super::contract::HostingServer;
use super::host::{Host, expire};
use super::roster::Roster;
use crate::clock::now;
use crate::endpoint::shared::Shared;
use crate::server::services::Served;

/// Returns the names of the pools, in order.
///
/// # Errors
///
/// The name that two pools have.
pub(crate) fn names(pools: &[Sessions]) -> Result<Vec<Arc<str>>, String> {
    let mut names: Vec<Arc<str>> = Vec::new();
    for Sessions { limits, .. } in pools {
        if names.contains(&limits.name) {
            return Err(limits.name.to_string());
        }
        names.push(Arc::clone(&limits.name));
    }
    Ok(names)
}

/// Returns the service of an endpoint's pools, if it has any.
pub(crate) fn start(shared: &Arc<Shared>, pools: Vec<Sessions>) -> Option<Served> {
    if pools.is_empty() {
        return None;
    }
    let pools = pools.into_iter().map(|pool| (pool.limits, pool.hooks)).collect();
    let roster = shared.sessions.roster.get_or_init(|| Arc::new(Roster::new(pools, now())));
    shared.runtime.spawn(expire(Arc::downgrade(shared), Arc::clone(roster)));
    close_with(shared);
    Some(Served::new(HostingServer::new(Host::new(Arc::clone(roster)))))
}
