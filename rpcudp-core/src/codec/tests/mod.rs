use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use serde::de::DeserializeOwned;
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Serialize, Serializer};

use super::*;
use crate::limits::MAX_DEPTH;
use crate::msgpack;

mod bytes;
mod properties;

fn encoded<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(&mut bytes, value).unwrap();
    assert_eq!(msgpack::value_len(&bytes), Some(bytes.len()), "one complete value");
    bytes
}

fn there_and_back<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: T) {
    let bytes = encoded(&value);
    assert_eq!(decode::<T>(&bytes).unwrap(), value, "{bytes:x?}");
}

#[test]
fn sequences_of_bytes_are_bin_even_when_empty() {
    assert_eq!(encoded(&Vec::<u8>::new()), b"\xc4\x00");
    assert_eq!(encoded(&[0_u8; 0][..]), b"\xc4\x00");
    assert_eq!(encoded(&vec![1_u8, 200]), b"\xc4\x02\x01\xc8");
    assert_eq!(encoded(&Cow::Borrowed(&[1_u8, 2][..])), b"\xc4\x02\x01\x02");
    assert_eq!(encoded(&VecDeque::from([1_u8, 2])), b"\xc4\x02\x01\x02");
    assert_eq!(encoded(&Box::<[u8]>::from([1, 2])), b"\xc4\x02\x01\x02");
    assert_eq!(encoded(&Some(vec![1_u8])), b"\xc4\x01\x01");
    assert_eq!(encoded(&vec![vec![1_u8]]), b"\x91\xc4\x01\x01");
    assert_eq!(encoded(&vec![0_u8; 256])[..3], *b"\xc5\x01\x00");
    assert_eq!(encoded(serde_bytes::Bytes::new(b"ab")), b"\xc4\x02ab");
    assert_eq!(encoded(&serde_bytes::ByteArray::new([1, 2])), b"\xc4\x02\x01\x02");
}

#[test]
fn other_sequences_are_arrays() {
    assert_eq!(encoded(&Vec::<u16>::new()), b"\x90");
    assert_eq!(encoded(&vec![1_i8, 2]), b"\x92\x01\x02");
    assert_eq!(encoded(&[1_u8, 2]), b"\x92\x01\x02", "a [u8; N] is a tuple to serde");
    assert_eq!(encoded(&(1_u8, 2_u8)), b"\x92\x01\x02");
    assert_eq!(encoded(&vec![true]), b"\x91\xc3");
    assert_eq!(encoded(&BTreeSet::from([300_u16])), b"\x91\xcd\x01\x2c");
}

#[test]
fn a_sequence_whose_first_element_looks_like_a_byte_is_no_bytes() {
    #[derive(Serialize)]
    #[serde(untagged)]
    enum Mixed {
        Byte(u8),
        Text(&'static str),
    }
    assert_eq!(encoded(&vec![Mixed::Byte(1), Mixed::Text("a")]), b"\x92\x01\xa1a");
}

#[test]
fn bytes_are_borrowed_from_bin_and_copied_from_an_array() {
    assert_eq!(decode::<&[u8]>(b"\xc4\x02\x01\x02").unwrap(), [1, 2]);
    assert_eq!(decode::<&[u8]>(b"\xc4\x00").unwrap(), b"");
    assert!(decode::<&[u8]>(b"\x92\x01\x02").is_err());
    assert_eq!(decode::<Vec<u8>>(b"\x92\x01\x02").unwrap(), [1, 2]);
    assert_eq!(decode::<[u8; 2]>(b"\xc4\x02\x01\x02").unwrap(), [1, 2]);
    assert_eq!(decode::<&str>(b"\xa2hi").unwrap(), "hi");
}

#[test]
fn integers_take_the_shortest_form() {
    let forms: [(i128, usize); 18] = [
        (0, 1),
        (127, 1),
        (128, 2),
        (255, 2),
        (256, 3),
        (65_535, 3),
        (65_536, 5),
        (u32::MAX.into(), 5),
        (1 << 32, 9),
        (u64::MAX.into(), 9),
        (u64::MAX as i128 + 1, 18),
        (-1, 1),
        (-32, 1),
        (-33, 2),
        (-129, 3),
        (-32_769, 5),
        (i64::MIN.into(), 9),
        (i64::MIN as i128 - 1, 18),
    ];
    for (value, len) in forms {
        assert_eq!(encoded(&value).len(), len, "{value}");
        there_and_back(value);
    }
    there_and_back(u128::MAX);
    assert_eq!(encoded(&7_u64), encoded(&7_i8));
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Point {
    x: i32,
    y: Option<i32>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Unit;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Dot,
    Circle(u32),
    Line(u8, u8),
    Box { width: u8 },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Flat {
    first: u8,
    #[serde(flatten)]
    rest: BTreeMap<String, u8>,
}

#[test]
fn structs_are_maps_and_arrays_are_accepted() {
    assert_eq!(encoded(&Point { x: 1, y: None }), b"\x82\xa1x\x01\xa1y\xc0");
    assert_eq!(decode::<Point>(b"\x92\x01\x02").unwrap(), Point { x: 1, y: Some(2) });
    assert_eq!(decode::<Point>(b"\x83\xa1z\xc0\xa1x\x01\xa1y\x02").unwrap(), Point { x: 1, y: Some(2) });
    there_and_back(Point { x: -1, y: Some(5) });
}

#[test]
fn units_are_nil() {
    assert_eq!(encoded(&()), b"\xc0");
    assert_eq!(encoded(&Unit), b"\xc0");
    there_and_back(());
    there_and_back(Unit);
}

#[test]
fn enums_are_names_or_maps() {
    assert_eq!(encoded(&Shape::Dot), b"\xa3Dot");
    assert_eq!(encoded(&Shape::Circle(3)), b"\x81\xa6Circle\x03");
    assert_eq!(encoded(&Shape::Line(1, 2)), b"\x81\xa4Line\x92\x01\x02");
    assert_eq!(encoded(&Shape::Box { width: 1 }), b"\x81\xa3Box\x81\xa5width\x01");
    for shape in [Shape::Dot, Shape::Circle(3), Shape::Line(1, 2), Shape::Box { width: 1 }] {
        there_and_back(shape);
    }
}

#[test]
fn a_map_of_unknown_length_gets_its_head_in_the_end() {
    let flat = Flat { first: 1, rest: (0..20).map(|n| (format!("key {n:02}"), n)).collect() };
    assert_eq!(encoded(&flat)[..3], *b"\xde\x00\x15");
    there_and_back((7, flat, 8));

    struct Odd;
    impl Serialize for Odd {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_seq((0..10_u32).filter(|n| n % 2 == 1))
        }
    }
    assert_eq!(encoded(&Odd), b"\x95\x01\x03\x05\x07\x09");
}

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
fn assorted_values_come_back() {
    there_and_back(1.5_f32);
    there_and_back(f64::NEG_INFINITY);
    there_and_back('\u{1F600}');
    there_and_back(String::from("h\u{e9}llo"));
    there_and_back(HashMap::from([(1_u8, String::from("one"))]));
    there_and_back(Some(vec![Some(1_u64), None]));
    there_and_back((1_u8, "two".to_owned(), [3_i16; 3]));
    there_and_back(std::net::SocketAddr::from(([127, 0, 0, 1], 80)));
    there_and_back(std::time::Duration::from_millis(1_500));
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum TextFirst {
    Text(String),
    Bytes(Vec<u8>),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum BytesFirst {
    #[serde(with = "serde_bytes")]
    Bytes(Vec<u8>),
    Array(serde_bytes::ByteArray<2>),
    Int(i64),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    Blob { bytes: Vec<u8>, array: [u8; 2] },
    Nested(Inner),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "content")]
enum Adjacent {
    Blob(Vec<u8>),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Inner {
    hash: Vec<u8>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Outer {
    number: u8,
    #[serde(flatten)]
    inner: Inner,
}

#[test]
fn bytes_come_back_from_what_serde_keeps_for_later() {
    there_and_back(TextFirst::Bytes(vec![1, 2]));
    there_and_back(TextFirst::Bytes(vec![]));
    there_and_back(BytesFirst::Bytes(vec![1, 200]));
    there_and_back(BytesFirst::Int(7));
    there_and_back(Tagged::Blob { bytes: vec![1, 2, 3], array: [4, 5] });
    there_and_back(Tagged::Nested(Inner { hash: vec![1, 2, 3] }));
    there_and_back(Adjacent::Blob(vec![1, 2, 3]));
    there_and_back(Outer { number: 1, inner: Inner { hash: vec![2, 3] } });
    there_and_back(vec![vec![TextFirst::Bytes(vec![7])]]);
}

#[test]
fn text_and_bytes_do_not_pass_for_each_other() {
    // Bytes that spell a text, and a text whose letters are bytes.
    there_and_back(TextFirst::Bytes(b"abc".to_vec()));
    there_and_back(TextFirst::Text("abc".into()));
    assert!(decode::<String>(b"\xc4\x01a").is_err());
    assert!(decode::<&str>(b"\xc4\x01a").is_err());
    assert!(decode::<char>(b"\xc4\x01a").is_err());
    assert!(decode::<Vec<u8>>(b"\xa1a").is_err());
    assert!(decode::<&[u8]>(b"\xa1a").is_err());
    assert!(decode::<serde_bytes::ByteBuf>(b"\xa1a").is_err());
    let error = decode::<&[u8]>(b"\xa1a").unwrap_err();
    assert_eq!(error.to_string(), "not a `&[u8]`: invalid type: string \"a\", expected a borrowed byte array");
}

#[test]
fn what_is_ignored_is_skipped_whatever_it_is() {
    assert_eq!(decode::<Point>(b"\x83\xa1z\xd4\x05a\xa1x\x01\xa1y\x02").unwrap(), Point { x: 1, y: Some(2) });
    let error = decode::<Option<u8>>(b"\xd4\x05a").unwrap_err();
    assert!(error.to_string().contains("msgpack extension"), "{error}");
}

/// What a peer could make us recurse through: plain containers and the enum path, which rmp-serde does not count.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Nested {
    End,
    In(Box<Self>),
    Wide { inner: Box<Self> },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    End(u8),
    List(Vec<Self>),
}

fn nested(depth: usize) -> Nested {
    (0..depth).fold(Nested::End, |inner, _| Nested::In(Box::new(inner)))
}

#[test]
fn nesting_is_refused_before_the_peer_would_refuse_it() {
    there_and_back(nested(MAX_DEPTH - 2));
    let too_deep = nested(MAX_DEPTH - 1);
    assert_eq!(encode(&mut Vec::new(), &too_deep), Err(EncodeError::TooDeep { limit: MAX_DEPTH - 2 }));
    let wide = (0..MAX_DEPTH / 2 - 1).fold(Nested::End, |inner, _| Nested::Wide { inner: Box::new(inner) });
    there_and_back(wide);
}

#[test]
fn what_is_empty_may_lie_in_the_last_level() {
    #[derive(Debug, Deserialize, PartialEq)]
    struct Nest(Vec<Self>);
    let mut expected = Nest(Vec::new());
    for _ in 0..MAX_DEPTH {
        expected = Nest(vec![expected]);
    }
    let body = [b"\x91".repeat(MAX_DEPTH), b"\x90".to_vec()].concat();
    assert_eq!(msgpack::value_len(&body), Some(body.len()));
    assert_eq!(decode::<Nest>(&body).unwrap(), expected);
    let deeper = [b"\x91", &body[..]].concat();
    assert_eq!(msgpack::value_len(&deeper), None);
    assert!(decode::<Nest>(&deeper).unwrap_err().to_string().contains("nests deeper than 32 levels"));
}

#[test]
fn the_deepest_legal_value_decodes_on_a_small_stack() {
    let decode_deepest = || {
        let containers = [b"\x91".repeat(MAX_DEPTH), b"\x01".to_vec()].concat();
        assert!(msgpack::value_len(&containers).is_some());
        decode::<Untagged>(&containers).unwrap();
        let variants = [b"\x81\xa2In".repeat(MAX_DEPTH), b"\xa3End".to_vec()].concat();
        assert!(msgpack::value_len(&variants).is_some());
        decode::<Nested>(&variants).unwrap();
    };
    // Half of what a thread of the standard library or of tokio has.
    std::thread::Builder::new().stack_size(1 << 20).spawn(decode_deepest).unwrap().join().unwrap();
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
