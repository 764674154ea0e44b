//! The command line, with Python peers that know nothing of it.

#![cfg(unix)]

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use rpcudp_interop::{CommandLine, Ended, Package, Venv};
use serde_json::{Value, json};

/// Makes tests of async functions that take a [`Venv`] and the command line in its dialect.
macro_rules! for_packages {
    ($($module:ident, $package:ident: [$($test:ident),+ $(,)?];)+) => {$(
        mod $module {
            $(
                #[tokio::test]
                async fn $test() {
                    let package = super::Package::$package;
                    // Before the test, whose time is limited: it may be the first to need it.
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
        a_call_prints_what_python_answers,
        every_type_of_python_s_comes_back_as_it_was_shown,
        silence_of_python_is_a_timeout,
        pings_are_answered_until_they_are_interrupted,
        a_stand_in_answers_python,
        load_is_counted,
        the_doctor_finds_all_well,
        the_doctor_names_the_wrong_dialect,
        the_doctor_names_silence,
        the_doctor_names_a_path_that_drops_what_is_large,
    ];
    storjrpcudp_2_4, Storj: [
        a_call_prints_what_python_answers,
        every_type_of_python_s_comes_back_as_it_was_shown,
        silence_of_python_is_a_timeout,
        pings_are_answered_until_they_are_interrupted,
        a_stand_in_answers_python,
        load_is_counted,
        the_doctor_finds_all_well,
        the_doctor_names_the_wrong_dialect,
        the_doctor_names_a_path_that_drops_what_is_large,
    ];
    kademlia_2_2_3, Kademlia: [a_kademlia_node_is_poked_at];
);

#[track_caller]
fn parse(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

async fn a_call_prints_what_python_answers(venv: &Venv, rpcudp: &CommandLine) {
    let python = venv.launch().start().await;
    let addr = python.addr().to_string();
    let greeting = parse(&rpcudp.well(&["call", &addr, "sayhi", "\"Snake Plissken\""]).await);
    let greeting = greeting.as_str().unwrap();
    assert!(greeting.starts_with("Hello Snake Plissken you live at 127.0.0.1:"), "{greeting}");
    assert_eq!(rpcudp.well(&["call", &addr, "add", "40", "2"]).await, "42");
    assert_eq!(rpcudp.well(&["call", &addr, "size", "hex:0001ff"]).await, "3");
    assert_eq!(rpcudp.well(&["call", &addr, "blob", "3"]).await, "\"hex:616263\"");
}

async fn every_type_of_python_s_comes_back_as_it_was_shown(venv: &Venv, rpcudp: &CommandLine) {
    let python = venv.launch().start().await;
    let addr = python.addr().to_string();
    for (literal, shown, described) in [
        ("None", "null", "None"),
        ("-7", "-7", "int -7"),
        ("18446744073709551615", "18446744073709551615", "int 18446744073709551615"),
        ("1.0", "1.0", "float 1.0"),
        ("1e400", "\"float:inf\"", "float inf"),
        ("'hex:00'", "\"str:hex:00\"", "str 'hex:00'"),
        ("b'\\x00\\xff'", "\"hex:00ff\"", "bytes b'\\x00\\xff'"),
        ("[b'a', ['b']]", "[\"hex:61\",[\"b\"]]", "list [bytes b'a', list [str 'b']]"),
    ] {
        let made = rpcudp.well(&["call", &addr, "make", &format!("\"{}\"", literal.replace('\\', "\\\\"))]).await;
        assert_eq!(made, shown, "{literal}");
        assert_eq!(parse(&rpcudp.well(&["call", &addr, "describe", &made]).await), described, "{literal}");
    }
    // Keys that JSON does not have, given back to be made a literal's value of once more.
    let made = rpcudp.well(&["call", &addr, "make", "\"{1: None, b'k': 2, 't': 3}\""]).await;
    assert_eq!(made, r#"{"json:1":null,"hex:6b":2,"t":3}"#);
    let described = parse(&rpcudp.well(&["call", &addr, "describe", &made]).await);
    let described = described.as_str().unwrap();
    for part in ["int 1", "bytes b'k'", "str 't'"] {
        assert!(described.contains(part), "{described}");
    }
}

async fn silence_of_python_is_a_timeout(venv: &Venv, rpcudp: &CommandLine) {
    let python = venv.launch().start().await;
    let addr = python.addr().to_string();
    for arguments in [&["nobody_has_this"][..], &["add", "1"], &["fail", "\"why\""]] {
        let output = rpcudp.run(&[&["call", &addr, "--timeout", "300ms"], arguments].concat()).await;
        assert_eq!((output.status.code(), &*output.stdout), (Some(5), &b""[..]), "{output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said, format!("rpcudp: no answer to `{}` from {addr} within 300ms\n", arguments[0]));
    }
    let describe = rpcudp.run(&["describe", &addr, "--timeout", "300ms"]).await;
    assert_eq!((describe.status.code(), &*describe.stdout), (Some(5), &b""[..]), "{describe:?}");
    let ping = rpcudp.run(&["ping", &addr, "--count", "1", "--timeout", "300ms"]).await;
    assert_eq!(ping.status.code(), Some(5));
    assert!(String::from_utf8(ping.stderr).unwrap().contains("is there a method `ping`?"));
}

async fn pings_are_answered_until_they_are_interrupted(venv: &Venv, rpcudp: &CommandLine) {
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

async fn a_stand_in_answers_python(venv: &Venv, rpcudp: &CommandLine) {
    let python = venv.launch().wait_timeout(Duration::from_secs(1)).start().await;
    let mut listen = rpcudp.start(&["listen", "127.0.0.1:0", "--json", "--answer", "greet=[\"hi\",\"hex:ff\"]"]);
    let addr: SocketAddr = parse(&listen.line().await)["addr"].as_str().unwrap().parse().unwrap();
    let ended = python.call(addr, "greet", &["'you'", "b'\\x00'", "None"]).await;
    assert_eq!(ended, Ended::answered("list [str 'hi', bytes b'\\xff']"));
    let request = parse(&listen.line().await);
    assert_eq!((&request["method"], &request["arguments"]), (&json!("greet"), &json!(["you", "hex:00", null])));
    assert_eq!((&request["answer"], &request["remaining_ms"]), (&json!(["hi", "hex:ff"]), &Value::Null));
    assert_eq!(python.call(addr, "unknown", &[]).await, Ended::TimedOut);
    assert_eq!(parse(&listen.line().await)["method"], "unknown");
    listen.interrupt().await;
}

async fn load_is_counted(venv: &Venv, rpcudp: &CommandLine) {
    let python = venv.launch().start().await;
    let addr = python.addr().to_string();
    let load = rpcudp.well(&["load", &addr, "add", "1", "2", "--concurrency", "4", "--seconds", "1", "--json"]).await;
    let load = parse(&load);
    assert!(load["answered"].as_u64() > Some(0) && load["answered"] == load["calls"], "{load}");
}

/// The doctor's report, and its exit code.
async fn doctor(rpcudp: &CommandLine, arguments: &[&str]) -> (Value, Option<i32>) {
    let output = rpcudp.run(&[&["doctor", "--json"], arguments].concat()).await;
    assert!(output.stderr.is_empty(), "{output:?}");
    (parse(std::str::from_utf8(&output.stdout).unwrap()), output.status.code())
}

async fn the_doctor_finds_all_well(venv: &Venv, rpcudp: &CommandLine) {
    let python = venv.launch().start().await;
    let addr = python.addr().to_string();
    // Without a method it tries `sayhi`, among others; and a padded request is as good as a large one.
    for arguments in [&[&*addr][..], &[&addr, "sender"]] {
        let (report, code) = doctor(rpcudp, arguments).await;
        assert_eq!((&report["well"], &report["faults"], code), (&json!(true), &json!([]), Some(0)), "{report}");
    }
    let report = rpcudp.well(&["doctor", &addr]).await;
    assert!(report.ends_with("all is well"), "{report}");
}

async fn the_doctor_names_the_wrong_dialect(venv: &Venv, rpcudp: &CommandLine) {
    let python = venv.launch().start().await;
    let addr = python.addr().to_string();
    let other = match venv.package().dialect() {
        rpcudp::Dialect::Storj => rpcudp::Dialect::Rpcudp,
        _ => rpcudp::Dialect::Storj,
    };
    let rpcudp = rpcudp.speaking(other);
    let (report, code) = doctor(&rpcudp, &[&addr]).await;
    assert_eq!((&report["faults"], code), (&json!(["wrong_dialect"]), Some(1)), "{report}");
}

async fn the_doctor_names_silence(venv: &Venv, rpcudp: &CommandLine) {
    let python = venv.launch().start().await;
    let (report, code) = doctor(rpcudp, &[&python.addr().to_string(), "nobody_has_this", "--timeout", "300ms"]).await;
    assert_eq!((&report["faults"], code), (&json!(["silence"]), Some(5)), "{report}");
    assert!(report.to_string().contains("a method that it does not have"), "{report}");
}

async fn the_doctor_names_a_path_that_drops_what_is_large(venv: &Venv, rpcudp: &CommandLine) {
    let python = venv.launch().start().await;
    let narrow = narrow_path(python.addr(), 1_400);
    let (report, code) = doctor(rpcudp, &[&narrow.to_string(), "sayhi", "\"S\""]).await;
    assert_eq!((&report["faults"], code), (&json!(["size"]), Some(1)), "{report}");
    let sizes = report["checks"].as_array().unwrap().iter().find(|check| check["check"] == "sizes");
    assert_eq!(sizes.unwrap()["largest"], 1_400, "{report}");
}

/// An address from which datagrams of up to so many bytes reach a peer, and its answers come back.
fn narrow_path(peer: SocketAddr, limit: usize) -> SocketAddr {
    let outside = UdpSocket::bind("127.0.0.1:0").expect("a free port of this host");
    let inside = UdpSocket::bind("127.0.0.1:0").expect("a free port of this host");
    inside.connect(peer).expect("loopback has a route");
    let addr = outside.local_addr().expect("it is bound");
    let (there, back) = (inside.try_clone().expect("a socket"), outside.try_clone().expect("a socket"));
    let (tell, caller) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut datagram = [0; 65_536];
        while let Ok((len, from)) = outside.recv_from(&mut datagram) {
            if len <= limit {
                tell.send(from).expect("the way back is as long");
                // The peer may be gone at the end of a test.
                drop(there.send(&datagram[..len]));
            }
        }
    });
    std::thread::spawn(move || {
        let mut datagram = [0; 65_536];
        let mut from = None;
        while let Ok(len) = inside.recv(&mut datagram) {
            from = caller.try_iter().last().or(from);
            if let Some(from) = from {
                drop(back.send_to(&datagram[..len], from));
            }
        }
    });
    addr
}

async fn a_kademlia_node_is_poked_at(venv: &Venv, rpcudp: &CommandLine) {
    let nodes = rpcudp_interop::KademliaNodes::start(venv).await;
    let node = nodes.listen().await;
    let addr = node.addr.to_string();
    let id = format!("hex:{}", "07".repeat(20));
    let answered = parse(&rpcudp.well(&["call", &addr, "ping", &id]).await);
    assert!(answered.as_str().is_some_and(|id| id.starts_with("hex:") && id.len() == 44), "{answered}");
    rpcudp.well(&["ping", &addr, "ping", &id, "--count", "3", "--interval", "5ms"]).await;
    let (report, code) = doctor(rpcudp, &[&addr]).await;
    assert_eq!(code, Some(0), "{report}");
    assert!(report.to_string().contains("the peer sees 127.0.0.1:"), "{report}");
}
