//! `rpcudp doctor`: diagnoses faults on the path to a peer.

#[cfg(feature = "secure")]
mod link;
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

use crate::address::{Family, PeerAddr, has_key, resolve_peer};
use crate::args::DoctorArguments;
use crate::exit::{Failure, FailureKind};
use crate::links::{LinkIdentity, Wire};
use crate::output;
use crate::peer::{self, dialect};

/// Runs `rpcudp doctor`. Returns the kind of failure that a call to the peer would end with, if
/// any.
pub(crate) async fn run(arguments: &DoctorArguments, as_json: bool) -> Result<Option<FailureKind>, Failure> {
    let DoctorArguments { peer: name, method, arguments: words, storj, timeout, count, ipv4, ipv6, identity } =
        arguments;
    let words = peer::parse_arguments(words, name)?;
    let options =
        ProbeOptions { dialect: dialect(*storj), method: method.as_deref(), arguments: &words, timeout: *timeout };
    // Reports arguments that cannot be sent before any use of the network.
    options.candidates(options.dialect)?;
    let identity = LinkIdentity::of_caller(identity.as_deref(), has_key(name))?;
    let peers = resolve_peer(name, Family::new(*ipv4, *ipv6)).await?;
    if peers.iter().any(|peer| peer.wire.is_link() != peers[0].wire.is_link()) {
        return Err(Failure::usage(
            "the doctor checks one wire: write a key before all of the addresses, or before none",
        ));
    }
    let mut report = Report::new(as_json);
    if !as_json {
        output::line(&format!("checking {name}"))?;
    }
    report.add(name_check(name, &peers)?)?;
    if peers[0].wire.is_link() {
        check_link(&peers, &identity, &options, *count, &mut report).await?;
        local::check_buffers(&Prober::new(peers[0].addr)?, &mut report)?;
    } else {
        let addrs: Vec<_> = peers.into_iter().map(|peer| peer.addr).collect();
        check_plain(&addrs, &options, *count, &mut report).await?;
    }
    report.finish(name)
}

#[cfg(feature = "secure")]
use link::check as check_link;

/// Without the feature, no address has a key.
#[cfg(not(feature = "secure"))]
async fn check_link(
    _: &[PeerAddr],
    _: &LinkIdentity,
    _: &ProbeOptions<'_>,
    _: u16,
    _: &mut Report,
) -> Result<(), Failure> {
    Ok(())
}

/// Checks the path to the first of these addresses that is reachable over the plain wire.
async fn check_plain(
    addrs: &[SocketAddr],
    options: &ProbeOptions<'_>,
    count: u16,
    report: &mut Report,
) -> Result<(), Failure> {
    // An address of a family that this host lacks is skipped, as calls do.
    let usable = addrs.iter().enumerate().find_map(|(index, addr)| Some((index, Prober::new(*addr).ok()?)));
    let (index, mut prober) = match usable {
        Some(usable) => usable,
        None => (0, Prober::new(addrs[0])?),
    };
    if let Some(WorkingProbe { probe, round_trip }) =
        reachability::check(&mut prober, options, &addrs[index + 1..], report).await?
    {
        let slowest = path::check(&mut prober, &probe, count, options.timeout, round_trip, report).await?;
        // Further responses take about as long as earlier ones. The shorter wait keeps each lost
        // datagram from costing a full timeout.
        let wait = (slowest * 4).max(Duration::from_millis(250)).min(options.timeout);
        sizes::check(&mut prober, &probe, wait, report).await?;
        local::check_address(&mut prober, &probe, wait, report).await?;
    }
    local::check_buffers(&prober, report)
}

/// Reports the addresses of the name.
fn name_check(name: &str, addrs: &[PeerAddr]) -> Result<Check, Failure> {
    let (_, host) = Wire::split(name)?;
    if host.parse::<SocketAddr>().is_ok() {
        return Ok(Check::ok("name", format!("{host} is an address")));
    }
    let all: Vec<_> = addrs.iter().map(|peer| peer.addr.to_string()).collect();
    let used = if addrs.len() > 1 { "; calls use the first that is reachable" } else { "" };
    let check = Check::ok("name", format!("{host} resolves to {}{used}", all.join(", "))).with_data("addrs", all);
    Ok(check)
}
