//! Each format of the msgpack specification: decoded in every form, and encoded in the shortest.

use rpcudp_core::value::{Ext, Timestamp, Value};
use rpcudp_core::{Dialect, Frame, Request, codec};

/// A value with its formats. The first is the one that the codec writes.
struct Case {
    value: Value,
    formats: Vec<Vec<u8>>,
}

/// Builds a case from formats that each consist of a head and the same payload.
fn case(value: impl Into<Value>, heads: &[&str], payload: &[u8]) -> Case {
    let formats = heads.iter().map(|head| [&unhex(head), payload].concat()).collect();
    Case { value: value.into(), formats }
}

fn unhex(hex: &str) -> Vec<u8> {
    hex.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

fn text(len: usize) -> String {
    "abcdefghijklmnopqrstuvwxyz".chars().cycle().take(len).collect()
}

fn bytes(len: usize) -> Vec<u8> {
    (0..=255).cycle().take(len).collect()
}

fn timestamp(seconds: i64, nanoseconds: u32) -> Value {
    Timestamp::new(seconds, nanoseconds).unwrap().into()
}

fn integers() -> Vec<Case> {
    let formats: &[(i128, &[&str])] = &[
        (0, &["00", "cc 00", "cd 00 00", "ce 00 00 00 00", "cf 00 00 00 00 00 00 00 00", "d0 00", "d1 00 00"]),
        (5, &["05", "cc 05", "d0 05", "d2 00 00 00 05", "d3 00 00 00 00 00 00 00 05"]),
        (0x7f, &["7f", "cc 7f", "d0 7f", "d1 00 7f"]),
        (0x80, &["cc 80", "cd 00 80", "d1 00 80"]),
        (0xff, &["cc ff", "cd 00 ff", "ce 00 00 00 ff", "d1 00 ff", "d2 00 00 00 ff"]),
        (0x100, &["cd 01 00", "ce 00 00 01 00", "d1 01 00"]),
        (0x7fff, &["cd 7f ff", "d1 7f ff", "d2 00 00 7f ff"]),
        (0xffff, &["cd ff ff", "ce 00 00 ff ff", "d2 00 00 ff ff"]),
        (0x1_0000, &["ce 00 01 00 00", "cf 00 00 00 00 00 01 00 00", "d2 00 01 00 00", "d3 00 00 00 00 00 01 00 00"]),
        (0x7fff_ffff, &["ce 7f ff ff ff", "d2 7f ff ff ff"]),
        (0xffff_ffff, &["ce ff ff ff ff", "cf 00 00 00 00 ff ff ff ff", "d3 00 00 00 00 ff ff ff ff"]),
        (0x1_0000_0000, &["cf 00 00 00 01 00 00 00 00", "d3 00 00 00 01 00 00 00 00"]),
        (i64::MAX as i128, &["cf 7f ff ff ff ff ff ff ff", "d3 7f ff ff ff ff ff ff ff"]),
        (i64::MAX as i128 + 1, &["cf 80 00 00 00 00 00 00 00"]),
        (u64::MAX as i128, &["cf ff ff ff ff ff ff ff ff"]),
        (-1, &["ff", "d0 ff", "d1 ff ff", "d2 ff ff ff ff", "d3 ff ff ff ff ff ff ff ff"]),
        (-0x20, &["e0", "d0 e0", "d1 ff e0"]),
        (-0x21, &["d0 df", "d1 ff df"]),
        (-0x80, &["d0 80", "d1 ff 80", "d2 ff ff ff 80"]),
        (-0x81, &["d1 ff 7f", "d2 ff ff ff 7f"]),
        (-0x8000, &["d1 80 00", "d2 ff ff 80 00"]),
        (-0x8001, &["d2 ff ff 7f ff", "d3 ff ff ff ff ff ff 7f ff"]),
        (-0x8000_0000, &["d2 80 00 00 00", "d3 ff ff ff ff 80 00 00 00"]),
        (-0x8000_0001, &["d3 ff ff ff ff 7f ff ff ff"]),
        (i64::MIN as i128, &["d3 80 00 00 00 00 00 00 00"]),
    ];
    let value = |number: i128| i64::try_from(number).map_or_else(|_| Value::from(number as u64), Value::from);
    formats.iter().map(|(number, heads)| case(value(*number), heads, b"")).collect()
}

fn other_scalars() -> Vec<Case> {
    vec![
        case((), &["c0"], b""),
        case(false, &["c2"], b""),
        case(true, &["c3"], b""),
        case(0.25, &["cb 3f d0 00 00 00 00 00 00", "ca 3e 80 00 00"], b""),
        case(-2.0, &["cb c0 00 00 00 00 00 00 00", "ca c0 00 00 00"], b""),
        case(0.1, &["cb 3f b9 99 99 99 99 99 9a"], b""),
        case(f64::INFINITY, &["cb 7f f0 00 00 00 00 00 00", "ca 7f 80 00 00"], b""),
        case(f64::MIN_POSITIVE, &["cb 00 10 00 00 00 00 00 00"], b""),
    ]
}

fn texts_and_bytes() -> Vec<Case> {
    let mut cases = vec![
        case("", &["a0", "d9 00", "da 00 00", "db 00 00 00 00"], b""),
        case("Grüße, 世界 🦀", &["b4", "d9 14", "da 00 14", "db 00 00 00 14"], "Grüße, 世界 🦀".as_bytes()),
        case(b"", &["c4 00", "c5 00 00", "c6 00 00 00 00"], b""),
    ];
    let of_len: [(usize, &[&str]); 6] = [
        (31, &["bf", "d9 1f", "da 00 1f", "db 00 00 00 1f"]),
        (32, &["d9 20", "da 00 20", "db 00 00 00 20"]),
        (255, &["d9 ff", "da 00 ff"]),
        (256, &["da 01 00", "db 00 00 01 00"]),
        (65_535, &["da ff ff", "db 00 00 ff ff"]),
        (65_536, &["db 00 01 00 00"]),
    ];
    cases.extend(of_len.map(|(len, heads)| case(text(len), heads, text(len).as_bytes())));
    let of_len: [(usize, &[&str]); 4] = [
        (1, &["c4 01", "c5 00 01", "c6 00 00 00 01"]),
        (255, &["c4 ff", "c5 00 ff"]),
        (256, &["c5 01 00", "c6 00 00 01 00"]),
        (65_536, &["c6 00 01 00 00"]),
    ];
    cases.extend(of_len.map(|(len, heads)| case(bytes(len), heads, &bytes(len))));
    cases
}

fn extensions() -> Vec<Case> {
    let of_len: [(usize, i8, &[&str]); 10] = [
        (0, 5, &["c7 00 05", "c8 00 00 05", "c9 00 00 00 00 05"]),
        (1, 127, &["d4 7f", "c7 01 7f", "c8 00 01 7f"]),
        (2, 0, &["d5 00", "c7 02 00"]),
        (3, -128, &["c7 03 80", "c9 00 00 00 03 80"]),
        (4, 1, &["d6 01", "c7 04 01"]),
        (8, -2, &["d7 fe", "c7 08 fe"]),
        (16, 42, &["d8 2a", "c7 10 2a"]),
        (17, 42, &["c7 11 2a"]),
        (256, 1, &["c8 01 00 01", "c9 00 00 01 00 01"]),
        (65_536, 1, &["c9 00 01 00 00 01"]),
    ];
    of_len.map(|(len, kind, heads)| case(Ext::new(kind, bytes(len)), heads, &bytes(len))).into()
}

fn timestamps() -> Vec<Case> {
    let whole = |seconds, heads: &[&str]| case(timestamp(seconds, 0), heads, b"");
    vec![
        whole(
            0,
            &["d6 ff 00 00 00 00", "d7 ff 00 00 00 00 00 00 00 00", "c7 0c ff 00 00 00 00 00 00 00 00 00 00 00 00"],
        ),
        whole(0x5f00_0001, &["d6 ff 5f 00 00 01", "c7 04 ff 5f 00 00 01"]),
        whole((1 << 32) - 1, &["d6 ff ff ff ff ff", "d7 ff 00 00 00 00 ff ff ff ff"]),
        whole(1 << 32, &["d7 ff 00 00 00 01 00 00 00 00", "c7 0c ff 00 00 00 00 00 00 00 01 00 00 00 00"]),
        whole((1 << 34) - 1, &["d7 ff 00 00 00 03 ff ff ff ff"]),
        whole(1 << 34, &["c7 0c ff 00 00 00 00 00 00 00 04 00 00 00 00"]),
        whole(-1, &["c7 0c ff 00 00 00 00 ff ff ff ff ff ff ff ff"]),
        whole(i64::MIN, &["c7 0c ff 00 00 00 00 80 00 00 00 00 00 00 00"]),
        // The nanoseconds are in the upper 30 bits of 64: 1 << 34, and 999,999,999 << 34.
        case(timestamp(7, 1), &["d7 ff 00 00 00 04 00 00 00 07"], b""),
        case(timestamp((1 << 34) - 1, 999_999_999), &["d7 ff ee 6b 27 ff ff ff ff ff"], b""),
        case(timestamp(-1, 999_999_999), &["c7 0c ff 3b 9a c9 ff ff ff ff ff ff ff ff ff"], b""),
        case(timestamp(i64::MAX, 1), &["c7 0c ff 00 00 00 01 7f ff ff ff ff ff ff ff"], b""),
    ]
}

fn containers() -> Vec<Case> {
    let array = |len: usize| Value::from(vec![Value::Nil; len]);
    let map = |len: usize| Value::from((0..len).map(|key| (key.into(), true.into())).collect::<Vec<_>>());
    let entries = |len: usize| (0..len as u8).flat_map(|key| [key, 0xc3]).collect::<Vec<_>>();
    let nested: Value = vec![[("a", array(0)), ("b", map(0))].into_iter().collect::<Value>()].into();
    vec![
        case(array(0), &["90", "dc 00 00", "dd 00 00 00 00"], b""),
        case(array(15), &["9f", "dc 00 0f", "dd 00 00 00 0f"], &[0xc0; 15]),
        case(array(16), &["dc 00 10", "dd 00 00 00 10"], &[0xc0; 16]),
        case(array(65_535), &["dc ff ff", "dd 00 00 ff ff"], &[0xc0; 65_535]),
        case(array(65_536), &["dd 00 01 00 00"], &[0xc0; 65_536]),
        case(map(0), &["80", "de 00 00", "df 00 00 00 00"], b""),
        case(map(15), &["8f", "de 00 0f", "df 00 00 00 0f"], &entries(15)),
        case(map(16), &["de 00 10", "df 00 00 00 10"], &entries(16)),
        case(nested, &["91 82 a1 61 90 a1 62 80", "dc 00 01 de 00 02 d9 01 61 dc 00 00 d9 01 62 de 00 00"], b""),
    ]
}

fn cases() -> Vec<Case> {
    let groups = [integers(), other_scalars(), texts_and_bytes(), extensions(), timestamps(), containers()];
    groups.into_iter().flatten().collect()
}

#[test]
fn every_format_decodes() {
    for Case { value, formats } in cases() {
        for format in formats {
            let start = &format[..format.len().min(20)];
            assert_eq!(codec::decode::<Value>(&format).unwrap(), value, "{start:x?}");
            for end in (0..format.len().min(40)).chain(format.len().saturating_sub(1)..format.len()) {
                assert!(codec::decode::<Value>(&format[..end]).is_err(), "{end} bytes of {start:x?}");
            }
        }
    }
}

#[test]
fn values_are_encoded_in_the_shortest_format() {
    for Case { value, formats } in cases() {
        let mut encoded = Vec::new();
        codec::encode(&mut encoded, &value).unwrap();
        assert_eq!(encoded, formats[0], "{:.80}", value.to_string());
        // A `Value` has no 32-bit floats.
        let is_float = matches!(value, Value::Float(_));
        assert!(is_float || formats.iter().all(|format| format.len() >= encoded.len()), "{encoded:x?}");
        assert_eq!(encoded, rmp_serde::to_vec_named(&value).unwrap(), "as rmp-serde");
    }
}

#[test]
fn every_format_travels_as_an_argument_and_is_skipped() {
    for Case { value, formats } in cases() {
        for format in formats {
            let mut datagram = Vec::new();
            Request::begin(&mut datagram, Dialect::Rpcudp, "m", 3);
            datagram.extend([&format[..], &[0x07], &format].concat());
            let Ok(Frame::Request(request)) = Frame::decode(&datagram, Dialect::Rpcudp) else { panic!("{value}") };
            let mut arguments = codec::Arguments::new(request.arguments);
            arguments.take::<serde::de::IgnoredAny>("ignored").unwrap();
            assert_eq!(arguments.take::<u8>("seven").unwrap(), 7);
            assert_eq!(arguments.take::<Value>("value").unwrap(), value);
        }
    }
}

#[test]
fn the_byte_that_msgpack_never_uses_is_refused() {
    let error = codec::decode::<Value>(b"\xc1").unwrap_err();
    assert!(error.to_string().contains("reserved byte 0xc1"), "{error}");
}

/// A field of an unknown extension type must not cost the others.
#[test]
fn an_ignored_extension_value_costs_nothing_else() {
    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Person {
        name: String,
        age: u8,
    }
    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(tag = "kind")]
    enum Event {
        Born(Person),
    }
    for (ext, _) in [("d6 ff 00 00 00 01", -1), ("d4 05 61", 5), ("c7 03 80 61 62 63", -128)] {
        let fields = [&b"\xa4born"[..], &unhex(ext), b"\xa4name\xa5Snake\xa3age\x30"].concat();
        let person = || Person { name: "Snake".into(), age: 48 };
        assert_eq!(codec::decode::<Person>(&[b"\x83", &fields[..]].concat()).unwrap(), person());
        let event = [b"\x84", &fields[..], b"\xa4kind\xa4Born"].concat();
        assert_eq!(codec::decode::<Event>(&event).unwrap(), Event::Born(person()));
        let any: Value = codec::decode(&event).unwrap();
        assert_eq!(any.get("name").and_then(Value::as_str), Some("Snake"));
        let error = codec::decode::<String>(&unhex(ext)).unwrap_err().to_string();
        assert!(error.contains("msgpack extension, expected a string"), "{error}");
    }
}
