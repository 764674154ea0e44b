//! Finds out what is wrong between here and a peer.

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

use crate::args::DoctorArguments;
use crate::exit::{Failure, FailureKind};
use crate::output;
use crate::peer::{self, Family, dialect, resolve_peer};

/// Gives how a call of the peer would fail, if it would.
pub(crate) async fn run(arguments: &DoctorArguments, as_json: bool) -> Result<Option<FailureKind>, Failure> {
    let DoctorArguments { peer: name, method, arguments: words, storj, timeout, count, ipv4, ipv6 } = arguments;
    let words = peer::parse_arguments(words)?;
    let options =
        ProbeOptions { dialect: dialect(*storj), method: method.as_deref(), arguments: &words, timeout: *timeout };
    // What cannot be sent is said before anything is.
    options.candidates(options.dialect)?;
    let addrs = resolve_peer(name, Family::new(*ipv4, *ipv6)).await?;
    let mut prober = Prober::new(addrs[0])?;
    let mut report = Report::new(as_json);
    if !as_json {
        output::line(&format!("looking at {name}"))?;
    }
    report.add(named(name, &addrs))?;
    if let Some(WorkingProbe { probe, slowest }) =
        reachability::check(&mut prober, &options, &addrs[1..], &mut report).await?
    {
        let slowest = path::check(&mut prober, &probe, *count, options.timeout, slowest, &mut report).await?;
        // What was answered before is answered about as soon again, and what is lost is not to cost a second each time.
        let wait = (slowest * 4).max(Duration::from_millis(250)).min(options.timeout);
        sizes::check(&mut prober, &probe, wait, &mut report).await?;
        local::check_address(&mut prober, &probe, wait, &mut report).await?;
    }
    local::check_buffers(&prober, &mut report)?;
    report.finish(name)
}

fn named(name: &str, addrs: &[SocketAddr]) -> Check {
    if name.parse::<SocketAddr>().is_ok() {
        return Check::ok("name", format!("{name} is an address"));
    }
    let all: Vec<_> = addrs.iter().map(ToString::to_string).collect();
    let others =
        if addrs.len() > 1 { format!(" (of {}), which is what is looked at", all.join(", ")) } else { String::new() };
    Check::ok("name", format!("{name} is {}{others}", addrs[0])).with_data("addrs", all)
}
