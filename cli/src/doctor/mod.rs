//! `rpcudp doctor`: diagnoses faults on the path to a peer.

mod local;
mod path;
mod probe;
mod probe_options;
mod prober;
mod reachability;
mod report;
mod sizes;

use std::net::SocketAddr;
use std::time::Duration;

use probe_options::ProbeOptions;
use prober::Prober;
use reachability::WorkingProbe;
use report::{Check, Report};

use crate::address::{Family, resolve_peer};
use crate::args::DoctorArguments;
use crate::exit::{Failure, FailureKind};
use crate::output;
use crate::peer::{self, dialect};

/// Runs `rpcudp doctor`. Returns the kind of failure that a call to the peer would end with, if
/// any.
pub(crate) async fn run(arguments: &DoctorArguments, as_json: bool) -> Result<Option<FailureKind>, Failure> {
    let DoctorArguments { peer: name, method, arguments: words, storj, timeout, count, ipv4, ipv6 } = arguments;
    let words = peer::parse_arguments(words)?;
    let options =
        ProbeOptions { dialect: dialect(*storj), method: method.as_deref(), arguments: &words, timeout: *timeout };
    // Reports arguments that cannot be sent before any use of the network.
    options.candidates(options.dialect)?;
    let addrs = resolve_peer(name, Family::new(*ipv4, *ipv6)).await?;
    // An address of a family that this host lacks is skipped, as calls do.
    let usable = addrs.iter().enumerate().find_map(|(index, addr)| Some((index, Prober::new(*addr).ok()?)));
    let (index, mut prober) = match usable {
        Some(usable) => usable,
        None => (0, Prober::new(addrs[0])?),
    };
    let mut report = Report::new(as_json);
    if !as_json {
        output::line(&format!("checking {name}"))?;
    }
    report.add(name_check(name, &addrs))?;
    if let Some(WorkingProbe { probe, round_trip }) =
        reachability::check(&mut prober, &options, &addrs[index + 1..], &mut report).await?
    {
        let slowest = path::check(&mut prober, &probe, *count, options.timeout, round_trip, &mut report).await?;
        // Further responses take about as long as earlier ones. The shorter wait keeps each lost
        // datagram from costing a full timeout.
        let wait = (slowest * 4).max(Duration::from_millis(250)).min(options.timeout);
        sizes::check(&mut prober, &probe, wait, &mut report).await?;
        local::check_address(&mut prober, &probe, wait, &mut report).await?;
    }
    local::check_buffers(&prober, &mut report)?;
    report.finish(name)
}

/// Reports the addresses of the name.
fn name_check(name: &str, addrs: &[SocketAddr]) -> Check {
    if name.parse::<SocketAddr>().is_ok() {
        return Check::ok("name", format!("{name} is an address"));
    }
    let all: Vec<_> = addrs.iter().map(ToString::to_string).collect();
    let used = if addrs.len() > 1 { "; calls use the first that is reachable" } else { "" };
    Check::ok("name", format!("{name} resolves to {}{used}", all.join(", "))).with_data("addrs", all)
}
