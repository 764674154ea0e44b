//! Dissection of arguments and values: those of Python's packages, and hostile ones.

use std::net::SocketAddr;

use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use rpcudp_wireshark::{Capture, Tshark};
use serde_json::Value;

/// The arguments that name the port of rpcudp.
const NAMED_PORT: [&str; 2] = ["-d", "udp.port==7000,rpcudp"];

fn tshark(test: &str) -> Option<Tshark> {
    Tshark::find(env!("CARGO_TARGET_TMPDIR"), test)
}

fn addr(host: u8) -> SocketAddr {
    ([10, 0, 0, host], 7000).into()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &[b'i'; 20], body].concat()
}

/// Returns the test vectors: datagrams that Python's `rpcudp` produced.
fn vectors() -> Vec<Value> {
    let file: Value = serde_json::from_str(include_str!("../../../rpcudp-core/tests/vectors/rpcudp.json")).unwrap();
    let rows = file["rows"].as_array().unwrap().iter();
    rows.filter(|row| row["kind"] != "limit").cloned().collect()
}

fn unhex(hex: &Value) -> Vec<u8> {
    let hex = hex.as_str().unwrap().as_bytes();
    hex.chunks(2).map(|byte| u8::from_str_radix(str::from_utf8(byte).unwrap(), 16).unwrap()).collect()
}

#[test]
fn datagrams_of_python_are_dissected() {
    let Some(tshark) = tshark("python") else { return };
    let capture = Capture::new();
    let vectors = vectors();
    for vector in &vectors {
        let (from, to) = if vector["kind"] == "request" { (1, 2) } else { (2, 1) };
        capture.add(addr(from), addr(to), &unhex(&vector["hex"]));
    }
    let fields = ["rpcudp.id", "rpcudp.method", "rpcudp.argument_count", "rpcudp.result", "_ws.expert.message"];
    let frames = tshark.frames(&capture, &fields, &NAMED_PORT);
    let (mut request_count, mut response_count) = (0, 0);
    for (vector, frame) in vectors.iter().zip(&frames) {
        assert_eq!(frame.one("rpcudp.id").unwrap().replace(':', ""), vector["id"].as_str().unwrap());
        assert!(!frame.all("_ws.expert.message").iter().any(|message| message.contains("not a message")), "{vector}");
        if vector["kind"] == "request" {
            assert_eq!(frame.one("rpcudp.method"), vector["method"].as_str(), "{vector}");
            let count = vector["args"].as_array().unwrap().len().to_string();
            assert_eq!(frame.one("rpcudp.argument_count"), Some(&*count), "{vector}");
            request_count += 1;
        } else {
            assert!(frame.one("rpcudp.result").is_some(), "{vector}");
            response_count += 1;
        }
    }
    assert!(request_count > 10 && response_count > 5, "{request_count}, {response_count}");
}

#[test]
fn every_type_of_value_is_shown_with_its_type() {
    let Some(tshark) = tshark("kinds") else { return };
    let cases: &[(&[u8], &str, &str, &str)] = &[
        (b"\xc0", "nil", "nil", ""),
        (b"\xc3", "true", "bool", "1"),
        (b"\xc2", "false", "bool", "0"),
        (b"\x7f", "127", "uint", "127"),
        (b"\xcc\xff", "255", "uint", "255"),
        (b"\xcd\xff\xfe", "65534", "uint", "65534"),
        (b"\xce\xff\xff\xff\xff", "4294967295", "uint", "4294967295"),
        (b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "18446744073709551615", "uint", "18446744073709551615"),
        (b"\xff", "-1", "int", "-1"),
        (b"\xe0", "-32", "int", "-32"),
        (b"\xd0\x80", "-128", "int", "-128"),
        (b"\xd1\x80\x00", "-32768", "int", "-32768"),
        (b"\xd2\x80\x00\x00\x00", "-2147483648", "int", "-2147483648"),
        (b"\xd3\x80\x00\x00\x00\x00\x00\x00\x00", "-9223372036854775808", "int", "-9223372036854775808"),
        (b"\xca\x3f\xc0\x00\x00", "1.5", "float", "1.5"),
        (b"\xcb\xc0\x04\x00\x00\x00\x00\x00\x00", "-2.5", "float", "-2.5"),
        (b"\xa0", "\"\"", "str", ""),
        (b"\xabGr\xc3\xb6\xc3\x9fe \xe2\x9c\x93", "\"Gr\u{f6}\u{df}e \u{2713}\"", "str", "Gr\u{f6}\u{df}e \u{2713}"),
        (b"\xd9\x02ab", "\"ab\"", "str", "ab"),
        (b"\xda\x00\x02ab", "\"ab\"", "str", "ab"),
        (b"\xdb\x00\x00\x00\x02ab", "\"ab\"", "str", "ab"),
        (b"\xc4\x00", "hex:", "bin", ""),
        (b"\xc4\x02\x00\xff", "hex:00ff", "bin", "00ff"),
        (b"\xc5\x00\x02\x00\xff", "hex:00ff", "bin", "00ff"),
        (b"\xc6\x00\x00\x00\x02\x00\xff", "hex:00ff", "bin", "00ff"),
        (b"\xd4\x05a", "ext 5 hex:61", "ext", "0561"),
        (b"\xd8\xff0123456789abcdef", "ext -1 hex:30313233343536373839616263646566", "ext", ""),
        (b"\xc7\x01\x05a", "ext 5 hex:61", "ext", "0561"),
        (b"\xd6\xff\x00\x00\x00\x01", "ext -1 hex:00000001", "ext", "ff00000001"),
        (b"\xc8\x00\x01\x80a", "ext -128 hex:61", "ext", "8061"),
        (b"\xd4\x7fa", "ext 127 hex:61", "ext", "7f61"),
        (b"\x90", "[]", "array", "0"),
        (b"\x92\x01\xa1a", "[1, \"a\"]", "array", "2"),
        (b"\xdc\x00\x01\xc0", "[nil]", "array", "1"),
        (b"\xdd\x00\x00\x00\x01\xc0", "[nil]", "array", "1"),
        (b"\x80", "{}", "map", "0"),
        (b"\x82\xa1a\x01\x02\xc0", "{\"a\": 1, 2: nil}", "map", "2"),
        (b"\xde\x00\x01\x01\x02", "{1: 2}", "map", "1"),
        (b"\xdf\x00\x00\x00\x01\x01\x02", "{1: 2}", "map", "1"),
        // Control characters and invalid UTF-8.
        (b"\xa4a\x1b\n\\", "\"a\\x1b\\x0a\\\\\"", "str", ""),
        (b"\xa3a\xff\xc3", "\"a\\xff\\xc3\"", "str", ""),
    ];
    let capture = Capture::new();
    for (body, ..) in cases {
        capture.add(addr(2), addr(1), &message(1, body));
    }
    let kinds = ["nil", "bool", "uint", "int", "float", "str", "bin", "array", "map", "ext"];
    let names: Vec<_> = kinds.iter().map(|kind| format!("rpcudp.value.{kind}")).collect();
    let fields: Vec<_> = names.iter().map(|name| &**name).chain(["rpcudp.result", "_ws.expert.message"]).collect();
    let frames = tshark.frames(&capture, &fields, &NAMED_PORT);
    for ((body, shown, kind, value), frame) in cases.iter().zip(&frames) {
        assert_eq!(frame.one("rpcudp.result"), Some(*shown), "{body:x?}");
        let all = frame.all(&format!("rpcudp.value.{kind}"));
        if !value.is_empty() {
            let first = all.first().unwrap_or_else(|| panic!("{body:x?} has no {kind}")).replace(':', "");
            assert_eq!(first, *value, "{body:x?}");
        }
    }
}

#[test]
fn nested_values_are_a_tree() {
    let Some(tshark) = tshark("tree") else { return };
    let capture = Capture::new();
    let body = b"\x92\xa5store\x92\xc4\x02\x00\xff\x82\xa4name\xa5Snake\xa4ages\x92\x1e\xc0";
    capture.add(addr(1), addr(2), &[&message(0, body)[..], b"\xc1RuT\x01\x05\x00\x00\x05\xdc!later"].concat());
    let details = tshark.details(&capture, &NAMED_PORT);
    let tree = details.split_once("rpcudp: RPC over UDP").unwrap().1;
    let lines: Vec<_> = tree.lines().skip(1).map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let expected = r#"
    Type: Request (0x00)
    [Dialect: rpcudp]
    Message id: 6969696969696969696969696969696969696969
    Method: store
    Arguments: hex:00ff, {"name": "Snake", "ages": [30, nil]}
        [Number of arguments: 2]
        Argument 1: hex:00ff (bin)
        Argument 2: {"name": "Snake", "ages": [30, nil]} (map)
            "name": "Snake" (str)
            "ages": [30, nil] (array)
                [0]: 30 (uint)
                [1]: nil (nil)
    Remaining time (ms): 1500
    Bytes after the body: 6c61746572
"#;
    let expected: Vec<_> = expected.lines().skip(1).collect();
    assert_eq!(lines[..expected.len()], expected, "{details}");
}

#[test]
fn large_values_are_truncated() {
    let Some(tshark) = tshark("large") else { return };
    let capture = Capture::new();
    let text = "\u{e4}".repeat(10_000);
    let long = [&[0xda][..], &20_000_u16.to_be_bytes(), text.as_bytes()].concat();
    capture.add(addr(2), addr(1), &message(1, &long));
    let wide = [&[0xdc][..], &60_000_u16.to_be_bytes(), &[7; 60_000]].concat();
    capture.add(addr(2), addr(1), &message(1, &wide));
    let arguments = [b"\x92\xa1f\xdc", &60_000_u16.to_be_bytes()[..], &[7; 60_000]].concat();
    capture.add(addr(1), addr(2), &message(0, &arguments));
    let deep = [&[0x91; 32][..], b"\xc0"].concat();
    capture.add(addr(2), addr(1), &message(1, &deep));
    let frames = tshark.frames(&capture, &["_ws.col.Info", "rpcudp.result", "_ws.expert.message"], &NAMED_PORT);
    for frame in &frames {
        let info = frame.one("_ws.col.Info").unwrap();
        assert!(info.chars().count() < 200, "{info}");
    }
    assert!(frames[0].one("_ws.col.Info").unwrap().ends_with("\u{e4}\u{2026}\""));
    assert!(frames[1].one("rpcudp.result").unwrap().ends_with("7, 7, \u{2026}]"));
    let details = tshark.details(&capture, &NAMED_PORT);
    // The lines of the text, and at most 4,000 values of each other datagram.
    assert!(details.lines().count() < 10_000, "{}", details.lines().count());
    assert_eq!(details.matches("more values, not shown").count(), 2);
    assert!(!details.contains("Lua Error"));
}

#[test]
fn a_truncated_datagram_is_marked() {
    let Some(tshark) = tshark("truncated") else { return };
    let capture = Capture::new();
    capture.add(addr(1), addr(2), &message(0, b"\x92\xa5sayhi\x91\xa5Snake"));
    // The headers of IP and UDP have 28 bytes.
    let frames = tshark.frames(&capture.with_snap_len(28 + 25), &["_ws.expert.message"], &NAMED_PORT);
    assert_eq!(frames[0].one("_ws.expert.message"), Some("not a message: the capture contains 25 of 35 bytes"));
}

#[test]
fn damaged_datagrams_cause_no_lua_error() {
    let Some(tshark) = tshark("hostile") else { return };
    let capture = Capture::new();
    let seed = 11;
    let mut rng = StdRng::seed_from_u64(seed);
    let vectors: Vec<_> = vectors().iter().map(|vector| unhex(&vector["hex"])).collect();
    for round in 0..3_000 {
        // Random bytes, or damaged datagrams of Python.
        let mut datagram = if round % 3 == 0 {
            let mut random = vec![0; rng.random_range(0..80)];
            rng.fill_bytes(&mut random);
            random
        } else {
            vectors[rng.random_range(0..vectors.len())].clone()
        };
        for _ in 0..rng.random_range(0..4) {
            if let Some(at) = datagram.len().checked_sub(1).map(|last| rng.random_range(0..=last)) {
                datagram[at] = rng.random();
            }
        }
        if rng.random_bool(0.3) {
            datagram.truncate(rng.random_range(0..=datagram.len()));
        }
        if let Some(kind) = datagram.first_mut() {
            *kind = rng.random_range(0..5);
        }
        capture.add(addr(1), addr(2), &datagram);
    }
    let details = tshark.details(&capture, &NAMED_PORT);
    let errors: Vec<_> = details.lines().filter(|line| line.contains("Lua Error")).collect();
    assert!(errors.is_empty(), "seed {seed}: {errors:#?}");
    assert!(details.contains("not a message"));
}

#[test]
fn every_field_is_documented() {
    let dissector = include_str!("../../../docs/wireshark/rpcudp.lua");
    let readme = include_str!("../../../docs/wireshark/README.md");
    let fields: Vec<_> = dissector.split("\"rpcudp.").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(fields.len() > 25, "{fields:?}");
    for field in fields {
        assert!(readme.contains(&format!("`rpcudp.{field}`")), "`rpcudp.{field}` is not in docs/wireshark/README.md");
    }
}
