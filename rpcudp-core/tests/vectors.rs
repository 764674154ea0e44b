//! Comparison with the datagrams that Python's rpcudp produced (`vectors/generate.py`), byte for
//! byte, and tests with damaged ones.

use rpcudp_core::limits::MAX_REQUEST_BODY_LEN;
use rpcudp_core::{Dialect, DropReason, Frame, MessageId, Request, Response, codec};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value as Json;

/// A value that Python can send.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Nil,
    Bool(bool),
    Int(i128),
    Float(f64),
    Str(String),
    Bin(Vec<u8>),
    List(Vec<Self>),
    Map(Vec<(Self, Self)>),
}

struct Vector {
    kind: String,
    id: MessageId,
    datagram: Vec<u8>,
    method: String,
    values: Vec<Value>,
}

fn rows() -> Vec<Json> {
    let file: Json = serde_json::from_str(include_str!("vectors/rpcudp.json")).unwrap();
    file["rows"].as_array().unwrap().clone()
}

fn vectors() -> Vec<Vector> {
    let datagrams = rows().into_iter().filter(|row| row["kind"] != "limit");
    let vectors: Vec<_> = datagrams
        .map(|row| Vector {
            kind: text(&row["kind"]),
            id: MessageId::from_bytes(unhex(&row["id"]).try_into().unwrap()),
            datagram: unhex(&row["hex"]),
            method: row["method"].as_str().unwrap_or_default().into(),
            values: match row["args"].as_array() {
                Some(args) => args.iter().map(Value::from_json).collect(),
                None => vec![Value::from_json(&row["value"])],
            },
        })
        .collect();
    assert_eq!(vectors.len(), 37, "the number of datagrams in the file");
    vectors
}

#[test]
fn datagrams_are_encoded_as_by_python() {
    for vector in vectors() {
        let mut datagram = Vec::new();
        if vector.kind == "request" {
            let count = vector.values.len() as u32;
            Request::begin(&mut datagram, Dialect::Rpcudp, &vector.method, count);
            Request::set_id(&mut datagram, vector.id);
        } else {
            Response::begin(&mut datagram, Dialect::Rpcudp, vector.id);
        }
        for value in &vector.values {
            codec::encode(&mut datagram, value).unwrap();
        }
        assert_eq!(datagram, vector.datagram, "{} {}", vector.kind, vector.method);
    }
}

#[test]
fn datagrams_of_python_are_decoded() {
    for vector in vectors() {
        match Frame::decode(&vector.datagram, Dialect::Rpcudp).unwrap() {
            Frame::Request(request) => {
                assert_eq!((request.id, request.method), (vector.id, &*vector.method));
                let mut arguments = codec::Arguments::new(request.arguments);
                assert_eq!(request.arguments.count() as usize, vector.values.len());
                for value in &vector.values {
                    assert_eq!(arguments.take::<Value>("value").unwrap(), *value);
                }
            }
            Frame::Response(response) => {
                assert_eq!(response.id, vector.id);
                assert_eq!(codec::decode::<Value>(response.body).unwrap(), vector.values[0]);
            }
            Frame::Failure(_) | Frame::Cancel { .. } | Frame::Running { .. } => {
                panic!("Python sends only requests and responses")
            }
        }
    }
}

#[test]
fn storj_dialect_differs_only_in_the_first_byte() {
    for vector in vectors() {
        let mut datagram = vector.datagram.clone();
        assert_eq!(Frame::decode(&datagram, Dialect::Storj), Err(DropReason::OtherDialect));
        datagram[0] += 2;
        let frame = Frame::decode(&datagram, Dialect::Storj).unwrap();
        assert_eq!(frame, Frame::decode(&vector.datagram, Dialect::Rpcudp).unwrap());
    }
}

#[test]
fn request_limit_equals_that_of_python() {
    let row = rows().into_iter().find(|row| row["kind"] == "limit").unwrap();
    let mut datagram = Vec::new();
    Request::begin(&mut datagram, Dialect::Rpcudp, &text(&row["method"]), 1);
    let argument = vec![7_u8; row["largest_arg_bin_len"].as_u64().unwrap() as usize];
    codec::encode(&mut datagram, &argument).unwrap();
    assert_eq!(datagram.len() - 21, row["body_len"].as_u64().unwrap() as usize);
    assert_eq!(datagram.len() - 21, MAX_REQUEST_BODY_LEN);
}

#[test]
fn prefix_of_a_datagram_is_dropped() {
    for vector in vectors() {
        for len in 0..vector.datagram.len() {
            let expected = if len < 22 { DropReason::TooShort } else { DropReason::InvalidMsgpack };
            let frame = Frame::decode(&vector.datagram[..len], Dialect::Rpcudp);
            assert_eq!(frame, Err(expected), "{} bytes of {}", len, vector.datagram.len());
        }
    }
}

#[test]
fn datagram_with_a_changed_byte_decodes_or_is_dropped() {
    for vector in vectors() {
        // The long strings of the vectors repeat the same content, so their start is enough.
        for at in 0..vector.datagram.len().min(700) {
            let mut datagram = vector.datagram.clone();
            for byte in 0..=255 {
                datagram[at] = byte;
                match Frame::decode(&datagram, Dialect::Rpcudp) {
                    Ok(Frame::Request(request)) => {
                        let mut arguments = codec::Arguments::new(request.arguments);
                        while arguments.take::<Option<Value>>("any").is_ok_and(|value| value.is_some()) {}
                    }
                    Ok(Frame::Response(response)) => drop(codec::decode::<Value>(response.body)),
                    Ok(Frame::Failure(failure)) => drop(failure.detail.map(codec::decode::<Value>)),
                    Ok(Frame::Cancel { .. } | Frame::Running { .. }) | Err(_) => {}
                }
            }
        }
    }
}

fn text(json: &Json) -> String {
    json.as_str().unwrap().into()
}

fn unhex(json: &Json) -> Vec<u8> {
    let digits = json.as_str().unwrap();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

impl Value {
    /// Reads the output of `plain` in `generate.py`.
    fn from_json(json: &Json) -> Self {
        match json {
            Json::Null => Self::Nil,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) if number.is_f64() => Self::Float(number.as_f64().unwrap()),
            Json::Number(number) => Self::Int(number.as_i128().unwrap()),
            Json::String(value) => Self::Str(value.clone()),
            Json::Array(values) => Self::List(values.iter().map(Self::from_json).collect()),
            Json::Object(tagged) => {
                let (tag, value) = tagged.iter().next().unwrap();
                match &**tag {
                    "bin" => Self::Bin(unhex(value)),
                    "float" => Self::Float(text(value).parse().unwrap()),
                    "map" => {
                        let pairs = value.as_array().unwrap().iter();
                        Self::Map(pairs.map(|pair| (Self::from_json(&pair[0]), Self::from_json(&pair[1]))).collect())
                    }
                    other => panic!("unknown tag {other}"),
                }
            }
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Nil => serializer.serialize_none(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(value) => serializer.serialize_i128(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Str(value) => serializer.serialize_str(value),
            Self::Bin(value) => value.serialize(serializer),
            Self::List(values) => values.serialize(serializer),
            Self::Map(pairs) => {
                let mut map = serializer.serialize_map(Some(pairs.len()))?;
                pairs.iter().try_for_each(|(key, value)| map.serialize_entry(key, value))?;
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyValue;
        impl<'de> Visitor<'de> for AnyValue {
            type Value = Value;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a value")
            }
            fn visit_unit<E>(self) -> Result<Value, E> {
                Ok(Value::Nil)
            }
            fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
                Ok(Value::Bool(value))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
                Ok(Value::Int(value.into()))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
                Ok(Value::Int(value.into()))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
                Ok(Value::Float(value))
            }
            fn visit_str<E>(self, value: &str) -> Result<Value, E> {
                Ok(Value::Str(value.into()))
            }
            fn visit_bytes<E>(self, value: &[u8]) -> Result<Value, E> {
                Ok(Value::Bin(value.into()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = seq.next_element()? {
                    values.push(value);
                }
                Ok(Value::List(values))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Value::Map(pairs))
            }
        }
        deserializer.deserialize_any(AnyValue)
    }
}
