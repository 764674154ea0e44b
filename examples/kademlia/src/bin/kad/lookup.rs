use std::process::ExitCode;
use std::time::Duration;

use rpcudp_kademlia::{Key, Outcome, Search, Visit};
use serde_json::json;

use crate::exit::{Ended, NOT_FOUND};
use crate::options::LookupOptions;
use crate::temporary::visit;

pub(crate) async fn run(options: LookupOptions) -> Ended {
    let target = options.target()?;
    let node = visit(&options.visit).await?;
    let search = node.lookup(target).await;
    node.close(Duration::ZERO).await;
    if options.visit.json {
        println!("{}", as_json(&target, &search));
    } else {
        print(&target, &search);
    }
    Ok(if search.closest.is_empty() { NOT_FOUND.into() } else { ExitCode::SUCCESS })
}

fn print(target: &Key, search: &Search) {
    println!("looking for {target}");
    println!("{:>4}  {:>8}  {:>8}  {:>9}  node", "hops", "asked", "took", "bits");
    for visit in &search.visits {
        let Visit { contact, distance, hops, asked, took, outcome } = visit;
        let took = took.map_or_else(|| "-".into(), millis);
        let outcome = match outcome {
            Outcome::Contacts(count) => format!("tells of {count}"),
            Outcome::Value => "has the value".into(),
            Outcome::Failed => "does not answer".into(),
            Outcome::Late => "was not waited for".into(),
        };
        let (bits, asked) = (distance.common_bits(), millis(*asked));
        println!("{hops:>4}  {asked:>8}  {took:>8}  {bits:>9}  {:.12} {}  {outcome}", contact.id, contact.addr);
    }
    let (asked, elapsed) = (search.visits.len(), millis(search.elapsed));
    println!(
        "asked {asked} nodes in {elapsed}; the nearest is {} hops away; the {} nearest:",
        search.hops,
        search.closest.len()
    );
    for contact in &search.closest {
        println!("  {} {} shares {} bits", contact.id, contact.addr, contact.id.distance(target).common_bits());
    }
}

fn as_json(target: &Key, search: &Search) -> serde_json::Value {
    let visits = search.visits.iter().map(|visit| {
        json!({
            "id": visit.contact.id,
            "addr": visit.contact.addr,
            "distance": visit.distance.to_string(),
            "hops": visit.hops,
            "asked_ms": visit.asked.as_secs_f64() * 1e3,
            "took_ms": visit.took.map(|took| took.as_secs_f64() * 1e3),
            "outcome": visit.outcome,
        })
    });
    let closest = search.closest.iter().map(|contact| json!({ "id": contact.id, "addr": contact.addr }));
    json!({
        "target": target,
        "hops": search.hops,
        "elapsed_ms": search.elapsed.as_secs_f64() * 1e3,
        "visits": visits.collect::<Vec<_>>(),
        "closest": closest.collect::<Vec<_>>(),
    })
}

fn millis(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1e3)
}
