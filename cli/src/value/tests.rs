use proptest::prelude::*;
use rpcudp_core::codec::{decode, encode};
use rpcudp_core::value::Ext;

use super::*;

fn parse(word: &str) -> Result<Value, argument::ArgumentError> {
    argument::parse(word, rpcudp_core::limits::MAX_DATAGRAM_LEN)
}

/// Generates values except NaN, which is not equal to itself.
fn value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        (i64::MAX as u64 + 1..).prop_map(Value::Unsigned),
        prop_oneof![any::<f64>(), Just(f64::INFINITY), Just(f64::NEG_INFINITY)].prop_map(Value::Float),
        "(hex:|str:|float:|json:|ext:|map:|@)?.{0,12}".prop_map(Value::Text),
        prop::collection::vec(any::<u8>(), 0..9).prop_map(Value::Bytes),
        (any::<i8>(), prop::collection::vec(any::<u8>(), 0..9))
            .prop_map(|(kind, data)| Value::Ext(Ext::new(kind, data))),
    ];
    scalar.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::vec((inner.clone(), inner), 0..5).prop_map(Value::Map),
        ]
    })
}

proptest! {
    #[test]
    fn a_value_survives_encoding(value in value()) {
        let mut bytes = Vec::new();
        encode(&mut bytes, &value).unwrap();
        prop_assert_eq!(decode::<Value>(&bytes).unwrap(), value);
    }

    #[test]
    fn a_printed_value_parses_to_the_same_value(value in value()) {
        prop_assert_eq!(parse(&value.to_string()).unwrap(), value);
    }
}

#[test]
fn values_that_json_lacks_are_tagged() {
    for (value, printed) in [
        (Value::Bytes(vec![0, 255]), r#""hex:00ff""#),
        (Value::Ext(Ext::new(-1, *b"\x00\xff")), r#""ext:-1:00ff""#),
        (Value::Text("hex:00ff".into()), r#""str:hex:00ff""#),
        (Value::Text("str:".into()), r#""str:str:""#),
        (Value::Text("@home".into()), r#""@home""#),
        (Value::Float(f64::NEG_INFINITY), r#""float:-inf""#),
        (Value::Float(1.0), "1.0"),
        (
            Value::Map(vec![(Value::Int(7), Value::Nil), (Value::Text("7".into()), Value::Nil)]),
            r#"{"json:7":null,"7":null}"#,
        ),
        (
            Value::Map(vec![(Value::Array(vec![Value::Bytes(vec![1])]), Value::Nil), (Value::Int(2), Value::Nil)]),
            r#"{"map:":[[["hex:01"],null],[2,null]]}"#,
        ),
        (Value::Map(vec![(Value::Text("map:".into()), Value::Nil)]), r#"{"str:map:":null}"#),
    ] {
        assert_eq!(value.to_string(), printed);
    }
    assert_eq!(Value::Float(f64::NAN).to_string(), r#""float:nan""#);
    assert!(matches!(parse(r#""float:nan""#).unwrap(), Value::Float(value) if value.is_nan()));
}

#[test]
fn nested_map_keys_are_printed_in_linear_size() {
    // The depth limit of a body.
    let value = (0..32).fold(Value::Nil, |key, _| Value::Map(vec![(key, Value::Nil)]));
    let printed = value.to_string();
    assert!(printed.len() < 32 * 32, "{printed}");
    assert_eq!(parse(&printed).unwrap(), value);
}

#[test]
fn control_characters_in_text_are_escaped() {
    let text = Value::Text("a\x1b[2J\u{9b}b\u{202e}c\x7f".into());
    assert_eq!(text.to_string(), r#""a\u001b[2J\u009bb\u202ec\u007f""#);
    assert_eq!(parse(&text.to_string()).unwrap(), text);
}
