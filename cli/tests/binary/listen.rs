use rpcudp_core::{Dialect, MessageId, Request};
use serde_json::json;

use crate::peers::send;
use crate::process::{Background, json, rpcudp};

#[test]
fn datagrams_are_printed_and_garbled_ones_do_not_stop_it() {
    let (mut listen, addr) = Background::listen(&[]);
    send(b"GET / HTTP/1.1\r\n\r\n\x1b[2J", addr);
    let garbled = listen.json();
    assert_eq!((&garbled["event"], &garbled["reason"]), (&json!("garbled"), &json!("unknown_kind")));
    assert_eq!(garbled["hex"], "474554202f20485454502f312e310d0a0d0a1b5b324a");
    send(b"", addr);
    assert_eq!(listen.json()["reason"], "too_short");
    send(&[0xc1; 500], addr);
    assert_eq!(listen.json()["len"], 500);

    let mut request = Vec::new();
    Request::begin(&mut request, Dialect::Storj, "frobnicate", 0);
    Request::set_id(&mut request, MessageId::from_bytes([7; 20]));
    send(&request, addr);
    let event = listen.json();
    assert_eq!((&event["event"], &event["dialect"]), (&json!("request"), &json!("storjrpcudp")));
    assert_eq!((&event["method"], &event["id"]), (&json!("frobnicate"), &json!("07".repeat(20))));
    assert_eq!(listen.interrupt(), (vec![], 0));
}

#[test]
fn text_is_printed_without_the_json_flag() {
    let mut listen = Background::start(&["listen", "127.0.0.1:0", "--answer", "add=3"]);
    let line = listen.line();
    let addr = line.strip_prefix("listening on ").expect("an address").to_owned();
    assert_eq!(rpcudp(&["call", &addr, "add", "1", "2"]).succeeded(), "3");
    let line = listen.line();
    assert!(line.ends_with(" add(1, 2) deadline in 5s -> 3") && !line.contains('\x1b'), "{line}");
    send(b"\x1b[2J", addr.parse().unwrap());
    let line = listen.line();
    assert!(line.ends_with(" garbled (too_short, 4 bytes) 1b5b324a"), "{line}");
}

#[test]
fn metadata_of_a_call_is_printed() {
    let (mut listen, addr) = Background::listen(&["--answer", "a=1"]);
    let call = |metadata: &[&str]| rpcudp(&[&["call", &addr.to_string(), "a"], metadata].concat());
    call(&["--metadata", "tenant=acme", "--metadata", "equation=a=b"]).succeeded();
    assert_eq!(listen.json()["metadata"], json!({ "tenant": "acme", "equation": "a=b" }));
    call(&[]).succeeded();
    assert_eq!(listen.json()["metadata"], json!(null));
    for metadata in ["tenant", "=acme"] {
        let failed = call(&["--metadata", metadata]);
        assert!(failed.code() == 64 && failed.stderr().contains(": it has the form KEY=VALUE"), "{failed:?}");
    }
    let failed = call(&["--metadata", &format!("key={}", "x".repeat(600))]);
    let expected =
        "`a`: \"key\" cannot travel in the metadata: the metadata has 606 bytes with it, and 512 are allowed";
    assert!(failed.failed(64).contains(expected), "{failed:?}");
}

#[test]
fn canned_responses_are_sent_in_the_selected_dialect() {
    let (mut listen, addr) = Background::listen(&["--storj", "--answer", "a=[1]", "--answer", "b=hex:ff"]);
    let addr = addr.to_string();
    let call = |method, flags: &[&str]| rpcudp(&[&["call", &addr, method, "--timeout", "300ms"], flags].concat());
    assert_eq!(call("a", &["--storj"]).succeeded(), "[1]");
    assert_eq!(call("b", &["--storj"]).succeeded(), "\"hex:ff\"");
    call("c", &["--storj"]).failed(5);
    call("a", &[]).failed(5);
    let responses = [(); 4].map(|()| listen.json()["answer"].clone());
    assert_eq!(responses, [json!([1]), json!("hex:ff"), json!(null), json!(null)]);
}

#[test]
fn an_address_that_cannot_be_bound_is_reported() {
    let (_listen, addr) = Background::listen(&[]);
    let addr = addr.to_string();
    let listen = rpcudp(&["listen", &addr]);
    assert_eq!(listen.failed(3), format!("rpcudp: {addr} is in use: another program has bound to it"));
    assert_eq!(json(rpcudp(&["listen", &addr, "--json"]).failed(3))["error"], "address_in_use");
    assert!(rpcudp(&["listen", "203.0.113.1:1"]).failed(1).starts_with("rpcudp: cannot bind to 203.0.113.1:1: "));
    assert!(rpcudp(&["listen", "no.such.name.invalid:1"]).failed(2).contains("does not resolve"));
    assert_eq!(
        rpcudp(&["listen", "127.0.0.1:0", "--answer", "sayhi"]).failed(64),
        "rpcudp: --answer `sayhi` is not METHOD=JSON"
    );
}

#[test]
fn a_closed_pipe_ends_it_without_an_error_line() {
    let (listen, addr) = Background::listen(&[]);
    // Printing the first line after the pipe is closed fails.
    let (stderr, code) = listen.close_stdout(|| send(b"anything", addr));
    assert_eq!((stderr.as_str(), code), ("", Some(141)));
}
