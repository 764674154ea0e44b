//! Values that are bytes and nothing else, beside what the decoder makes of them.

use super::*;

#[test]
fn bytes_are_given_away_to_whoever_takes_a_buffer() {
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
fn bytes_alone_are_read_as_their_value_is() {
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
        let told = |error: DecodeError| error.to_string();
        assert_eq!(decode_bytes::<T>(bytes.into()).map_err(told), decode::<T>(&encoded).map_err(told));
    }

    for len in [0, 1, 2, 16, 300] {
        let bytes: Vec<_> = (0..len).map(|at| b'a' + (at % 26) as u8).collect();
        same::<Vec<u8>>(&bytes);
        same::<Option<Wrapped>>(&bytes);
        same::<Either>(&bytes);
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
