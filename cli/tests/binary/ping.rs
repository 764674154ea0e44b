use rpcudp::Dialect;
use serde_json::{Value, json};

use crate::peers::{CLOSED, serve, silence};
use crate::process::{Background, json, rpcudp};

/// Splits the output of `ping --json` into its calls and the summary.
fn events(stdout: &str) -> (Vec<Value>, Value) {
    let mut events: Vec<_> = stdout.lines().map(json).collect();
    let summary = events.pop().expect("a summary");
    assert_eq!(summary["event"], "summary");
    (events, summary)
}

#[test]
fn calls_are_printed_and_summarised() {
    let (_server, addr) = serve(Dialect::Rpcudp);
    let arguments = ["ping", &addr, "sayhi", "\"S\"", "--count", "5", "--interval", "1ms"];
    let ping = rpcudp(&arguments);
    let lines: Vec<_> = ping.succeeded().lines().collect();
    assert_eq!(lines.len(), 8, "{ping:?}");
    assert!(lines[..5].iter().all(|line| line.contains(" response in ") && line.ends_with(" ms")), "{ping:?}");
    assert_eq!(lines[5], format!("--- `sayhi` at {addr} ---"));
    assert_eq!(lines[6], "5 calls, 5 responses, 0.0% lost");
    assert!(lines[7].starts_with("min ") && lines[7].contains(", median ") && lines[7].contains(", p99 "), "{ping:?}");

    let ping = rpcudp(&[&arguments[..], &["--json"]].concat());
    let (calls, summary) = events(ping.succeeded());
    assert_eq!(calls.len(), 5);
    assert!(calls.iter().all(|call| call["outcome"] == "answered" && call["ms"].as_f64() > Some(0.0)), "{ping:?}");
    assert_eq!((&summary["sent"], &summary["lost"]), (&json!(5), &json!(0)));
    assert!(summary["ms"]["p50"].as_f64() <= summary["ms"]["p99"].as_f64(), "{summary}");
}

#[test]
fn each_of_several_peers_is_pinged_and_summarised() {
    let servers = [serve(Dialect::Rpcudp), serve(Dialect::Rpcudp)];
    let [one, other] = servers.each_ref().map(|(_, addr)| addr.as_str());
    let both = format!("{one},{other}");
    let arguments = ["--count", "3", "--interval", "1ms"];
    let ping = rpcudp(&[&["ping", &both, "sayhi", "\"S\""], &arguments[..]].concat());
    let lines: Vec<_> = ping.succeeded().lines().collect();
    assert_eq!(lines.len(), 2 * (3 + 3), "{ping:?}");
    for addr in [one, other] {
        assert_eq!(lines.iter().filter(|line| line.contains(&format!(" {addr} response in "))).count(), 3, "{ping:?}");
        let summary = lines.iter().position(|line| *line == format!("--- `sayhi` at {addr} ---")).unwrap();
        assert_eq!(lines[summary + 1], "3 calls, 3 responses, 0.0% lost");
    }
    // One peer without a response makes it fail.
    let ping = rpcudp(&[&["ping", "--json", &format!("{one},{CLOSED}")], &arguments[..]].concat());
    assert_eq!(ping.code(), 4, "{ping:?}");
    let events: Vec<_> = ping.stdout().lines().map(json).collect();
    for (addr, lost) in [(one, 0), (CLOSED, 3)] {
        let of_peer = || events.iter().filter(|event| event["peer"] == addr);
        assert_eq!(of_peer().filter(|event| event["event"] == "call").count(), 3, "{ping:?}");
        assert_eq!(of_peer().find(|event| event["event"] == "summary").unwrap()["lost"], lost, "{ping:?}");
    }
}

#[test]
fn a_refusal_counts_as_a_response() {
    let (_server, addr) = serve(Dialect::Rpcudp);
    let ping = rpcudp(&["ping", &addr, "--count", "1"]);
    assert!(ping.succeeded().contains(&format!("({addr} refused `ping`: unknown method)")), "{ping:?}");
    assert!(ping.succeeded().contains("1 calls, 1 responses, 0.0% lost"), "{ping:?}");
    let ping = rpcudp(&["ping", &addr, "withdraw", "5", "--count", "1", "--json"]);
    assert_eq!(events(ping.succeeded()).0[0]["outcome"], "application_error");
}

#[test]
fn lost_calls_are_counted_and_fail_if_all_are_lost() {
    let (_silent, silent) = silence();
    for (peer, code, outcome, message) in [
        (CLOSED, 4, "unreachable", "`ping`: 127.0.0.1:9 is unreachable"),
        (&silent, 5, "timeout", "check the name `ping`"),
    ] {
        let arguments = ["ping", peer, "--count", "2", "--interval", "1ms", "--timeout", "50ms"];
        let ping = rpcudp(&arguments);
        assert_eq!(ping.code(), code, "{ping:?}");
        assert!(ping.stdout().contains("2 calls, 0 responses, 100.0% lost"), "{ping:?}");
        assert!(ping.stderr().starts_with("rpcudp: ") && ping.stderr().contains(message), "{ping:?}");
        let ping = rpcudp(&[&arguments[..], &["--json"]].concat());
        assert_eq!((ping.code(), json(ping.stderr())["exit"].as_i64()), (code, Some(code.into())));
        let (calls, summary) = events(ping.stdout());
        assert!(calls.iter().all(|call| call["outcome"] == outcome && call["ms"].is_null()), "{ping:?}");
        assert_eq!((&summary["loss_percent"], &summary["ms"]), (&json!(100.0), &Value::Null));
    }
}

#[test]
fn it_runs_until_ctrl_c() {
    let (_server, addr) = serve(Dialect::Storj);
    let mut ping = Background::start(&["ping", &addr, "sayhi", "\"S\"", "--storj", "--interval", "1ms"]);
    for _ in 0..20 {
        let line = ping.line();
        assert!(line.contains(" response in "), "{line}");
    }
    let (rest, code) = ping.interrupt();
    assert_eq!(code, 0);
    assert!(rest.iter().any(|line| line.starts_with("--- `sayhi` at ")), "{rest:?}");
}

#[test]
fn ctrl_c_before_any_response_is_a_failure() {
    let (silent, addr) = silence();
    let ping = Background::start(&["ping", &addr, "--interval", "1h"]);
    silent.recv_from(&mut [0; 100]).expect("the first call comes at once");
    let (lines, code) = ping.interrupt();
    assert_eq!((code, &*lines[1]), (5, "1 calls, 0 responses, 0.0% lost, 1 in flight"), "{lines:?}");
}

#[test]
fn an_oversized_request_is_an_error_and_no_lost_call() {
    let large = format!("\"{}\"", "x".repeat(8_192));
    let ping = rpcudp(&["ping", CLOSED, "m", &large]);
    assert_eq!(ping.failed(64), "rpcudp: the request `m` has 8199 bytes, and `Builder::max_request_len` allows 8192");
}
