use rpcudp::Dialect;
use serde_json::json;

use crate::peers::{CLOSED, serve, silence};
use crate::process::{Background, json, rpcudp};

#[test]
fn calls_and_latencies_are_summarised() {
    let (server, addr) = serve(Dialect::Rpcudp);
    let load = rpcudp(&["load", &addr, "sayhi", "\"S\"", "--concurrency", "4", "--seconds", "1", "--json"]);
    let [summary] = &load.succeeded_in_json()[..] else { panic!("{load:?}") };
    let calls = summary["calls"].as_u64().unwrap();
    assert!(calls > 0 && summary["per_second"].as_f64() > Some(0.0), "{summary}");
    assert_eq!((&summary["answered"], &summary["outcomes"]), (&json!(calls), &json!({ "answered": calls })));
    let in_bins: u64 = summary["histogram"].as_array().unwrap().iter().map(|bin| bin["count"].as_u64().unwrap()).sum();
    assert_eq!(calls, in_bins);
    assert!(summary["ms"]["p50"].as_f64() <= summary["ms"]["max"].as_f64(), "{summary}");
    // The server also receives the first call, and the calls in flight at the end.
    let received = server.stats().requests.received;
    assert!((calls + 1..=calls + 1 + 4).contains(&received), "{received} of {calls}");

    let load = rpcudp(&["load", &addr, "sayhi", "\"S\"", "--seconds", "1"]);
    let lines: Vec<_> = load.succeeded().lines().collect();
    assert_eq!(lines[0], format!("--- `sayhi` at {addr}, 16 calls in flight ---"));
    assert!(lines[1].contains(" calls in ") && lines[1].ends_with(" a second; 0.00% lost"), "{load:?}");
    assert!(lines[2].starts_with("min ") && lines[3].contains(" to ") && lines[3].ends_with('%'), "{load:?}");
}

#[test]
fn a_peer_that_cannot_be_called_is_reported_at_once() {
    let (_silent, silent) = silence();
    let (_server, addr) = serve(Dialect::Rpcudp);
    for (peer, code) in [(CLOSED, 4), (&*silent, 5), (&addr, 6)] {
        rpcudp(&["load", peer, "m", "--timeout", "50ms", "--seconds", "3600"]).failed(code);
    }
}

#[test]
fn errors_of_the_method_count_as_responses() {
    let (_server, addr) = serve(Dialect::Rpcudp);
    let load = rpcudp(&["load", &addr, "withdraw", "5", "--seconds", "1", "--json"]);
    let summary = &load.succeeded_in_json()[0];
    assert_eq!(summary["outcomes"], json!({ "application_error": summary["answered"] }));
}

#[test]
fn ctrl_c_ends_it_with_a_summary() {
    let (server, addr) = serve(Dialect::Rpcudp);
    let load = Background::start(&["load", &addr, "sayhi", "\"S\"", "--seconds", "3600", "--json"]);
    while server.stats().requests.received < 100 {
        std::thread::yield_now();
    }
    let (lines, code) = load.interrupt();
    assert_eq!((lines.len(), code), (1, 0), "{lines:?}");
    assert!(json(&lines[0])["answered"].as_u64() > Some(0), "{lines:?}");
}
