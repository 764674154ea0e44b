//! Links: identities, addresses with keys, and the commands that use them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use rpcudp::{Builder, Endpoint, Identity, Plain};
use serde_json::json;

use crate::describe::describing_as;
use crate::peers::{CLOSED, send, serve_as, silence};
use crate::process::{Background, Finished, json, rpcudp};

/// A new folder for the files of a test.
fn folder(test: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("links-{}-{test}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Makes an identity in a file. Returns the file and the key.
fn generate(test: &str) -> (String, String) {
    let file = folder(test).join("node.pem").display().to_string();
    let key = rpcudp(&["key", "generate", "--out", &file]).succeeded().to_owned();
    (file, key)
}

/// Starts a Rust peer with links. Returns its address and its key.
fn serve_with_links(configure: impl FnOnce(Builder) -> Builder) -> (Endpoint, String, String) {
    let identity = Identity::generate();
    let key = identity.peer_id().to_string();
    let (endpoint, addr) = serve_as(configure(Endpoint::builder().identity(identity)));
    (endpoint, addr, key)
}

fn with_key(key: &str, addr: &str) -> String {
    format!("{key}@{addr}")
}

#[test]
fn a_generated_key_is_for_its_owner_alone_and_is_not_overwritten() {
    let (file, key) = generate("generate");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let pem = fs::read_to_string(&file).unwrap();
    assert_eq!(Identity::from_pem(pem.as_bytes()).unwrap().peer_id().to_string(), key);
    assert_eq!(rpcudp(&["key", "show", &file]).succeeded(), key);
    let shown = json(rpcudp(&["key", "show", &file, "--json"]).succeeded());
    let hex = shown["hex"].as_str().unwrap();
    assert_eq!((&shown["key"], hex.parse::<rpcudp::PeerId>().unwrap().to_string()), (&json!(key), key.clone()));

    let again = rpcudp(&["key", "generate", "--out", &file]);
    assert_eq!(
        again.failed(64),
        format!("rpcudp: {file} exists already; --force replaces it, and its key is lost then")
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), pem);
    let replaced = rpcudp(&["key", "generate", "--out", &file, "--force"]).succeeded().to_owned();
    assert_ne!(replaced, key);
    assert_eq!(rpcudp(&["key", "show", &file]).succeeded(), replaced);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(folder("generate")).unwrap().count(), 1, "no other file is left");
}

#[test]
fn a_key_is_printed_without_a_file() {
    let pem = rpcudp(&["key", "generate"]);
    assert!(Identity::from_pem(pem.succeeded().as_bytes()).is_ok(), "{pem:?}");
    let made = json(rpcudp(&["key", "generate", "--json"]).succeeded());
    let identity = Identity::from_pem(made["pem"].as_str().unwrap().as_bytes()).unwrap();
    assert_eq!(made["key"], identity.peer_id().to_string());
}

#[test]
fn an_unusable_identity_is_reported() {
    let folder = folder("unusable");
    let missing = folder.join("missing.pem").display().to_string();
    let failed = rpcudp(&["key", "show", &missing]);
    let line = failed.failed(64);
    assert!(line.starts_with(&format!("rpcudp: the identity {missing} cannot be read: ")), "{line}");
    assert!(line.ends_with("`rpcudp key generate --out FILE` makes one"), "{line}");
    let text = folder.join("text").display().to_string();
    fs::write(&text, "no key").unwrap();
    fs::set_permissions(&text, fs::Permissions::from_mode(0o600)).unwrap();
    let failed = rpcudp(&["call", "any@127.0.0.1:9", "m", "--identity", &text]);
    assert!(failed.failed(64).contains("has no private key: no section `PRIVATE KEY`"), "{failed:?}");

    let (file, key) = generate("readable");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let shown = rpcudp(&["key", "show", &file]);
    assert_eq!((shown.code(), shown.stdout().trim_end()), (0, &*key));
    assert!(shown.stderr().contains(&format!("other users of this host can read the key in {file}: chmod 600 {file}")));
}

#[test]
fn a_key_before_the_address_calls_over_a_link() {
    let (_server, addr, key) = serve_with_links(|builder| builder.plain(Plain::Off));
    let hex: String =
        key.parse::<rpcudp::PeerId>().unwrap().as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    for pin in [&key, &hex, "any"] {
        let call = rpcudp(&["call", &with_key(pin, &addr), "sayhi", "\"S\""]);
        assert_eq!(call.succeeded(), "\"Hello S you live at 127.0.0.1\"");
    }
    let (file, caller) = generate("call");
    let call = rpcudp(&["call", &with_key(&key, &addr), "whoami", "--identity", &file]);
    assert_eq!(call.succeeded(), format!("\"{caller}\""));
    // Without a key, the call is plain, and this peer drops it.
    assert_eq!(rpcudp(&["call", &addr, "whoami", "--timeout", "300ms"]).code(), 5);
}

#[test]
fn a_file_larger_than_a_datagram_travels_over_a_link() {
    let (_server, addr, key) = serve_with_links(|builder| builder);
    let file = folder("large").join("data");
    fs::write(&file, vec![7; 3_000_000]).unwrap();
    let word = format!("@{}", file.display());
    assert_eq!(rpcudp(&["call", &with_key(&key, &addr), "length", &word]).succeeded(), "3000000");
    let plain = rpcudp(&["call", &addr, "length", &word]);
    assert!(plain.failed(64).contains("a peer with links takes more, at KEY@HOST:PORT"), "{plain:?}");
}

#[test]
fn each_failure_of_a_link_has_its_exit_code_and_its_advice() {
    let (_server, addr, key) = serve_with_links(|builder| builder.allow([Identity::from_seed([1; 32]).peer_id()]));
    let other = Identity::from_seed([2; 32]).peer_id().to_string();
    let (_silent, silent) = silence();
    let call = |peer: &str| rpcudp(&["call", peer, "whoami", "--timeout", "300ms"]);

    let wrong = call(&with_key(&other, &addr));
    let expected = format!("rpcudp: `whoami`: the peer at {addr} is {key}, and {other} was expected; ");
    assert!(wrong.failed(8).starts_with(&expected), "{wrong:?}");
    let refused = call(&with_key(&key, &addr));
    assert!(
        refused.failed(6).contains("the peer refused the link; if the peer allows listed keys only, pass --identity")
    );
    let plain = call(&with_key("any", &silent));
    assert!(
        plain.failed(5).contains("the peer did not respond to the handshake (a peer without an identity"),
        "{plain:?}"
    );
    assert!(plain.failed(5).ends_with("`rpcudp doctor` with the same address tells whether the peer is plain"));
    let error = json(rpcudp(&["call", &with_key(&other, &addr), "m", "--json"]).failed(8));
    assert_eq!((&error["error"], &error["exit"]), (&json!("wrong_peer"), &json!(8)));

    for (peer, message) in [
        (
            "key@127.0.0.1:9",
            "`key` is not a public key: expected 52 characters of base32, or 64 of hex; `rpcudp key show",
        ),
        ("any@127.0.0.1", "`127.0.0.1` is not an address"),
        ("any@239.0.0.1:7", "239.0.0.1:7 reaches several peers"),
    ] {
        assert!(call(peer).failed(64).contains(message), "{peer}");
    }
    let (file, _) = generate("plain");
    let plain = rpcudp(&["call", CLOSED, "m", "--identity", &file]);
    assert!(plain.failed(64).contains("--identity has no effect on a plain address: write KEY@HOST:PORT"), "{plain:?}");
    let mixed = rpcudp(&["doctor", &format!("{CLOSED},any@{CLOSED}")]);
    assert!(mixed.failed(64).contains("the doctor checks one wire"), "{mixed:?}");
}

#[test]
fn a_call_goes_on_to_the_address_where_a_link_comes_up() {
    let (_silent, silent) = silence();
    let (_server, addr, key) = serve_with_links(|builder| builder);
    let peers = format!("any@{silent},{}", with_key(&key, &addr));
    assert_eq!(rpcudp(&["call", &peers, "sayhi", "\"S\""]).succeeded(), "\"Hello S you live at 127.0.0.1\"");
    let name = format!("any@dns:localhost:{}", addr.rsplit_once(':').unwrap().1);
    assert_eq!(rpcudp(&["call", &name, "sayhi", "\"S\"", "--ipv4"]).succeeded(), "\"Hello S you live at 127.0.0.1\"");
    let all = rpcudp(&["call", "--all", &format!("{},{addr}", with_key(&key, &addr)), "whoami", "--json"]);
    let values: Vec<_> = all.succeeded_in_json().into_iter().map(|line| line["value"].is_string()).collect();
    assert_eq!(values.iter().filter(|is_linked| **is_linked).count(), 1, "one of two calls is over a link: {all:?}");
}

#[test]
fn ping_load_and_describe_use_the_link_of_the_address() {
    let (_server, addr, key) = serve_with_links(|builder| builder.plain(Plain::Off));
    let peer = with_key(&key, &addr);
    let ping = rpcudp(&["ping", &peer, "whoami", "--count", "2", "--interval", "1ms"]);
    assert!(ping.succeeded().contains("2 calls, 2 responses, 0.0% lost"), "{ping:?}");
    let load = rpcudp(&["load", &peer, "whoami", "--seconds", "1", "--concurrency", "2", "--json"]);
    assert_eq!(json(load.succeeded())["loss_percent"], 0.0, "{load:?}");
    let identity = Identity::generate();
    let key = identity.peer_id().to_string();
    let (_described, addr) = describing_as(Endpoint::builder().identity(identity).plain(Plain::Off));
    let described = rpcudp(&["describe", &with_key(&key, &addr)]);
    assert!(described.succeeded().contains("trait "), "{described:?}");
    // The advice for an unknown method is asked for over the link too.
    let unknown = rpcudp(&["call", &with_key(&key, &addr), "frobnicate"]);
    assert!(unknown.failed(6).contains(&format!("; `rpcudp describe {}` prints its methods", with_key(&key, &addr))));
}

#[test]
fn listen_serves_links_of_the_keys_that_it_allows() {
    let (file, key) = generate("listen");
    let (friend, friend_key) = generate("friend");
    let list = folder("listen").join("allowed").display().to_string();
    fs::write(&list, format!("# friends\n\n{friend_key} # the first\n")).unwrap();
    let allow = format!("@{list}");
    let options = ["--identity", &file, "--allow", &allow, "--no-plain", "--answer", "add=3"];
    let mut listen = Background::start(&[&["listen", "127.0.0.1:0", "--json"], &options[..]].concat());
    let listening = listen.json();
    assert_eq!(listening["key"], key);
    let addr = listening["addr"].as_str().unwrap().to_owned();
    let call = |peer: &str, identity: &[&str]| -> Finished {
        rpcudp(&[&["call", peer, "add", "1", "2", "--timeout", "500ms"], identity].concat())
    };
    let peer = with_key(&key, &addr);
    assert_eq!(call(&peer, &["--identity", &friend]).succeeded(), "3");
    let request = listen.json();
    assert_eq!((&request["event"], &request["key"]), (&json!("request"), &json!(friend_key)));
    assert_eq!(
        (&request["method"], &request["arguments"], &request["answer"]),
        (&json!("add"), &json!([1, 2]), &json!(3))
    );
    assert_eq!(call(&peer, &[]).code(), 6, "another key is refused");
    // Packets of links are not printed, plain requests are, and get no response.
    assert_eq!(call(&addr, &[]).code(), 5);
    let plain = listen.json();
    assert_eq!((&plain["event"], &plain["key"], &plain["answer"]), (&json!("request"), &json!(null), &json!(null)));
    assert_eq!(listen.interrupt(), (vec![], 0));

    fs::write(&list, "# none\n").unwrap();
    let empty = rpcudp(&["listen", "127.0.0.1:0", "--identity", &file, "--allow", &allow]);
    assert!(empty.failed(64).ends_with("has no key"), "{empty:?}");
    assert_eq!(rpcudp(&["listen", "127.0.0.1:0", "--allow", &key]).code(), 64, "--allow needs --identity");
}

#[test]
fn listen_without_an_identity_tells_handshakes_from_garbage() {
    let (mut listen, addr) = Background::listen(&[]);
    rpcudp(&["call", &with_key("any", &addr.to_string()), "m", "--timeout", "100ms"]).failed(5);
    assert_eq!(listen.json()["event"], "handshake");
    let mut text = Background::start(&["listen", "127.0.0.1:0", "--identity", &generate("text").0, "--answer", "m=1"]);
    let line = text.line();
    let (addr, peer) = line.strip_prefix("listening on ").unwrap().split_once(", with links at ").unwrap();
    rpcudp(&["call", peer, "m"]).succeeded();
    let mut all = Background::start(&["listen", "0.0.0.0:0", "--identity", &generate("all").0]);
    assert!(all.line().contains("@HOST:"), "no peer can be called at 0.0.0.0");
    let line = text.line();
    assert!(line.contains(" m() deadline in ") && line.ends_with(" -> 1"), "{line}");
    send(b"\x00bare", addr.parse().unwrap());
    assert!(text.line().contains("garbled (too_short, 5 bytes)"));
}

#[test]
fn doctor_checks_the_link() {
    let doctor = |peer: &str, arguments: &[&str]| {
        let finished = rpcudp(&[&["doctor", peer, "--timeout", "500ms", "--count", "3", "--json"], arguments].concat());
        (finished.code(), json(finished.stdout()))
    };
    let check = |report: &serde_json::Value, name: &str| {
        let checks = report["checks"].as_array().unwrap();
        checks.iter().find(|check| check["check"] == name).cloned().unwrap_or_else(|| panic!("no {name} in {report}"))
    };
    let (_server, addr, key) = serve_with_links(|builder| builder);
    let (code, report) = doctor(&with_key(&key, &addr), &[]);
    assert_eq!((code, &report["faults"]), (0, &json!([])), "{report}");
    assert!(check(&report, "link")["handshake_ms"].as_f64() > Some(0.0));
    assert_eq!((&check(&report, "key")["key"], &check(&report, "key")["status"]), (&json!(key), &json!("well")));
    assert!(check(&report, "answer")["says"].as_str().unwrap().starts_with("`ping` is refused in "), "{report}");
    assert_eq!((&check(&report, "loss")["sent"], &check(&report, "loss")["lost"]), (&json!(3), &json!(0)));
    assert_eq!((&check(&report, "mtu")["mtu"], &check(&report, "sizes")["len"]), (&json!(8_900), &json!(100_000)));
    assert_eq!(check(&report, "plain")["plain"], true, "the peer serves both wires");
    assert_eq!(check(&report, "buffers")["asked"], 4 << 20);

    let text = rpcudp(&["doctor", &with_key("any", &addr), "whoami", "--count", "1"]);
    let text = text.succeeded();
    for line in ["ok link       a link is up after a handshake of ", "note key        the peer has proven the key "] {
        assert!(text.contains(line), "{text}");
    }
    assert!(text.contains(&format!("pin it: {key}@{addr}")) && text.ends_with("no faults found"), "{text}");

    let other = Identity::from_seed([2; 32]).peer_id().to_string();
    let (code, report) = doctor(&with_key(&other, &addr), &[]);
    assert_eq!((code, &report["faults"]), (8, &json!(["wrong_peer"])));
    assert_eq!(check(&report, "key")["key"], key);
    let (_plain, plain) = serve_as(Endpoint::builder());
    let (code, report) = doctor(&with_key("any", &plain), &[]);
    assert_eq!((code, &report["faults"], &check(&report, "link")["plain"]), (5, &json!(["no_link"]), &json!(true)));
    let (_server, addr, _) = serve_with_links(|builder| builder.allow([]).plain(Plain::Off));
    let (code, report) = doctor(&with_key("any", &addr), &[]);
    assert_eq!(
        (code, &report["faults"], &check(&report, "link")["plain"]),
        (6, &json!(["link_refused"]), &json!(false))
    );
}
