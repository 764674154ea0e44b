//! Values of each type, encoded and decoded.

use std::collections::HashMap;

use serde::Serializer;

use super::*;

#[test]
fn integers_take_the_shortest_form() {
    let forms: [(i128, usize); 20] = [
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
        (i128::MAX, 18),
        (i64::MIN as i128 - 1, 19),
        (i128::MIN, 19),
    ];
    for (value, len) in forms {
        assert_eq!(encoded(&value).len(), len, "{value}");
        assert_round_trip(value);
    }
    assert_round_trip(u128::MAX);
    assert_eq!(encoded(&u128::MAX), [&b"\xc4\x10"[..], &[0xff; 16]].concat());
    assert_eq!(encoded(&(i64::MIN as i128 - 1))[..11], *b"\xc4\x11\xff\xff\xff\xff\xff\xff\xff\xff\xff");
    assert_eq!(encoded(&7_u64), encoded(&7_i8));
}

#[test]
fn integers_of_128_bits_out_of_range_are_refused() {
    for value in [u128::MAX, i128::MAX as u128 + 1] {
        let error = decode::<i128>(&encoded(&value)).unwrap_err().to_string();
        assert!(error.contains("expected i128"), "{error}");
        assert!(decode_bytes::<i128>(value.to_be_bytes().into()).is_err());
    }
    for value in [i128::MIN, i64::MIN as i128 - 1] {
        assert!(decode::<u128>(&encoded(&value)).is_err());
    }
    assert!(decode::<u128>(&encoded(&-1)).is_err());
    assert_eq!(decode::<i128>(&encoded(&(i128::MAX as u128))).unwrap(), i128::MAX);
    // 17 bytes of a positive number, and other lengths.
    for bytes in [[&[0xff][..], &[0x7f; 16]].concat(), vec![0; 17], vec![0xff; 15], vec![0xff; 18], vec![]] {
        assert!(decode::<i128>(&encoded(&bytes)).is_err(), "{bytes:x?}");
    }
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

#[test]
fn structs_are_maps_and_arrays_are_accepted() {
    assert_eq!(encoded(&Point { x: 1, y: None }), b"\x82\xa1x\x01\xa1y\xc0");
    assert_eq!(decode::<Point>(b"\x92\x01\x02").unwrap(), Point { x: 1, y: Some(2) });
    assert_eq!(decode::<Point>(b"\x83\xa1z\xc0\xa1x\x01\xa1y\x02").unwrap(), Point { x: 1, y: Some(2) });
    assert_round_trip(Point { x: -1, y: Some(5) });
}

#[test]
fn units_are_nil() {
    assert_eq!(encoded(&()), b"\xc0");
    assert_eq!(encoded(&Unit), b"\xc0");
    assert_round_trip(());
    assert_round_trip(Unit);
}

#[test]
fn enums_are_names_or_maps() {
    assert_eq!(encoded(&Shape::Dot), b"\xa3Dot");
    assert_eq!(encoded(&Shape::Circle(3)), b"\x81\xa6Circle\x03");
    assert_eq!(encoded(&Shape::Line(1, 2)), b"\x81\xa4Line\x92\x01\x02");
    assert_eq!(encoded(&Shape::Box { width: 1 }), b"\x81\xa3Box\x81\xa5width\x01");
    for shape in [Shape::Dot, Shape::Circle(3), Shape::Line(1, 2), Shape::Box { width: 1 }] {
        assert_round_trip(shape);
    }
}

#[test]
fn head_of_unknown_length_is_inserted_at_the_end() {
    let flat = Flat { first: 1, rest: (0..20).map(|n| (format!("key {n:02}"), n)).collect() };
    assert_eq!(encoded(&flat)[..3], *b"\xde\x00\x15");
    assert_round_trip((7, flat, 8));

    struct Odd;
    impl Serialize for Odd {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_seq((0..10_u32).filter(|n| n % 2 == 1))
        }
    }
    assert_eq!(encoded(&Odd), b"\x95\x01\x03\x05\x07\x09");
}

#[test]
fn various_values_round_trip() {
    assert_round_trip(1.5_f32);
    assert_round_trip(f64::NEG_INFINITY);
    assert_round_trip('\u{1F600}');
    assert_round_trip(String::from("h\u{e9}llo"));
    assert_round_trip(HashMap::from([(1_u8, String::from("one"))]));
    assert_round_trip(Some(vec![Some(1_u64), None]));
    assert_round_trip((1_u8, "two".to_owned(), [3_i16; 3]));
    let addr = std::net::SocketAddr::from(([127, 0, 0, 1], 80));
    assert_round_trip(addr);
    assert_eq!(encoded(&addr), encoded("127.0.0.1:80"), "the codec is human-readable");
    assert_round_trip(std::time::Duration::from_millis(1_500));
}

#[test]
fn ignored_values_of_any_type_are_skipped() {
    assert_eq!(decode::<Point>(b"\x83\xa1z\xd4\x05a\xa1x\x01\xa1y\x02").unwrap(), Point { x: 1, y: Some(2) });
    let error = decode::<Option<u8>>(b"\xd4\x05a").unwrap_err();
    assert!(error.to_string().contains("msgpack extension"), "{error}");
}
