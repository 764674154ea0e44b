//! The services that hosts of the local network announce by multicast DNS.

use std::collections::BTreeMap;
use std::time::Duration;

use rpcudp_discovery::{MdnsBrowser, MdnsEvent, MdnsInstance};
use tokio::time::{Instant, timeout_at};

use crate::exit::{Failure, FailureKind};

/// The time in which a host must respond.
const PATIENCE: Duration = Duration::from_secs(3);

/// Finds the instances of a service, or of all, in the order of their names. Returns this long
/// after the first one, or when no more are expected.
pub(crate) async fn find(service: Option<&str>, after_first: Duration) -> Result<Vec<MdnsInstance>, Failure> {
    let mut deadline = Instant::now() + PATIENCE;
    let mut found = BTreeMap::new();
    let mut browser = MdnsBrowser::new().map_err(|error| Failure::new(FailureKind::Other, error.to_string()))?;
    while let Ok(Some(event)) = timeout_at(deadline, browser.next()).await {
        match event {
            MdnsEvent::Found(instance) if service.is_none_or(|service| instance.service == service) => {
                deadline = deadline.min(Instant::now() + after_first);
                found.insert(instance.name.clone(), instance);
            }
            MdnsEvent::Lost(name) => drop(found.remove(&name)),
            _ => {}
        }
    }
    Ok(found.into_values().collect())
}
