//! The bound on the attempts to decode untagged enums.

use std::panic::catch_unwind;

use super::*;
use crate::RawArguments;

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Recursive {
    #[expect(dead_code, reason = "never decoded")]
    First((Box<Self>, u8)),
    #[expect(dead_code, reason = "never decoded")]
    Second((Box<Self>, u16)),
    #[expect(dead_code, reason = "never decoded")]
    Third((Box<Self>, bool)),
    #[expect(dead_code, reason = "never decoded")]
    Leaf(u8),
}

#[derive(Debug, Deserialize, Serialize, PartialEq)]
#[serde(untagged)]
enum Any {
    Number(f64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Self>),
    Map(BTreeMap<String, Self>),
}

/// Returns pairs within pairs, whose second elements no variant accepts.
fn nested(depth: usize) -> Vec<u8> {
    [b"\x92".repeat(depth), b"\x07".to_vec(), b"\xc0".repeat(depth)].concat()
}

#[test]
fn recursive_untagged_enum_is_malformed_after_too_many_attempts() {
    // Without the bound, the last of these takes 3^31 attempts.
    for depth in [10, 14, 31] {
        let bytes = nested(depth);
        let error = decode::<Recursive>(&bytes).unwrap_err().to_string();
        assert!(error.ends_with("too many variants of an untagged enum to try"), "{error}");
        let mut arguments = Arguments::new(RawArguments::new(1, &bytes));
        let error = arguments.take::<Recursive>("tree").unwrap_err().to_string();
        assert_eq!(error, "`tree`: too many variants of an untagged enum to try (argument 1)");
    }
    // The next decoding has all its attempts.
    let error = decode::<Recursive>(&nested(3)).unwrap_err().to_string();
    assert!(error.ends_with("data did not match any variant of untagged enum Recursive"), "{error}");
}

#[test]
fn values_of_untagged_enums_have_enough_attempts() {
    let map = Any::Map((0..8_000).map(|key| (key.to_string(), Any::Map(BTreeMap::new()))).collect());
    // Each element takes four failed attempts, and one byte.
    let list = Any::List((0..60_000).map(|_| Any::Map(BTreeMap::new())).collect());
    let deep = (0..20).fold(Any::Number(0.5), |inner, _| Any::List(vec![inner]));
    for value in [map, list, deep] {
        let mut bytes = Vec::new();
        encode(&mut bytes, &value).unwrap();
        assert!(decode::<Any>(&bytes).unwrap() == value, "{} bytes", bytes.len());
    }
}

#[test]
fn panic_of_a_deserialize_goes_on() {
    #[derive(Debug)]
    struct Panics;

    impl<'de> Deserialize<'de> for Panics {
        fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            panic!("while decoding")
        }
    }

    let payload = catch_unwind(|| decode::<Panics>(b"\xc0")).unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"while decoding"));
    assert!(decode::<Recursive>(&nested(10)).is_err());
}
