use std::time::Duration;

use serde_json::json;

use crate::args::LsArguments;
use crate::exit::{Failure, FailureKind};
use crate::local_services;
use crate::output::{self, DIM, styled};

/// The time of a list: longer than hosts take to respond.
const LIST_TIME: Duration = Duration::from_secs(3);

/// Runs `rpcudp ls`: prints the services that hosts of the local network announce.
pub(crate) async fn run(arguments: &LsArguments, as_json: bool) -> Result<(), Failure> {
    let service = arguments.service.as_deref();
    let mut found = local_services::find(service, LIST_TIME).await?;
    if found.is_empty() {
        let wanted = service.map_or_else(|| "a service".into(), |service| format!("`{}`", service.escape_debug()));
        let message = format!("no host of the local network announces {wanted}");
        return Err(Failure::new(FailureKind::NotResolved, message)
            .advise("programs do with `Announcement` of rpcudp-discovery"));
    }
    found.sort_by(|one, other| (&one.service, &one.name).cmp(&(&other.service, &other.name)));
    if as_json {
        for instance in &found {
            let line = json!({ "service": instance.service, "addr": instance.addr, "name": instance.name });
            output::json_line(&line)?;
        }
        return Ok(());
    }
    let width = |texts: &mut dyn Iterator<Item = String>| texts.map(|text| text.chars().count()).max().unwrap_or(0);
    let services = width(&mut found.iter().map(|instance| instance.service.clone()));
    let addrs = width(&mut found.iter().map(|instance| instance.addr.to_string()));
    for instance in &found {
        let (service, addr) = (&instance.service, instance.addr.to_string());
        // The engine of multicast DNS has replaced control characters.
        output::line(&format!("{service:services$}  {addr:addrs$}  {}", styled(DIM, &instance.name)))?;
    }
    Ok(())
}
