use rpcudp::Dialect;
use serde_json::json;

use crate::describe::describing;
#[cfg(target_os = "linux")]
use crate::peers::serve_group;
use crate::peers::{CLOSED, serve, silence};
use crate::process::{Background, json, rpcudp};

#[test]
fn the_response_is_json_with_and_without_the_flag() {
    let (_server, addr) = serve(Dialect::Rpcudp);
    for flags in [&[][..], &["--json"]] {
        let call = rpcudp(&[&["call", &addr, "sayhi", "\"Snake Plissken\""], flags].concat());
        assert_eq!(call.succeeded(), "\"Hello Snake Plissken you live at 127.0.0.1\"");
    }
}

#[test]
fn bytes_are_hex_in_arguments_and_responses() {
    let (_server, addr) = serve(Dialect::Rpcudp);
    for word in ["hex:0001ff", "\"hex:0001ff\""] {
        assert_eq!(rpcudp(&["call", &addr, "reverse", word]).succeeded(), "[\"hex:ff0100\",3]");
    }
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("argument-{}", std::process::id()));
    std::fs::write(&path, [1, 2]).unwrap();
    let word = format!("@{}", path.display());
    assert_eq!(rpcudp(&["call", &addr, "reverse", &word]).succeeded(), "[\"hex:0201\",2]");
    std::fs::remove_file(path).unwrap();
    // A printed response is a valid argument, and text that looks like bytes stays text.
    let (_listen, addr) =
        Background::listen(&["--answer", r#"value=["hex:00","str:hex:00","@x",{"json:7":"float:nan"}]"#]);
    let response = rpcudp(&["call", &addr.to_string(), "value"]);
    assert_eq!(response.succeeded(), r#"["hex:00","str:hex:00","@x",{"json:7":"float:nan"}]"#);
}

#[test]
fn every_type_of_argument_arrives() {
    let (mut listen, addr) = Background::listen(&["--answer", "take=null"]);
    let words = ["-7", "1.5", "true", "null", "\"a\"", "[1,[]]", r#"{"k":"v"}"#, "18446744073709551615", "hex:"];
    let call = rpcudp(&[&["call", &addr.to_string(), "take"], &words[..]].concat());
    assert_eq!(call.succeeded(), "null");
    let request = listen.json();
    assert_eq!(request["arguments"], json!([-7, 1.5, true, null, "a", [1, []], { "k": "v" }, u64::MAX, "hex:"]));
    assert_eq!((&request["remaining_ms"], &request["dialect"]), (&json!(5_000), &json!("rpcudp")));
}

#[test]
fn the_storj_flag_selects_the_dialect() {
    let (_server, addr) = serve(Dialect::Storj);
    let call = |flags: &[&str]| rpcudp(&[&["call", &addr, "sayhi", "\"S\"", "--timeout", "300ms"], flags].concat());
    assert_eq!(call(&["--storj"]).succeeded(), "\"Hello S you live at 127.0.0.1\"");
    assert!(call(&[]).failed(5).starts_with("rpcudp: `sayhi`: no response from 127.0.0.1:"));
}

#[test]
fn each_failure_has_its_exit_code_and_its_line() {
    let (_server, addr) = serve(Dialect::Rpcudp);
    let (_silent, silent) = silence();
    let call = |peer: &str, rest: &[&str]| rpcudp(&[&["call", peer], rest].concat());

    assert_eq!(
        call("no.such.name.invalid:1", &["m"]).failed(2).split(": ").take(2).collect::<Vec<_>>(),
        ["rpcudp", "no.such.name.invalid:1 does not resolve"]
    );
    let in_use = call(&addr, &["m", "--bind", &addr]);
    assert_eq!(in_use.failed(3), format!("rpcudp: {addr} is in use: another program has bound to it"));
    assert_eq!(
        call(CLOSED, &["m"]).failed(4),
        "rpcudp: `m`: 127.0.0.1:9 is unreachable: the port is closed, or the host cannot be reached"
    );
    let timeout = call(&silent, &["m", "--timeout", "50ms"]);
    assert_eq!(timeout.failed(5), format!("rpcudp: `m`: no response from {silent} within 50ms"));
    assert_eq!(call(&addr, &["m"]).failed(6), format!("rpcudp: {addr} refused `m`: unknown method"));
    let refused = call(&addr, &["sayhi", "7"]);
    assert!(refused.failed(6).contains("malformed arguments: `name`:"), "{refused:?}");
    assert_eq!(call(&addr, &["withdraw", "5"]).failed(7), "rpcudp: the method returned an error: {\"by\":5}");
}

#[test]
fn a_similar_method_is_suggested_if_the_peer_publishes_it() {
    let (_server, addr) = describing(Dialect::Rpcudp);
    for command in ["call", "load"] {
        let refusal = |method: &str| rpcudp(&[command, &addr, method, "\"S\""]).failed(6).to_owned();
        let refused = format!("rpcudp: {addr} refused");
        assert_eq!(refusal("balanec"), format!("{refused} `balanec`: unknown method; did you mean `balance`?"));
        assert_eq!(
            refusal("frobnicate"),
            format!("{refused} `frobnicate`: unknown method; `rpcudp describe {addr}` prints its methods")
        );
    }
    let ping = rpcudp(&["ping", &addr, "withdrow", "--count", "2", "--interval", "1ms"]);
    let last = "`withdrow` is an unknown method; did you mean `withdraw`?";
    assert_eq!(ping.succeeded().lines().last(), Some(last), "{ping:?}");
    let ping = rpcudp(&["ping", &addr, "withdrow", "--count", "1", "--json"]);
    assert_eq!(json(ping.succeeded().lines().last().unwrap())["advice"], "did you mean `withdraw`?");
    // The method that `ping` calls if none is given need not exist.
    let ping = rpcudp(&["ping", &addr, "--count", "1"]);
    assert!(!ping.succeeded().contains("unknown method;"), "{ping:?}");
}

#[test]
fn each_failure_is_a_line_of_json_with_the_flag() {
    let (_server, addr) = serve(Dialect::Rpcudp);
    let error = |arguments: &[&str], code| json(rpcudp(&[&["--json", "call"], arguments].concat()).failed(code));
    let closed = error(&[CLOSED, "m"], 4);
    assert_eq!((&closed["error"], &closed["exit"]), (&json!("unreachable"), &json!(4)));
    let application = error(&[&addr, "withdraw", "5"], 7);
    assert_eq!((&application["error"], &application["detail"]), (&json!("application_error"), &json!({ "by": 5 })));
    assert_eq!(error(&[&addr, "m", "{"], 64)["error"], "usage");
}

#[test]
fn a_request_is_retransmitted_only_with_retry() {
    let (mut listen, addr) = Background::listen(&[]);
    let addr = addr.to_string();
    rpcudp(&["call", &addr, "again", "--retry", "--timeout", "600ms"]).failed(5);
    let (first, second) = (listen.json(), listen.json());
    assert_eq!((&first["method"], &first["id"]), (&json!("again"), &second["id"]));
    // A retransmission of the first call would arrive before the request of the second call.
    let (mut listen, addr) = Background::listen(&[]);
    let addr = addr.to_string();
    rpcudp(&["call", &addr, "once", "--timeout", "600ms"]).failed(5);
    rpcudp(&["call", &addr, "next", "--timeout", "1ms"]).failed(5);
    assert_eq!([listen.json()["method"].clone(), listen.json()["method"].clone()], ["once", "next"]);
}

#[test]
fn a_call_goes_on_to_the_next_peer_if_it_may() {
    let (_server, addr) = serve(Dialect::Rpcudp);
    let (_silent, silent) = silence();
    let call = |peers: &str, flags: &[&str]| {
        rpcudp(&[&["call", &format!("{peers},{addr}"), "sayhi", "str:S", "--timeout", "2s"], flags].concat())
    };
    assert_eq!(call(CLOSED, &[]).succeeded(), "\"Hello S you live at 127.0.0.1\"");
    // A silent peer may have run the method.
    assert!(call(&silent, &[]).failed(5).starts_with(&format!("rpcudp: `sayhi`: no response from {silent}")));
    assert_eq!(call(&silent, &["--retry"]).succeeded(), "\"Hello S you live at 127.0.0.1\"");
}

#[test]
fn all_prints_the_response_of_each_peer() {
    let servers = [serve(Dialect::Rpcudp), serve(Dialect::Rpcudp)];
    let addrs = servers.iter().map(|(_, addr)| addr.as_str()).collect::<Vec<_>>();
    let peers = format!("{},{},{CLOSED}", addrs[0], addrs[1]);
    let call = rpcudp(&["call", "--all", &peers, "reverse", "hex:0102"]);
    let mut lines: Vec<_> = call.succeeded().lines().collect();
    lines.sort_unstable();
    let mut expected: Vec<_> = addrs.iter().map(|addr| format!("{addr} [\"hex:0201\",2]")).collect();
    expected.push(format!("{CLOSED} `reverse`: {CLOSED} is unreachable"));
    expected.sort_unstable();
    assert_eq!(lines, expected);

    let call = rpcudp(&["call", "--all", "--json", &format!("{},{CLOSED}", addrs[0]), "reverse", "hex:"]);
    for line in call.succeeded_in_json() {
        match line["peer"].as_str().unwrap() {
            CLOSED => assert!(line["value"].is_null() && line["error"].is_string(), "{line}"),
            peer => assert_eq!((peer, &line["value"]), (addrs[0], &json!(["hex:", 0]))),
        }
    }
    // No peer has returned a value.
    let call = rpcudp(&["call", "--all", &format!("{},{}", addrs[0], addrs[1]), "withdraw", "5"]);
    assert_eq!((call.code(), call.stdout().lines().count()), (7, 2), "{call:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn all_prints_the_responses_of_a_multicast_group() {
    let (_member, group) = serve_group();
    let call =
        |rest: &[&str]| rpcudp(&[&["call", &group, "--bind", "127.0.0.1:0", "--timeout", "500ms"], rest].concat());
    let responses = call(&["--all", "sayhi", "str:S"]);
    let (peer, response) = responses.succeeded().split_once(' ').unwrap();
    let port = group.split_once(':').unwrap().1;
    assert_eq!((peer, response), (&*format!("127.0.0.1:{port}"), "\"Hello S you live at 127.0.0.1\""));
    // A member that does not have the method does not respond.
    assert_eq!(call(&["--all", "m"]).failed(5), "rpcudp: `m`: no peer responded within 500ms");
    let expected = format!(
        "rpcudp: {group} reaches several peers: `rpcudp call --all {group} METHOD` prints the response of each"
    );
    assert_eq!(call(&["m"]).failed(64), expected);
}
