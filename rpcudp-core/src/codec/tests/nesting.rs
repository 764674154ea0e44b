//! The limit of depth.

use super::*;
use crate::limits::MAX_DEPTH;

/// What a peer could make us recurse through: plain containers and the enum path, which rmp-serde does not count.
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
fn nesting_is_refused_before_the_peer_would_refuse_it() {
    there_and_back(nested(MAX_DEPTH - 2));
    let too_deep = nested(MAX_DEPTH - 1);
    assert_eq!(encode(&mut Vec::new(), &too_deep), Err(EncodeError::TooDeep { limit: MAX_DEPTH - 2 }));
    let wide = (0..MAX_DEPTH / 2 - 1).fold(Nested::End, |inner, _| Nested::Wide { inner: Box::new(inner) });
    there_and_back(wide);
}

#[test]
fn what_is_empty_may_lie_in_the_last_level() {
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
fn the_deepest_legal_value_decodes_on_a_small_stack() {
    let decode_deepest = || {
        let containers = [b"\x91".repeat(MAX_DEPTH), b"\x01".to_vec()].concat();
        assert!(msgpack::value_len(&containers).is_some());
        decode::<Untagged>(&containers).unwrap();
        let variants = [b"\x81\xa2In".repeat(MAX_DEPTH), b"\xa3End".to_vec()].concat();
        assert!(msgpack::value_len(&variants).is_some());
        decode::<Nested>(&variants).unwrap();
    };
    // Half of what a thread of the standard library or of tokio has.
    std::thread::Builder::new().stack_size(1 << 20).spawn(decode_deepest).unwrap().join().unwrap();
}
