use rpcudp::Dialect;
use serde_json::{Value, json};

use crate::peers::{CLOSED, Rule, serve, silence, stub_server};
use crate::process::{Background, Finished, json, rpcudp};

fn doctor(arguments: &[&str]) -> Finished {
    rpcudp(&[&["doctor", "--timeout", "300ms"], arguments].concat())
}

/// Returns the names of the faults in the JSON report, and a lookup of its checks by name.
#[track_caller]
fn faults(code: i32, arguments: &[&str]) -> (Vec<String>, impl Fn(&str) -> Value + use<>) {
    let finished = doctor(&[arguments, &["--json"]].concat());
    assert_eq!((finished.code(), finished.stderr()), (code, ""), "{finished:?}");
    let report = json(finished.stdout());
    assert_eq!((&report["exit"], &report["well"]), (&json!(code), &json!(code == 0)), "{report}");
    let faults = report["faults"].as_array().unwrap().iter().map(|fault| fault.as_str().unwrap().to_owned()).collect();
    let checks = report["checks"].as_array().unwrap().clone();
    let check = move |name: &str| {
        checks.iter().find(|check| check["check"] == name).cloned().unwrap_or_else(|| panic!("no {name} in {report}"))
    };
    (faults, check)
}

#[test]
fn a_responsive_peer_has_no_faults() {
    let (_server, addr) = serve(Dialect::Rpcudp);
    let report = doctor(&[&addr]);
    let report = report.succeeded();
    assert!(report.starts_with(&format!("checking {addr}\n")) && report.ends_with("no faults found"), "{report}");
    for line in [
        "ok answer     `stun` responds in ",
        "ok dialect    the peer uses the dialect of rpcudp",
        "ok loss       none of 20 requests",
        "ok sizes      datagrams of 1,400 bytes arrive, and so do requests of 8,192",
        "ok address    the peer sees 127.0.0.1:",
    ] {
        assert!(report.contains(line), "{report}");
    }
    let (found, check) = faults(0, &[&addr, "--count", "3"]);
    assert!(found.is_empty());
    assert_eq!((&check("loss")["sent"], &check("sizes")["largest"]), (&json!(3), &json!(8_213)));
    assert_eq!(check("buffers")["asked"], 4 << 20);
    assert!(check("round trip")["ms"]["p50"].as_f64() > Some(0.0));
}

#[test]
fn a_refusal_and_a_given_method_show_a_responsive_peer() {
    let (_server, addr) = serve(Dialect::Rpcudp);
    let (_, check) = faults(0, &[&addr, "frobnicate"]);
    assert!(check("answer")["says"].as_str().unwrap().starts_with("`frobnicate` is refused in "));
    let (_, check) = faults(0, &[&addr, "sayhi", "\"S\""]);
    assert_eq!(check("answer")["method"], "sayhi");
    let (_server, addr) = serve(Dialect::Storj);
    let (_, check) = faults(0, &[&addr, "--storj"]);
    assert_eq!((&check("answer")["dialect"], &check("sizes")["largest"]), (&json!("storjrpcudp"), &json!(8_192)));
}

#[test]
fn a_closed_port_is_reported() {
    let (found, check) = faults(4, &[CLOSED]);
    assert_eq!(found, ["closed_port"]);
    assert!(check("answer")["says"].as_str().unwrap().ends_with("127.0.0.1:9 is unreachable: the port is closed"));
    let report = doctor(&[CLOSED]);
    assert_eq!((report.code(), report.stderr()), (4, ""));
    assert!(report.stdout().contains("fault answer") && report.stdout().contains("start the peer"), "{report:?}");
}

#[test]
fn a_silent_port_is_reported() {
    let (_silent, silent) = silence();
    let (found, check) = faults(5, &[&silent]);
    assert_eq!(found, ["silence"]);
    let advice = check("answer")["advice"].to_string();
    assert!(advice.contains("name one that it has") && advice.contains("both dialects were tried"), "{advice}");
}

#[test]
fn the_wrong_dialect_is_reported_and_the_other_checks_use_the_right_one() {
    let (_server, addr) = serve(Dialect::Storj);
    let (found, check) = faults(1, &[&addr]);
    assert_eq!(found, ["wrong_dialect"]);
    assert!(check("dialect")["advice"][0].as_str().unwrap().starts_with("pass --storj"));
    assert_eq!(check("sizes")["status"], "well");
    let (_server, addr) = serve(Dialect::Rpcudp);
    let (found, check) = faults(1, &[&addr, "--storj"]);
    assert_eq!(found, ["wrong_dialect"]);
    assert!(check("dialect")["advice"][0].as_str().unwrap().starts_with("omit --storj"));
}

#[test]
fn a_size_limit_is_reported_with_the_size() {
    for limit in [1_472, 500] {
        let addr = stub_server(Dialect::Rpcudp, move |_, len| if len > limit { Rule::Drop } else { Rule::Respond });
        let (found, check) = faults(1, &[&addr]);
        assert_eq!((found, &check("sizes")["largest"]), (vec!["size".to_owned()], &json!(limit)));
    }
    let addr = stub_server(Dialect::Rpcudp, |_, len| if len > 1_400 { Rule::Drop } else { Rule::Respond });
    let report = doctor(&[&addr]);
    let message =
        "fault sizes      datagrams of up to 1,400 bytes arrive, larger ones are dropped (tested: 8,213 bytes)";
    assert!(report.code() == 1 && report.stdout().contains(message), "{report:?}");
    assert!(report.stdout().ends_with("faults found: sizes\n"), "{report:?}");
}

#[test]
fn loss_is_reported_with_its_share() {
    let addr = stub_server(Dialect::Rpcudp, |count, _| if count % 2 == 1 { Rule::Drop } else { Rule::Respond });
    let (found, check) = faults(1, &[&addr, "anything", "--count", "20"]);
    assert_eq!((found, &check("loss")["lost"]), (vec!["loss".to_owned()], &json!(10)));
    assert_eq!(check("loss")["percent"], 50.0);
}

#[test]
fn responses_from_another_address_are_reported() {
    let addr = stub_server(Dialect::Rpcudp, |_, _| Rule::RespondFromElsewhere);
    let (found, check) = faults(1, &[&addr]);
    assert_eq!(found, ["other_source"]);
    assert!(check("source")["advice"][0].as_str().unwrap().contains("--any-source"));
}

#[test]
fn a_nat_is_noted_and_an_invalid_address_is_not() {
    for (response, status, message) in [
        (r#"stun=["192.0.2.1",7]"#, "note", "the peer sees 192.0.2.1:7, but this socket's own address is 127.0.0.1:"),
        (r#"stun=["\u001b[2J",7]"#, "unknown", r#"the response to `stun` is not an address: ["\u001b[2J",7]"#),
    ] {
        let (_listen, addr) = Background::listen(&["--answer", response]);
        let (found, check) = faults(0, &[&addr.to_string()]);
        assert!(found.is_empty());
        let address = check("address");
        assert_eq!(address["status"], status);
        assert!(address["says"].as_str().unwrap().starts_with(message), "{address}");
    }
}

#[test]
fn a_peer_that_cannot_be_checked_is_a_failure() {
    assert!(doctor(&["no.such.name.invalid:1"]).failed(2).contains("does not resolve"));
    assert!(doctor(&[CLOSED, "m", "{"]).failed(64).contains("argument 1 `{` is not JSON"));
    let large = format!("\"{}\"", "x".repeat(8_192));
    assert!(doctor(&[CLOSED, "m", &large]).failed(64).contains("has 8199 bytes, and 8192 are allowed"));
}
