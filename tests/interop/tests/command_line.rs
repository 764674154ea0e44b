//! The command line with Python peers.

#![cfg(unix)]

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use rpcudp_interop::{CallOutcome, CommandLine, Package, Venv};
use serde_json::{Value, json};

/// Turns async functions into tests. Each takes a [`Venv`] and the command line set to its dialect.
macro_rules! for_packages {
    ($($module:ident, $package:ident: [$($test:ident),+ $(,)?];)+) => {$(
        mod $module {
            $(
                #[tokio::test]
                async fn $test() {
                    let package = super::Package::$package;
                    // Outside the time limit of the test, because the first build takes long.
                    let rpcudp = super::CommandLine::build(package.dialect()).await;
                    let test = async |venv: &super::Venv| super::$test(venv, &rpcudp).await;
                    rpcudp_interop::run(package, env!("CARGO_TARGET_TMPDIR"), test).await;
                }
            )+
        }
    )+};
}

for_packages!(
    rpcudp_5_0_1, Rpcudp5: [
        call_prints_the_response_of_python,
        every_python_type_round_trips_as_printed,
        a_silent_python_peer_is_a_timeout,
        ping_gets_responses_until_ctrl_c,
        listen_responds_to_python,
        load_counts_the_responses_of_python,
        the_doctor_finds_no_faults,
        the_doctor_reports_the_wrong_dialect,
        the_doctor_reports_silence,
        the_doctor_reports_a_size_limit,
    ];
    storjrpcudp_2_4, Storj: [
        call_prints_the_response_of_python,
        every_python_type_round_trips_as_printed,
        a_silent_python_peer_is_a_timeout,
        ping_gets_responses_until_ctrl_c,
        listen_responds_to_python,
        load_counts_the_responses_of_python,
        the_doctor_finds_no_faults,
        the_doctor_reports_the_wrong_dialect,
        the_doctor_reports_a_size_limit,
    ];
    kademlia_2_2_3, Kademlia: [call_ping_and_doctor_work_with_a_kademlia_node];
);

#[track_caller]
fn parse(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

async fn call_prints_the_response_of_python(venv: &Venv, rpcudp: &CommandLine) {
    let python = venv.launch().start().await;
    let addr = python.addr().to_string();
    let greeting = parse(&rpcudp.stdout(&["call", &addr, "sayhi", "\"Snake Plissken\""]).await);
    let greeting = greeting.as_str().unwrap();
    assert!(greeting.starts_with("Hello Snake Plissken you live at 127.0.0.1:"), "{greeting}");
    assert_eq!(rpcudp.stdout(&["call", &addr, "add", "40", "2"]).await, "42");
    assert_eq!(rpcudp.stdout(&["call", &addr, "size", "hex:0001ff"]).await, "3");
    assert_eq!(rpcudp.stdout(&["call", &addr, "blob", "3"]).await, "\"hex:616263\"");
}

async fn every_python_type_round_trips_as_printed(venv: &Venv, rpcudp: &CommandLine) {
    let python = venv.launch().start().await;
    let addr = python.addr().to_string();
    for (literal, printed, described) in [
        ("None", "null", "None"),
        ("-7", "-7", "int -7"),
        ("18446744073709551615", "18446744073709551615", "int 18446744073709551615"),
        ("1.0", "1.0", "float 1.0"),
        ("1e400", "\"float:inf\"", "float inf"),
        ("'hex:00'", "\"str:hex:00\"", "str 'hex:00'"),
        ("b'\\x00\\xff'", "\"hex:00ff\"", "bytes b'\\x00\\xff'"),
        ("[b'a', ['b']]", "[\"hex:61\",[\"b\"]]", "list [bytes b'a', list [str 'b']]"),
    ] {
        let made = rpcudp.stdout(&["call", &addr, "make", &format!("\"{}\"", literal.replace('\\', "\\\\"))]).await;
        assert_eq!(made, printed, "{literal}");
        assert_eq!(parse(&rpcudp.stdout(&["call", &addr, "describe", &made]).await), described, "{literal}");
    }
    // Keys that JSON lacks.
    let made = rpcudp.stdout(&["call", &addr, "make", "\"{1: None, b'k': 2, 't': 3}\""]).await;
    assert_eq!(made, r#"{"json:1":null,"hex:6b":2,"t":3}"#);
    let described = parse(&rpcudp.stdout(&["call", &addr, "describe", &made]).await);
    let described = described.as_str().unwrap();
    for part in ["int 1", "bytes b'k'", "str 't'"] {
        assert!(described.contains(part), "{described}");
    }
}

async fn a_silent_python_peer_is_a_timeout(venv: &Venv, rpcudp: &CommandLine) {
    let python = venv.launch().start().await;
    let addr = python.addr().to_string();
    for arguments in [&["unknown_method"][..], &["add", "1"], &["fail", "\"why\""]] {
        let output = rpcudp.run(&[&["call", &addr, "--timeout", "300ms"], arguments].concat()).await;
        assert_eq!((output.status.code(), &*output.stdout), (Some(5), &b""[..]), "{output:?}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(stderr, format!("rpcudp: `{}`: no response from {addr} within 300ms\n", arguments[0]));
    }
    let describe = rpcudp.run(&["describe", &addr, "--timeout", "300ms"]).await;
    assert_eq!((describe.status.code(), &*describe.stdout), (Some(5), &b""[..]), "{describe:?}");
    let ping = rpcudp.run(&["ping", &addr, "--count", "1", "--timeout", "300ms"]).await;
    assert_eq!(ping.status.code(), Some(5));
    assert!(String::from_utf8(ping.stderr).unwrap().contains("check the name `ping`"));
}

async fn ping_gets_responses_until_ctrl_c(venv: &Venv, rpcudp: &CommandLine) {
    let python = venv.launch().start().await;
    let addr = python.addr().to_string();
    let mut ping = rpcudp.start(&["ping", &addr, "sayhi", "\"S\"", "--interval", "5ms", "--json"]);
    for _ in 0..10 {
        let event = parse(&ping.line().await);
        assert_eq!((&event["event"], &event["outcome"]), (&json!("call"), &json!("answered")));
    }
    let rest = ping.interrupt().await;
    let summary = parse(rest.last().expect("a summary"));
    assert_eq!((&summary["event"], &summary["lost"]), (&json!("summary"), &json!(0)));
    assert!(summary["answered"].as_u64() >= Some(10) && summary["ms"]["p90"].is_number(), "{summary}");
}

async fn listen_responds_to_python(venv: &Venv, rpcudp: &CommandLine) {
    let python = venv.launch().wait_timeout(Duration::from_secs(1)).start().await;
    let mut listen = rpcudp.start(&["listen", "127.0.0.1:0", "--json", "--answer", "greet=[\"hi\",\"hex:ff\"]"]);
    let addr: SocketAddr = parse(&listen.line().await)["addr"].as_str().unwrap().parse().unwrap();
    let outcome = python.call(addr, "greet", &["'you'", "b'\\x00'", "None"]).await;
    assert_eq!(outcome, CallOutcome::returned("list [str 'hi', bytes b'\\xff']"));
    let request = parse(&listen.line().await);
    assert_eq!((&request["method"], &request["arguments"]), (&json!("greet"), &json!(["you", "hex:00", null])));
    assert_eq!((&request["answer"], &request["remaining_ms"]), (&json!(["hi", "hex:ff"]), &Value::Null));
    assert_eq!(python.call(addr, "unknown", &[]).await, CallOutcome::TimedOut);
    assert_eq!(parse(&listen.line().await)["method"], "unknown");
    listen.interrupt().await;
}

async fn load_counts_the_responses_of_python(venv: &Venv, rpcudp: &CommandLine) {
    let python = venv.launch().start().await;
    let addr = python.addr().to_string();
    let load = rpcudp.stdout(&["load", &addr, "add", "1", "2", "--concurrency", "4", "--seconds", "1", "--json"]).await;
    let load = parse(&load);
    assert!(load["answered"].as_u64() > Some(0) && load["answered"] == load["calls"], "{load}");
}

/// Runs the doctor. Returns its report and its exit code.
async fn doctor(rpcudp: &CommandLine, arguments: &[&str]) -> (Value, Option<i32>) {
    let output = rpcudp.run(&[&["doctor", "--json"], arguments].concat()).await;
    assert!(output.stderr.is_empty(), "{output:?}");
    (parse(std::str::from_utf8(&output.stdout).unwrap()), output.status.code())
}

async fn the_doctor_finds_no_faults(venv: &Venv, rpcudp: &CommandLine) {
    let python = venv.launch().start().await;
    let addr = python.addr().to_string();
    // Without a method the doctor tries `sayhi`, among others. Python ignores the padding of large
    // requests.
    for arguments in [&[&*addr][..], &[&addr, "sender"]] {
        let (report, code) = doctor(rpcudp, arguments).await;
        assert_eq!((&report["well"], &report["faults"], code), (&json!(true), &json!([]), Some(0)), "{report}");
    }
    let report = rpcudp.stdout(&["doctor", &addr]).await;
    assert!(report.ends_with("no faults found"), "{report}");
}

async fn the_doctor_reports_the_wrong_dialect(venv: &Venv, rpcudp: &CommandLine) {
    let python = venv.launch().start().await;
    let addr = python.addr().to_string();
    let other = match venv.package().dialect() {
        rpcudp::Dialect::Storj => rpcudp::Dialect::Rpcudp,
        _ => rpcudp::Dialect::Storj,
    };
    let rpcudp = rpcudp.with_dialect(other);
    let (report, code) = doctor(&rpcudp, &[&addr]).await;
    assert_eq!((&report["faults"], code), (&json!(["wrong_dialect"]), Some(1)), "{report}");
}

async fn the_doctor_reports_silence(venv: &Venv, rpcudp: &CommandLine) {
    let python = venv.launch().start().await;
    let (report, code) = doctor(rpcudp, &[&python.addr().to_string(), "unknown_method", "--timeout", "300ms"]).await;
    assert_eq!((&report["faults"], code), (&json!(["silence"]), Some(5)), "{report}");
    assert!(report.to_string().contains("a method that it does not have"), "{report}");
}

async fn the_doctor_reports_a_size_limit(venv: &Venv, rpcudp: &CommandLine) {
    let python = venv.launch().start().await;
    let proxy = path_with_size_limit(python.addr(), 1_400);
    let (report, code) = doctor(rpcudp, &[&proxy.to_string(), "sayhi", "\"S\""]).await;
    assert_eq!((&report["faults"], code), (&json!(["size"]), Some(1)), "{report}");
    let sizes = report["checks"].as_array().unwrap().iter().find(|check| check["check"] == "sizes");
    assert_eq!(sizes.unwrap()["largest"], 1_400, "{report}");
}

/// Starts a proxy that forwards datagrams of at most `limit` bytes to a peer, and its responses
/// back. Returns the address of the proxy.
fn path_with_size_limit(peer: SocketAddr, limit: usize) -> SocketAddr {
    let outside = UdpSocket::bind("127.0.0.1:0").expect("a free port of this host");
    let inside = UdpSocket::bind("127.0.0.1:0").expect("a free port of this host");
    inside.connect(peer).expect("loopback has a route");
    let addr = outside.local_addr().expect("it is bound");
    let (to_peer, to_caller) = (inside.try_clone().expect("a socket"), outside.try_clone().expect("a socket"));
    let (send_caller, callers) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut datagram = [0; 65_536];
        while let Ok((len, from)) = outside.recv_from(&mut datagram) {
            if len <= limit {
                send_caller.send(from).expect("the other thread runs as long");
                // The peer may have ended with the test.
                drop(to_peer.send(&datagram[..len]));
            }
        }
    });
    std::thread::spawn(move || {
        let mut datagram = [0; 65_536];
        let mut from = None;
        while let Ok(len) = inside.recv(&mut datagram) {
            from = callers.try_iter().last().or(from);
            if let Some(from) = from {
                drop(to_caller.send_to(&datagram[..len], from));
            }
        }
    });
    addr
}

async fn call_ping_and_doctor_work_with_a_kademlia_node(venv: &Venv, rpcudp: &CommandLine) {
    let nodes = rpcudp_interop::KademliaNodes::start(venv).await;
    let node = nodes.listen().await;
    let addr = node.addr.to_string();
    let id = format!("hex:{}", "07".repeat(20));
    let response = parse(&rpcudp.stdout(&["call", &addr, "ping", &id]).await);
    assert!(response.as_str().is_some_and(|id| id.starts_with("hex:") && id.len() == 44), "{response}");
    rpcudp.stdout(&["ping", &addr, "ping", &id, "--count", "3", "--interval", "5ms"]).await;
    let (report, code) = doctor(rpcudp, &[&addr]).await;
    assert_eq!(code, Some(0), "{report}");
    assert!(report.to_string().contains("the peer sees 127.0.0.1:"), "{report}");
}
