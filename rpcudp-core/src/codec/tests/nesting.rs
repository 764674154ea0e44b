//! The depth limit.

use super::*;
use crate::limits::MAX_DEPTH;

/// A type that nests through enum variants, which the depth limit of `rmp-serde` does not count.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Nested {
    End,
    In(Box<Self>),
    Wide { inner: Box<Self> },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    End(u8),
    List(Vec<Self>),
}

fn nested(depth: usize) -> Nested {
    (0..depth).fold(Nested::End, |inner, _| Nested::In(Box::new(inner)))
}

#[test]
fn encoding_fails_at_the_depth_that_peers_refuse() {
    assert_round_trip(nested(MAX_DEPTH - 2));
    let too_deep = nested(MAX_DEPTH - 1);
    assert_eq!(encode(&mut Vec::new(), &too_deep), Err(EncodeError::TooDeep { limit: MAX_DEPTH - 2 }));
    let wide = (0..MAX_DEPTH / 2 - 1).fold(Nested::End, |inner, _| Nested::Wide { inner: Box::new(inner) });
    assert_round_trip(wide);
}

#[test]
fn empty_containers_are_no_level() {
    #[derive(Debug, Deserialize, PartialEq)]
    struct Nest(Vec<Self>);
    let mut expected = Nest(Vec::new());
    for _ in 0..MAX_DEPTH {
        expected = Nest(vec![expected]);
    }
    let body = [b"\x91".repeat(MAX_DEPTH), b"\x90".to_vec()].concat();
    assert_eq!(msgpack::value_len(&body), Some(body.len()));
    assert_eq!(decode::<Nest>(&body).unwrap(), expected);
    let deeper = [b"\x91", &body[..]].concat();
    assert_eq!(msgpack::value_len(&deeper), None);
    assert!(decode::<Nest>(&deeper).unwrap_err().to_string().contains("nests deeper than 32 levels"));
}

#[test]
fn deepest_legal_value_decodes_on_a_small_stack() {
    let decode_deepest = || {
        let containers = [b"\x91".repeat(MAX_DEPTH), b"\x01".to_vec()].concat();
        assert!(msgpack::value_len(&containers).is_some());
        decode::<Untagged>(&containers).unwrap();
        let variants = [b"\x81\xa2In".repeat(MAX_DEPTH), b"\xa3End".to_vec()].concat();
        assert!(msgpack::value_len(&variants).is_some());
        decode::<Nested>(&variants).unwrap();
    };
    // Half the stack of a thread of the standard library or of tokio.
    std::thread::Builder::new().stack_size(1 << 20).spawn(decode_deepest).unwrap().join().unwrap();
}
