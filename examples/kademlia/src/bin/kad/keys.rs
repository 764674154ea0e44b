use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use rpcudp_kademlia::{Key, Node, Outcome, Search, Value, Visit};
use serde_json::json;

use crate::options::{GetOptions, LookupOptions, PutOptions, VisitOptions, resolve};
use crate::{Ended, NOT_FOUND};

pub(crate) async fn put(options: PutOptions) -> Ended {
    let value = options.value()?;
    let node = visit(&options.visit).await?;
    let key = Key::of(&options.key);
    let copies = node.set(key, value).await?;
    node.close(Duration::ZERO).await;
    if options.visit.json {
        println!("{}", json!({ "key": key, "copies": copies }));
    } else {
        println!("{copies} nodes keep {key}");
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn get(options: GetOptions) -> Ended {
    let node = visit(&options.visit).await?;
    let key = Key::of(&options.key);
    let value = node.get(key).await?;
    // The nearest node that did not have the value is getting it now.
    node.close(Duration::from_millis(100)).await;
    let Some(value) = value else {
        if options.visit.json {
            println!("{}", json!({ "key": key, "found": false }));
        } else {
            eprintln!("kad: nobody has {key}");
        }
        return Ok(NOT_FOUND.into());
    };
    if options.visit.json {
        let (kind, value) = described(&value);
        println!("{}", json!({ "key": key, "found": true, "type": kind, "value": value }));
    } else {
        println!("{value}");
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn lookup(options: LookupOptions) -> Ended {
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

/// A node that comes into the network for a moment.
async fn visit(options: &VisitOptions) -> Result<Node, Box<dyn Error>> {
    let bootstrap = resolve(&options.bootstrap)?;
    // On loopback if the network is there, and else on all addresses of its family.
    let is_v4 = bootstrap.iter().all(|addr| addr.is_ipv4());
    let listen = match (bootstrap.iter().all(|addr| addr.ip().is_loopback()), is_v4) {
        (true, true) => "127.0.0.1:0",
        (true, false) => "[::1]:0",
        (false, true) => "0.0.0.0:0",
        (false, false) => "[::]:0",
    };
    let node = Node::bind(listen).await?;
    node.bootstrap(&bootstrap).await?;
    Ok(node)
}

/// The name of a value's type in Python, and the value as JSON has it; bytes as hexadecimal digits, and a float that
/// JSON does not know as text.
fn described(value: &Value) -> (&'static str, serde_json::Value) {
    match value {
        Value::Bool(value) => ("bool", json!(value)),
        Value::Int(value) => ("int", json!(value)),
        Value::Unsigned(value) => ("int", json!(value)),
        Value::Float(value) if value.is_finite() => ("float", json!(value)),
        Value::Float(value) => ("float", json!(value.to_string())),
        Value::Text(value) => ("str", json!(value)),
        Value::Bytes(_) => ("bytes", json!(value.to_string().trim_start_matches("0x"))),
    }
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
