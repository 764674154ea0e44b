use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proptest::prelude::*;

use super::*;
use crate::codec::{decode, encode};

fn encoded(value: &impl serde::Serialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(&mut bytes, value).unwrap();
    bytes
}

fn timestamp(seconds: i64, nanoseconds: u32) -> Timestamp {
    Timestamp::new(seconds, nanoseconds).unwrap()
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
        prop::collection::vec(any::<u8>(), 0..300).prop_map(Value::from),
        (any::<i64>(), 0..1_000_000_000_u32).prop_map(|(seconds, part)| timestamp(seconds, part).into()),
        (0..1_i64 << 35, 0..2_u32).prop_map(|(seconds, part)| timestamp(seconds, part).into()),
        (any::<i8>(), prop::collection::vec(any::<u8>(), 0..300)).prop_map(|(kind, data)| Ext::new(kind, data).into()),
    ];
    leaf.prop_recursive(6, 64, 20, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..20).prop_map(Value::from),
            prop::collection::vec((inner.clone(), inner), 0..20).prop_map(Value::from),
        ]
    })
}

proptest! {
    #[test]
    fn any_value_round_trips(value in any_value()) {
        let bytes = encoded(&value);
        prop_assert_eq!(decode::<Value>(&bytes).unwrap(), value);
    }

    /// Compares with the serializer of `rmp-serde`, which has the same form of extension values.
    #[test]
    fn encoding_equals_rmp_serde(value in any_value()) {
        let bytes = rmp_serde::to_vec_named(&value).unwrap();
        prop_assert_eq!(encoded(&value), &bytes[..]);
        prop_assert_eq!(rmp_serde::from_slice::<Value>(&bytes).unwrap(), value);
    }

    #[test]
    fn system_time_round_trips(seconds in -(1_i64 << 40)..1_i64 << 40, part in 0..1_000_000_000_u32) {
        let timestamp = timestamp(seconds, part);
        let time = SystemTime::try_from(timestamp).unwrap();
        // The system may keep fewer decimals.
        let lost = if cfg!(windows) { Duration::from_nanos(100) } else { Duration::ZERO };
        let again = Timestamp::from(time);
        prop_assert!(SystemTime::try_from(again).unwrap() + lost >= time && again <= timestamp);
        if !cfg!(windows) {
            prop_assert_eq!(again, timestamp);
        }
    }
}

#[test]
fn the_integers_at_the_ends_of_system_time_do_not_panic() {
    for seconds in [i64::MIN, i64::MIN + 1, i64::MAX - 1, i64::MAX] {
        for nanoseconds in [0, 1, 999_999_999] {
            let timestamp = timestamp(seconds, nanoseconds);
            match SystemTime::try_from(timestamp) {
                Ok(time) => assert_eq!(Timestamp::from(time), timestamp),
                Err(error) => assert!(error.to_string().ends_with("is out of the range of the system's time")),
            }
            assert!(timestamp.to_string().ends_with('Z'));
        }
    }
    assert_eq!(Timestamp::new(0, 1_000_000_000), None);
    assert_eq!(Timestamp::from(UNIX_EPOCH), timestamp(0, 0));
    assert_eq!(Timestamp::from(UNIX_EPOCH - Duration::from_nanos(1)), timestamp(-1, 999_999_999));
}

#[test]
fn timestamps_print_as_in_rfc_3339() {
    let printed = [
        (0, 0, "1970-01-01T00:00:00Z"),
        (-1, 999_999_999, "1969-12-31T23:59:59.999999999Z"),
        (951_782_400, 500_000_000, "2000-02-29T00:00:00.5Z"),
        (1_709_251_199, 0, "2024-02-29T23:59:59Z"),
        (4_107_542_400, 0, "2100-03-01T00:00:00Z"),
        (253_402_300_799, 1, "9999-12-31T23:59:59.000000001Z"),
        (253_402_300_800, 0, "+10000-01-01T00:00:00Z"),
        (-62_167_219_200, 0, "0000-01-01T00:00:00Z"),
        (-62_167_219_201, 0, "-0001-12-31T23:59:59Z"),
    ];
    for (seconds, nanoseconds, expected) in printed {
        assert_eq!(timestamp(seconds, nanoseconds).to_string(), expected);
    }
}

#[test]
fn only_valid_extension_values_of_type_minus_one_are_timestamps() {
    // A billion nanoseconds, in both formats that have nanoseconds; a wrong length; another type.
    let others: [&[u8]; 4] = [
        b"\xd7\xff\xee\x6b\x28\x00\x00\x00\x00\x00",
        b"\xc7\x0c\xff\x3b\x9a\xca\x00\x00\x00\x00\x00\x00\x00\x00\x00",
        b"\xd5\xff\x00\x00",
        b"\xd6\x01\x00\x00\x00\x00",
    ];
    for bytes in others {
        assert!(matches!(decode(bytes), Ok(Value::Ext(_))), "{bytes:x?}");
        assert!(decode::<Timestamp>(bytes).unwrap_err().to_string().contains("not a timestamp: ext "), "{bytes:x?}");
        assert_eq!(encoded(&decode::<Value>(bytes).unwrap()), bytes);
    }
    assert!(decode::<Timestamp>(b"\x00").is_err());
    assert!(decode::<Ext>(b"\x92\x05\xc4\x01a").is_err(), "a pair is not an extension value");
}

#[test]
fn values_print_in_one_line() {
    let value: Value = [
        (Value::from("a\n\u{202e}"), Value::from(b"\x00\xff")),
        (5.into(), vec![Value::Nil, true.into(), 1.5.into(), u64::MAX.into(), f64::NAN.into()].into()),
        (timestamp(0, 0).into(), Ext::new(-5, b"").into()),
    ]
    .into_iter()
    .collect();
    let expected = r#"{"a\n\u{202e}": hex:00ff, 5: [nil, true, 1.5, 18446744073709551615, NaN], 1970-01-01T00:00:00Z: ext -5 hex:}"#;
    assert_eq!(value.to_string(), expected);
}

#[test]
fn integers_are_equal_as_numbers() {
    assert_eq!(Value::Unsigned(5), Value::Int(5));
    assert_eq!(Value::from(5_u64), Value::from(5_i8));
    assert_ne!(Value::Unsigned(u64::MAX), Value::Int(-1));
    assert_eq!(Value::Unsigned(u64::MAX).as_i64(), None);
    assert_eq!(Value::Int(-1).as_u64(), None);
    assert_eq!(Value::from(None::<u8>), Value::Nil);
}
