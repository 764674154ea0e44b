//! What is refused, and how that is explained.

use serde::Serializer;
use serde::ser::{SerializeMap, SerializeSeq};

use super::*;

#[test]
fn a_sequence_that_lies_about_its_length_is_refused() {
    struct Liar;
    impl Serialize for Liar {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut seq = serializer.serialize_seq(Some(3))?;
            seq.serialize_element(&1)?;
            seq.end()
        }
    }
    assert_eq!(encode(&mut Vec::new(), &Liar), Err(EncodeError::WrongLength { announced: 3, given: 1 }));

    struct MapLiar;
    impl Serialize for MapLiar {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(Some(0))?;
            map.serialize_entry("key", &1)?;
            map.end()
        }
    }
    assert_eq!(encode(&mut Vec::new(), &MapLiar), Err(EncodeError::WrongLength { announced: 0, given: 1 }));
}

#[test]
fn a_type_that_refuses_says_why() {
    struct Shy;
    impl Serialize for Shy {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("not today"))
        }
    }
    assert_eq!(encode(&mut Vec::new(), &Shy).unwrap_err().to_string(), "not today");
}

#[test]
fn what_does_not_decode_is_explained() {
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
        (decode::<&str>(b"\xa1\xff").unwrap_err(), "not a `&str`: text that is not UTF-8"),
    ];
    for (error, expected) in explained {
        assert_eq!(error.to_string(), expected);
    }
    let missing = decode::<Point>(b"\x80").unwrap_err().to_string();
    assert!(missing.ends_with("missing field `x`"), "{missing}");
}

#[test]
fn what_a_stranger_sent_is_quoted_in_part_and_without_control_characters() {
    #[derive(Debug, Deserialize)]
    enum Colour {
        Red,
    }
    // serde names an unknown variant as it came.
    let name = format!("\u{1b}[31m{}", "x".repeat(60_000));
    let error = decode::<Colour>(&encoded(&name)).unwrap_err().to_string();
    assert!(error.contains(r"unknown variant `\u{1b}[31mxxx"), "{error}");
    assert!(error.len() < 400 && error.ends_with('…'), "{error}");
    assert!(matches!(decode(&encoded("Red")), Ok(Colour::Red)));
}

#[test]
fn arguments_are_named_where_they_fail() {
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
    assert_eq!(arguments.take::<u8>("second").unwrap_err().to_string(), "`second` is missing (argument 2; 1 came)");

    let mut arguments = Arguments::new(raw(3, b"\x01\x02\x03"));
    assert_eq!(arguments.take::<u8>("only").unwrap(), 1);
}
