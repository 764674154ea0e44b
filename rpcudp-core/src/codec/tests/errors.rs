//! Errors of encoding and decoding, and their messages.

use serde::Serializer;
use serde::ser::{SerializeMap, SerializeSeq};

use super::*;

#[test]
fn wrong_announced_length_fails() {
    struct WrongSeq;
    impl Serialize for WrongSeq {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut seq = serializer.serialize_seq(Some(3))?;
            seq.serialize_element(&1)?;
            seq.end()
        }
    }
    assert_eq!(encode(&mut Vec::new(), &WrongSeq), Err(EncodeError::WrongLength { announced: 3, given: 1 }));

    struct WrongMap;
    impl Serialize for WrongMap {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(Some(0))?;
            map.serialize_entry("key", &1)?;
            map.end()
        }
    }
    assert_eq!(encode(&mut Vec::new(), &WrongMap), Err(EncodeError::WrongLength { announced: 0, given: 1 }));
}

#[test]
fn error_of_a_serialize_is_kept() {
    struct Failing;
    impl Serialize for Failing {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("failed on purpose"))
        }
    }
    assert_eq!(encode(&mut Vec::new(), &Failing).unwrap_err().to_string(), "failed on purpose");
}

#[test]
fn decode_errors_name_the_types() {
    let explained = [
        (decode::<u8>(b"\xa1a").unwrap_err(), "not a `u8`: invalid type: string \"a\", expected u8"),
        (decode::<u8>(b"\xcd\x01\x00").unwrap_err(), "not a `u8`: invalid value: integer `256`, expected u8"),
        (
            decode::<Vec<u32>>(b"\xc3").unwrap_err(),
            "not a `alloc::vec::Vec<u32>`: invalid type: boolean `true`, expected a sequence",
        ),
        (
            decode::<(u8, u8)>(b"\x93\x01\x02\x03").unwrap_err(),
            "not a `(u8, u8)`: invalid length 3, expected fewer elements",
        ),
        (decode::<bool>(b"\x80").unwrap_err(), "not a `bool`: invalid type: map, expected a boolean"),
        (decode::<&str>(b"\xa1\xff").unwrap_err(), "not a `&str`: invalid UTF-8 in text"),
    ];
    for (error, expected) in explained {
        assert_eq!(error.to_string(), expected);
    }
    let missing = decode::<Point>(b"\x80").unwrap_err().to_string();
    assert!(missing.ends_with("missing field `x`"), "{missing}");
}

#[test]
fn quotations_are_truncated_and_escaped() {
    #[derive(Debug, Deserialize)]
    enum Colour {
        Red,
    }
    // serde quotes an unknown variant unescaped.
    let name = format!("\u{1b}[31m{}", "x".repeat(60_000));
    let error = decode::<Colour>(&encoded(&name)).unwrap_err().to_string();
    assert!(error.contains(r"unknown variant `\u{1b}[31mxxx"), "{error}");
    assert!(error.len() < 400 && error.ends_with('…'), "{error}");
    assert!(matches!(decode(&encoded("Red")), Ok(Colour::Red)));
}

#[test]
fn argument_errors_name_the_argument() {
    let raw = |count, bytes: &'static [u8]| {
        let mut datagram = Vec::new();
        crate::Request::begin(&mut datagram, crate::Dialect::Rpcudp, "m", count);
        datagram.extend_from_slice(bytes);
        let datagram = datagram.leak();
        match crate::Frame::decode(datagram, crate::Dialect::Rpcudp) {
            Ok(crate::Frame::Request(request)) => request.arguments,
            other => panic!("{other:?}"),
        }
    };
    let mut arguments = Arguments::new(raw(2, b"\x01\xa1a"));
    assert_eq!(arguments.take::<u8>("first").unwrap(), 1);
    let error = arguments.take::<u8>("second").unwrap_err();
    assert_eq!(error.to_string(), "`second`: invalid type: string \"a\", expected u8 (argument 2)");

    let mut arguments = Arguments::new(raw(1, b"\x01"));
    assert_eq!(arguments.take::<u8>("first").unwrap(), 1);
    assert_eq!(arguments.take::<u8>("second").unwrap_err().to_string(), "`second` is missing (argument 2; 1 sent)");

    let mut arguments = Arguments::new(raw(3, b"\x01\x02\x03"));
    assert_eq!(arguments.take::<u8>("only").unwrap(), 1);
}
