//! Types for which serde buffers values: untagged and internally tagged enums, flattened structs.

use super::*;

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
fn bytes_round_trip_through_buffered_values() {
    assert_round_trip(TextFirst::Bytes(vec![1, 2]));
    assert_round_trip(TextFirst::Bytes(vec![]));
    assert_round_trip(BytesFirst::Bytes(vec![1, 200]));
    assert_round_trip(BytesFirst::Int(7));
    assert_round_trip(Tagged::Blob { bytes: vec![1, 2, 3], array: [4, 5] });
    assert_round_trip(Tagged::Nested(Inner { hash: vec![1, 2, 3] }));
    assert_round_trip(Adjacent::Blob(vec![1, 2, 3]));
    assert_round_trip(Outer { number: 1, inner: Inner { hash: vec![2, 3] } });
    assert_round_trip(vec![vec![TextFirst::Bytes(vec![7])]]);
}

#[test]
fn text_and_bytes_are_not_accepted_for_each_other() {
    // Bytes that are valid UTF-8, and a text.
    assert_round_trip(TextFirst::Bytes(b"abc".to_vec()));
    assert_round_trip(TextFirst::Text("abc".into()));
    assert!(decode::<String>(b"\xc4\x01a").is_err());
    assert!(decode::<&str>(b"\xc4\x01a").is_err());
    assert!(decode::<char>(b"\xc4\x01a").is_err());
    assert!(decode::<Vec<u8>>(b"\xa1a").is_err());
    assert!(decode::<&[u8]>(b"\xa1a").is_err());
    assert!(decode::<serde_bytes::ByteBuf>(b"\xa1a").is_err());
    let error = decode::<&[u8]>(b"\xa1a").unwrap_err();
    assert_eq!(error.to_string(), "not a `&[u8]`: invalid type: string \"a\", expected a borrowed byte array");
}
