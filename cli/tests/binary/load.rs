use rpcudp::Dialect;
use serde_json::json;

use crate::peers::{CLOSED, serve, silence};
use crate::process::{Background, json, rpcudp};

#[test]
fn calls_are_counted_and_their_latencies_spread() {
    let (server, addr) = serve(Dialect::Rpcudp);
    let load = rpcudp(&["load", &addr, "sayhi", "\"S\"", "--concurrency", "4", "--seconds", "1", "--json"]);
    let [summary] = &load.succeeded_in_json()[..] else { panic!("{load:?}") };
    let calls = summary["calls"].as_u64().unwrap();
    assert!(calls > 0 && summary["per_second"].as_f64() > Some(0.0), "{summary}");
    assert_eq!((&summary["answered"], &summary["outcomes"]), (&json!(calls), &json!({ "answered": calls })));
    let in_bars: u64 =
        summary["histogram"].as_array().unwrap().iter().map(|step| step["count"].as_u64().unwrap()).sum();
    assert_eq!(calls, in_bars);
    assert!(summary["ms"]["p50"].as_f64() <= summary["ms"]["max"].as_f64(), "{summary}");
    // The first call, and those that were under way at the end.
    let received = server.stats().requests.received;
    assert!((calls + 1..=calls + 1 + 4).contains(&received), "{received} of {calls}");

    let load = rpcudp(&["load", &addr, "sayhi", "\"S\"", "--seconds", "1"]);
    let lines: Vec<_> = load.succeeded().lines().collect();
    assert_eq!(lines[0], format!("--- `sayhi` at {addr}, 16 calls at once ---"));
    assert!(lines[1].contains(" calls in ") && lines[1].ends_with(" a second; 0.00% lost"), "{load:?}");
    assert!(lines[2].starts_with("min ") && lines[3].contains(" to ") && lines[3].ends_with('%'), "{load:?}");
}

#[test]
fn what_cannot_work_is_said_before_it_begins() {
    let (_silent, silent) = silence();
    let (_server, addr) = serve(Dialect::Rpcudp);
    for (peer, code) in [(CLOSED, 4), (&*silent, 5), (&addr, 6)] {
        rpcudp(&["load", peer, "m", "--timeout", "50ms", "--seconds", "3600"]).failed(code);
    }
}

#[test]
fn errors_of_the_method_are_answers_and_others_are_counted() {
    let (_server, addr) = serve(Dialect::Rpcudp);
    let load = rpcudp(&["load", &addr, "withdraw", "5", "--seconds", "1", "--json"]);
    let summary = &load.succeeded_in_json()[0];
    assert_eq!(summary["outcomes"], json!({ "application_error": summary["answered"] }));
}

#[test]
fn it_can_be_interrupted() {
    let (server, addr) = serve(Dialect::Rpcudp);
    let load = Background::start(&["load", &addr, "sayhi", "\"S\"", "--seconds", "3600", "--json"]);
    while server.stats().requests.received < 100 {
        std::thread::yield_now();
    }
    let (lines, code) = load.interrupt();
    assert_eq!((lines.len(), code), (1, 0), "{lines:?}");
    assert!(json(&lines[0])["answered"].as_u64() > Some(0), "{lines:?}");
}
