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

/// Variants that accept bytes as a sequence of integers, or as any value, before one that is bytes.
mod bytes_among_other_types {
    use serde_bytes::ByteBuf;

    use super::*;
    use crate::value::{Ext, Timestamp, Value};

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum IntsFirst {
        Ints(Vec<u32>),
        Bytes(ByteBuf),
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum TextThenAny {
        Text(String),
        Any(Value),
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "kind")]
    enum Message {
        Put { value: Value, more: Vec<IntsFirst> },
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Entry {
        key: String,
        #[serde(flatten)]
        rest: BTreeMap<String, Value>,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "kind")]
    enum Borrowed<'a> {
        Put {
            #[serde(borrow)]
            bytes: &'a [u8],
            text: &'a str,
        },
    }

    /// Bytes that are not UTF-8, that are, and none.
    const SAMPLES: [&[u8]; 5] = [b"\xff\x00", b"abc", b"\x01\x02", b"", &[7; 300]];

    #[test]
    fn bytes_are_not_integers() {
        for sample in SAMPLES {
            assert_round_trip(IntsFirst::Bytes(ByteBuf::from(sample)));
            assert_round_trip(vec![Some(IntsFirst::Bytes(ByteBuf::from(sample))), Some(IntsFirst::Ints(vec![1, 2]))]);
            let bytes = encoded(&IntsFirst::Bytes(ByteBuf::from(sample)));
            let again: IntsFirst = decode_bytes(as_bytes(&bytes).unwrap().into()).unwrap();
            assert_eq!(again, IntsFirst::Bytes(ByteBuf::from(sample)));
        }
        assert_round_trip(IntsFirst::Ints(vec![1, 2]));
        assert_round_trip(IntsFirst::Ints(vec![]));
    }

    #[test]
    fn bytes_in_a_value_stay_bytes() {
        for sample in SAMPLES {
            let value: Value =
                [("a", Value::from(sample)), ("b", vec![Value::from(sample)].into())].into_iter().collect();
            assert_round_trip(Message::Put {
                value: value.clone(),
                more: vec![IntsFirst::Bytes(ByteBuf::from(sample))],
            });
            assert_round_trip(Entry { key: "k".into(), rest: BTreeMap::from([("v".into(), value)]) });
        }
    }

    #[test]
    fn extension_values_survive_the_buffer() {
        let values = vec![Ext::new(5, b"a").into(), Timestamp::new(1, 2).into(), Ext::new(-3, b"").into()];
        let value = Value::Array(values);
        assert_round_trip(Message::Put { value: value.clone(), more: vec![] });
        assert_round_trip(Entry { key: "k".into(), rest: BTreeMap::from([("v".into(), value)]) });
    }

    #[test]
    fn text_is_not_chosen_for_bytes() {
        for sample in SAMPLES {
            let bytes = encoded(&TextThenAny::Any(sample.into()));
            assert!(matches!(decode(&bytes).unwrap(), TextThenAny::Any(_)), "{sample:x?}");
        }
        assert_round_trip(TextThenAny::Text("abc".into()));
        let only_text = encoded(&Value::from_iter([("kind", "Put".into()), ("bytes", Value::from(b"a"))]));
        #[derive(Debug, Deserialize)]
        #[serde(tag = "kind")]
        enum Text {
            Put {
                #[expect(dead_code, reason = "decoding fails")]
                bytes: String,
            },
        }
        decode::<Text>(&only_text).unwrap_err();
    }

    #[test]
    fn bytes_are_borrowed_through_the_buffer() {
        for bytes in SAMPLES {
            let encoded = encoded(&Borrowed::Put { bytes, text: "t" });
            assert_eq!(decode::<Borrowed<'_>>(&encoded).unwrap(), Borrowed::Put { bytes, text: "t" });
        }
    }

    #[test]
    fn each_argument_starts_anew() {
        let mut datagram = Vec::new();
        crate::Request::begin(&mut datagram, crate::Dialect::Rpcudp, "m", 4);
        for _ in 0..2 {
            encode(&mut datagram, &IntsFirst::Bytes(ByteBuf::from(b"abc"))).unwrap();
            encode(&mut datagram, &TextFirst::Bytes(b"abc".to_vec())).unwrap();
        }
        let Ok(crate::Frame::Request(request)) = crate::Frame::decode(&datagram, crate::Dialect::Rpcudp) else {
            panic!()
        };
        let mut arguments = Arguments::new(request.arguments);
        for _ in 0..2 {
            assert_eq!(arguments.take::<IntsFirst>("a").unwrap(), IntsFirst::Bytes(ByteBuf::from(b"abc")));
            assert_eq!(arguments.take::<TextFirst>("b").unwrap(), TextFirst::Bytes(b"abc".to_vec()));
        }
    }

    #[test]
    fn bytes_longer_than_a_datagram_are_decoded() {
        assert_round_trip(TextFirst::Bytes(vec![b'a'; 70_000]));
        assert_round_trip(vec![TextFirst::Bytes(vec![b'a'; 3]), TextFirst::Bytes(vec![b'a'; 70_000])]);
    }
}
