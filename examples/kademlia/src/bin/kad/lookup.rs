use std::io::{self, Write, stdout};
use std::process::ExitCode;
use std::time::Duration;

use rpcudp_kademlia::{Key, LookupResult, QueriedNode, QueryOutcome};
use serde_json::json;

use crate::exit::{CommandResult, NOT_FOUND};
use crate::options::LookupOptions;
use crate::print::print_line;
use crate::temporary::join_temporarily;

pub(crate) async fn run(options: LookupOptions) -> CommandResult {
    let target = options.target()?;
    let node = join_temporarily(&options.network).await?;
    let result = node.lookup(target).await;
    node.close(Duration::ZERO).await;
    if options.network.json {
        print_line(&as_json(&target, &result))?;
    } else {
        print(&mut stdout().lock(), &target, &result)?;
    }
    Ok(if result.closest.is_empty() { NOT_FOUND.into() } else { ExitCode::SUCCESS })
}

fn print(out: &mut impl Write, target: &Key, result: &LookupResult) -> io::Result<()> {
    writeln!(out, "looking up {target}")?;
    writeln!(out, "{:>4}  {:>10}  {:>10}  {:>11}  node", "hops", "queried at", "took", "shared bits")?;
    for queried in &result.queried {
        let QueriedNode { contact, distance, hops, queried_after, response_time, outcome } = queried;
        let took = response_time.map_or_else(|| "-".into(), millis);
        let outcome = match outcome {
            QueryOutcome::Contacts(count) => format!("returned {count} contacts"),
            QueryOutcome::Value => "returned the value".into(),
            QueryOutcome::Failed => "did not respond".into(),
            QueryOutcome::Late => "was still pending at the end".into(),
        };
        let (bits, queried_at) = (distance.common_prefix_len(), millis(*queried_after));
        writeln!(
            out,
            "{hops:>4}  {queried_at:>10}  {took:>10}  {bits:>11}  {:.12} {}  {outcome}",
            contact.id, contact.addr
        )?;
    }
    let (query_count, elapsed) = (result.queried.len(), millis(result.elapsed));
    writeln!(
        out,
        "queried {query_count} nodes in {elapsed}; the closest is {} hops away; the {} closest:",
        result.hops,
        result.closest.len()
    )?;
    for contact in &result.closest {
        writeln!(
            out,
            "  {} {} shares {} bits",
            contact.id,
            contact.addr,
            contact.id.distance(target).common_prefix_len()
        )?;
    }
    out.flush()
}

fn as_json(target: &Key, result: &LookupResult) -> serde_json::Value {
    let visits = result.queried.iter().map(|queried| {
        json!({
            "id": queried.contact.id.to_string(),
            "addr": queried.contact.addr,
            "distance": queried.distance.to_string(),
            "hops": queried.hops,
            "asked_ms": queried.queried_after.as_secs_f64() * 1e3,
            "took_ms": queried.response_time.map(|took| took.as_secs_f64() * 1e3),
            "outcome": queried.outcome,
        })
    });
    let closest = result.closest.iter().map(|contact| json!({ "id": contact.id.to_string(), "addr": contact.addr }));
    json!({
        "target": target.to_string(),
        "hops": result.hops,
        "elapsed_ms": result.elapsed.as_secs_f64() * 1e3,
        "visits": visits.collect::<Vec<_>>(),
        "closest": closest.collect::<Vec<_>>(),
    })
}

fn millis(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1e3)
}
