use rpcudp_core::{Dialect, MessageId, Request};
use serde_json::json;

use crate::peers::send;
use crate::process::{Background, json, rpcudp};

#[test]
fn what_arrives_is_shown_and_it_goes_on_after_what_is_garbled() {
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
    let shown = listen.json();
    assert_eq!((&shown["event"], &shown["dialect"]), (&json!("request"), &json!("storjrpcudp")));
    assert_eq!((&shown["method"], &shown["id"]), (&json!("frobnicate"), &json!("07".repeat(20))));
    assert_eq!(listen.interrupt(), (vec![], 0));
}

#[test]
fn lines_are_for_people_without_json() {
    let mut listen = Background::start(&["listen", "127.0.0.1:0", "--answer", "add=3"]);
    let line = listen.line();
    let addr = line.strip_prefix("listening on ").expect("an address").to_owned();
    assert_eq!(rpcudp(&["call", &addr, "add", "1", "2"]).succeeded(), "3");
    let line = listen.line();
    assert!(line.ends_with(" add(1, 2) waits 5s -> 3") && !line.contains('\x1b'), "{line}");
    send(b"\x1b[2J", addr.parse().unwrap());
    let line = listen.line();
    assert!(line.ends_with(" garbled (too_short, 4 bytes) 1b5b324a"), "{line}");
}

#[test]
fn a_stand_in_answers_in_its_dialect_what_it_was_told_to() {
    let (mut listen, addr) = Background::listen(&["--storj", "--answer", "a=[1]", "--answer", "b=hex:ff"]);
    let addr = addr.to_string();
    let call = |method, flags: &[&str]| rpcudp(&[&["call", &addr, method, "--timeout", "300ms"], flags].concat());
    assert_eq!(call("a", &["--storj"]).succeeded(), "[1]");
    assert_eq!(call("b", &["--storj"]).succeeded(), "\"hex:ff\"");
    call("c", &["--storj"]).failed(5);
    call("a", &[]).failed(5);
    let answers = [(); 4].map(|()| listen.json()["answer"].clone());
    assert_eq!(answers, [json!([1]), json!("hex:ff"), json!(null), json!(null)]);
}

#[test]
fn an_address_that_cannot_be_had_is_said() {
    let (_listen, addr) = Background::listen(&[]);
    let addr = addr.to_string();
    let listen = rpcudp(&["listen", &addr]);
    assert_eq!(listen.failed(3), format!("rpcudp: {addr} is in use: another program has bound to it"));
    assert_eq!(json(rpcudp(&["listen", &addr, "--json"]).failed(3))["error"], "address_in_use");
    assert!(rpcudp(&["listen", "203.0.113.1:1"]).failed(1).starts_with("rpcudp: cannot bind to 203.0.113.1:1: "));
    assert!(rpcudp(&["listen", "no.such.name.invalid:1"]).failed(2).contains("does not resolve"));
    assert_eq!(
        rpcudp(&["listen", "127.0.0.1:0", "--answer", "sayhi"]).failed(64),
        "rpcudp: --answer `sayhi` is no METHOD=JSON"
    );
}

#[test]
fn a_reader_that_goes_away_ends_it_without_a_word() {
    let (listen, addr) = Background::listen(&[]);
    // The first line after the reader has gone is the one that cannot be printed.
    let (said, code) = listen.stop_reading(|| send(b"anything", addr));
    assert_eq!((said.as_str(), code), ("", Some(141)));
}
