//! Types that serde reads from a buffer of its own: untagged and internally tagged enums, flattened structs.

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
