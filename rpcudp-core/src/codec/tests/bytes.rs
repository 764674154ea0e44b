//! Sequences of bytes, which are encoded as bin.

use std::borrow::Cow;
use std::collections::{BTreeSet, VecDeque};

use super::*;

#[test]
fn sequences_of_bytes_are_bin_even_if_empty() {
    assert_eq!(encoded(&Vec::<u8>::new()), b"\xc4\x00");
    assert_eq!(encoded(&[0_u8; 0][..]), b"\xc4\x00");
    assert_eq!(encoded(&vec![1_u8, 200]), b"\xc4\x02\x01\xc8");
    assert_eq!(encoded(&Cow::Borrowed(&[1_u8, 2][..])), b"\xc4\x02\x01\x02");
    assert_eq!(encoded(&VecDeque::from([1_u8, 2])), b"\xc4\x02\x01\x02");
    assert_eq!(encoded(&Box::<[u8]>::from([1, 2])), b"\xc4\x02\x01\x02");
    assert_eq!(encoded(&Some(vec![1_u8])), b"\xc4\x01\x01");
    assert_eq!(encoded(&vec![vec![1_u8]]), b"\x91\xc4\x01\x01");
    assert_eq!(encoded(&vec![0_u8; 256])[..3], *b"\xc5\x01\x00");
    assert_eq!(encoded(serde_bytes::Bytes::new(b"ab")), b"\xc4\x02ab");
    assert_eq!(encoded(&serde_bytes::ByteArray::new([1, 2])), b"\xc4\x02\x01\x02");
}

#[test]
fn other_sequences_are_arrays() {
    assert_eq!(encoded(&Vec::<u16>::new()), b"\x90");
    assert_eq!(encoded(&vec![1_i8, 2]), b"\x92\x01\x02");
    assert_eq!(encoded(&[1_u8, 2]), b"\x92\x01\x02", "a [u8; N] is a tuple to serde");
    assert_eq!(encoded(&(1_u8, 2_u8)), b"\x92\x01\x02");
    assert_eq!(encoded(&vec![true]), b"\x91\xc3");
    assert_eq!(encoded(&BTreeSet::from([300_u16])), b"\x91\xcd\x01\x2c");
}

#[test]
fn sequence_whose_first_element_is_a_byte_is_an_array() {
    #[derive(Serialize)]
    #[serde(untagged)]
    enum Mixed {
        Byte(u8),
        Text(&'static str),
    }
    assert_eq!(encoded(&vec![Mixed::Byte(1), Mixed::Text("a")]), b"\x92\x01\xa1a");
}

#[test]
fn bytes_are_borrowed_from_bin_and_copied_from_an_array() {
    assert_eq!(decode::<&[u8]>(b"\xc4\x02\x01\x02").unwrap(), [1, 2]);
    assert_eq!(decode::<&[u8]>(b"\xc4\x00").unwrap(), b"");
    assert!(decode::<&[u8]>(b"\x92\x01\x02").is_err());
    assert_eq!(decode::<Vec<u8>>(b"\x92\x01\x02").unwrap(), [1, 2]);
    assert_eq!(decode::<[u8; 2]>(b"\xc4\x02\x01\x02").unwrap(), [1, 2]);
    assert_eq!(decode::<&str>(b"\xa2hi").unwrap(), "hi");
}

#[test]
fn decode_bytes_moves_the_memory_into_the_value() {
    let bytes = vec![7; 100];
    let memory = bytes.as_ptr();
    let given = decode_bytes::<Vec<u8>>(bytes).unwrap();
    assert_eq!((given.as_ptr(), given.len()), (memory, 100));
    assert_eq!(decode_bytes::<Option<Vec<u8>>>(vec![1, 2]).unwrap(), Some(vec![1, 2]));
    let buffer = serde_bytes::ByteBuf::from(vec![7; 100]);
    let memory = buffer.as_ptr();
    let given = decode_bytes::<serde_bytes::ByteBuf>(buffer.into_vec()).unwrap();
    assert_eq!((given.as_ptr(), given.len()), (memory, 100));
}

#[test]
fn decode_bytes_decodes_as_decode_does() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Wrapped(Vec<u8>);
    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(untagged)]
    enum Either {
        Text(String),
        Bytes(Vec<u8>),
    }

    fn same<T: DeserializeOwned + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
        let encoded = encoded(bytes);
        assert_eq!(as_bytes(&encoded), Some(bytes));
        let message = |error: DecodeError| error.to_string();
        assert_eq!(decode_bytes::<T>(bytes.into()).map_err(message), decode::<T>(&encoded).map_err(message));
    }

    for len in [0, 1, 2, 16, 300] {
        let bytes: Vec<_> = (0..len).map(|at| b'a' + (at % 26) as u8).collect();
        same::<Vec<u8>>(&bytes);
        same::<Option<Wrapped>>(&bytes);
        same::<Either>(&bytes);
        same::<Option<Vec<Either>>>(&bytes);
        same::<crate::value::Value>(&bytes);
        same::<VecDeque<u8>>(&bytes);
        same::<Vec<u16>>(&bytes);
        same::<(u8, u8)>(&bytes);
        same::<[u8; 16]>(&bytes);
        same::<serde_bytes::ByteBuf>(&bytes);
        same::<serde_bytes::ByteArray<16>>(&bytes);
        same::<i128>(&bytes);
        same::<u128>(&bytes);
        same::<String>(&bytes);
        same::<char>(&bytes);
        same::<bool>(&bytes);
        same::<u64>(&bytes);
        same::<()>(&bytes);
        same::<BTreeMap<u8, u8>>(&bytes);
        same::<Result<u8, u8>>(&bytes);
    }
}
