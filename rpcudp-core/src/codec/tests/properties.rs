//! Values of all kinds and bytes of all kinds, beside what `rmp-serde` makes of them.

use proptest::prelude::*;

use super::nesting::Nested;
use super::*;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Any {
    Nothing(()),
    Truth(bool),
    Signed(i64),
    Unsigned(u64),
    Real(f64),
    Text(String),
    List(Vec<Self>),
    Map(BTreeMap<String, Self>),
}

fn any_value() -> impl Strategy<Value = Any> {
    let leaf = prop_oneof![
        Just(Any::Nothing(())),
        any::<bool>().prop_map(Any::Truth),
        any::<i64>().prop_map(Any::Signed),
        (i64::MAX as u64 + 1..).prop_map(Any::Unsigned),
        any::<f64>().prop_map(Any::Real),
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
    fn any_value_comes_back(value in any_value()) {
        there_and_back(value);
    }

    /// The naive version: rmp-serde's own serializer, where the two agree on what bytes are.
    #[test]
    fn writes_what_rmp_serde_writes(value in any_value()) {
        prop_assert_eq!(encoded(&value), rmp_serde::to_vec_named(&value).unwrap());
    }

    #[test]
    fn bytes_are_written_as_rmp_serde_writes_serde_bytes(bytes in prop::collection::vec(any::<u8>(), 0..70_000)) {
        prop_assert_eq!(encoded(&bytes), rmp_serde::to_vec(serde_bytes::Bytes::new(&bytes)).unwrap());
        there_and_back(bytes);
    }

    /// The naive version: rmp-serde's own deserializer, where it is right.
    #[test]
    fn reads_what_rmp_serde_reads(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        fn same<'de, T: Deserialize<'de> + PartialEq + std::fmt::Debug>(bytes: &'de [u8]) {
            if msgpack::value_len(bytes).is_some() {
                assert_eq!(decode::<T>(bytes).ok(), rmp_serde::from_slice(bytes).ok(), "{bytes:x?}");
            }
        }
        same::<u8>(&bytes);
        same::<i32>(&bytes);
        same::<Option<bool>>(&bytes);
        // A bin that is too long for a tuple, it takes the beginning of.
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
