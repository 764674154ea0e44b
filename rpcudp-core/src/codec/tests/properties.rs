//! Arbitrary values and arbitrary bytes, compared with `rmp-serde`.

use proptest::prelude::*;

use super::nesting::Nested;
use super::*;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Any {
    Nil(()),
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Text(String),
    List(Vec<Self>),
    Map(BTreeMap<String, Self>),
}

fn any_value() -> impl Strategy<Value = Any> {
    let leaf = prop_oneof![
        Just(Any::Nil(())),
        any::<bool>().prop_map(Any::Bool),
        any::<i64>().prop_map(Any::Signed),
        (i64::MAX as u64 + 1..).prop_map(Any::Unsigned),
        any::<f64>().prop_map(Any::Float),
        ".*".prop_map(Any::Text),
    ];
    leaf.prop_recursive(6, 64, 20, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..20).prop_map(Any::List),
            prop::collection::btree_map(".*", inner, 0..20).prop_map(Any::Map),
        ]
    })
}

proptest! {
    #[test]
    fn any_value_round_trips(value in any_value()) {
        assert_round_trip(value);
    }

    /// Compares with the serializer of `rmp-serde`, for values without bytes.
    #[test]
    fn encoding_equals_rmp_serde(value in any_value()) {
        prop_assert_eq!(encoded(&value), rmp_serde::to_vec_named(&value).unwrap());
    }

    #[test]
    fn bytes_are_encoded_as_serde_bytes(bytes in prop::collection::vec(any::<u8>(), 0..70_000)) {
        prop_assert_eq!(encoded(&bytes), rmp_serde::to_vec(serde_bytes::Bytes::new(&bytes)).unwrap());
        assert_round_trip(bytes);
    }

    /// Compares with the deserializer of `rmp-serde`, where that is right.
    #[test]
    fn decoding_equals_rmp_serde(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        fn same<'de, T: Deserialize<'de> + PartialEq + std::fmt::Debug>(bytes: &'de [u8]) {
            if msgpack::value_len(bytes).is_some() {
                assert_eq!(decode::<T>(bytes).ok(), rmp_serde::from_slice(bytes).ok(), "{bytes:x?}");
            }
        }
        same::<u8>(&bytes);
        same::<i32>(&bytes);
        same::<Option<bool>>(&bytes);
        // `rmp-serde` accepts a bin that is too long for a tuple.
        if !matches!(bytes.first(), Some(0xc4..=0xc6)) {
            same::<(u8, i16)>(&bytes);
            same::<Point>(&bytes);
        }
        same::<Vec<u16>>(&bytes);
        same::<BTreeMap<u8, bool>>(&bytes);
    }

    #[test]
    fn no_bytes_panic_the_decoder(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode::<Any>(&bytes);
        let _ = decode::<Nested>(&bytes);
        let _ = decode::<Flat>(&bytes);
        let _ = decode::<(u8, Vec<u8>, String)>(&bytes);
    }
}
