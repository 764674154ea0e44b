use std::time::Duration;

use rmpv::Value;
use rmpv::decode::read_value;
use rpcudp_core::codec::{self, Arguments, EncodeError};
use rpcudp_core::limits::{HEADER_LEN, MAX_DATAGRAM_LEN, MAX_DEPTH, MIN_DATAGRAM_LEN};
use rpcudp_core::{Dialect, DropReason, Failure, Frame, MessageId, Metadata, Request, Response, Trailer};

/// Decodes a datagram in both dialects, encodes the result again, and compares it with the reading
/// of another msgpack decoder.
pub fn datagram(bytes: &[u8]) {
    for dialect in [Dialect::Rpcudp, Dialect::Storj] {
        match Frame::decode(bytes, dialect) {
            Ok(Frame::Request(request)) => self::request(bytes, dialect, &request),
            Ok(Frame::Response(response)) => self::response(bytes, dialect, &response),
            Ok(Frame::Failure(failure)) => self::failure(bytes, &failure),
            Ok(Frame::Cancel { id }) => notice(bytes, id, Frame::encode_cancel),
            Ok(Frame::Running { id }) => notice(bytes, id, Frame::encode_running),
            Err(reason) => dropped(bytes, reason),
        }
    }
    assert_eq!(Request::quoted_id(bytes, Dialect::Rpcudp).is_some(), bytes.len() >= HEADER_LEN && bytes[0] == 0);
}

fn request(bytes: &[u8], dialect: Dialect, request: &Request<'_>) {
    let Request { id, method, arguments, remaining, response_window, metadata } = *request;
    let mut again = Vec::new();
    Request::begin(&mut again, dialect, method, arguments.count());
    Request::set_id(&mut again, id);
    again.extend_from_slice(arguments.bytes());
    let metadata = metadata.decode().unwrap_or_default();
    assert!(metadata.encoded_len() <= Metadata::MAX_LEN);
    if again.len() <= MAX_DATAGRAM_LEN - 1_000 {
        let body_len = again.len() - HEADER_LEN;
        Request::end_with_metadata(&mut again, remaining, &metadata).expect("the datagram has room");
        // This crate writes a response window only behind other fields.
        let has_trailer = again.len() > HEADER_LEN + body_len;
        if let Some(window) = response_window {
            Request::add_response_window(&mut again, body_len, window);
        }
        let Ok(Frame::Request(again)) = Frame::decode(&again, dialect) else { panic!("an encoded request decodes") };
        // The block may have been in more fields than are needed.
        assert_eq!(again.metadata.decode().unwrap_or_default(), metadata);
        let expected = Request { response_window: response_window.filter(|_| has_trailer), ..*request };
        assert_eq!(Request { metadata: request.metadata, ..again }, expected);
    }

    let Some(Value::Array(expected)) = decode_with_rmpv(bytes) else { panic!("a request is an array") };
    assert_eq!(expected[0].as_str(), Some(method));
    let Value::Array(expected) = &expected[1] else { panic!("arguments are an array") };
    assert_eq!(expected.len(), arguments.count() as usize);
    let mut arguments = Arguments::new(arguments);
    for expected in expected {
        let taken = arguments.take::<Value>("argument");
        assert_eq!(taken.is_ok(), is_readable(expected), "{expected}");
        // After an argument that did not decode, the decoder's position is unspecified.
        let Ok(taken) = taken else { return };
        assert_same(&taken, expected);
    }
    assert!(arguments.take::<u8>("missing").is_err());
    assert_eq!(arguments.take::<Option<u8>>("missing").unwrap(), None);
}

fn response(bytes: &[u8], dialect: Dialect, response: &Response<'_>) {
    let mut again = Vec::new();
    Response::begin(&mut again, dialect, response.id);
    again.extend_from_slice(response.body);
    assert_eq!(Frame::decode(&again, dialect), Ok(Frame::Response(*response)));
    if dialect == Dialect::Rpcudp {
        Trailer::end_response(&mut again, 0, Some(Duration::from_secs(1)), true, usize::MAX);
        assert_eq!(Frame::decode(&again, dialect), Ok(Frame::Response(*response)));
    }

    let expected = decode_with_rmpv(bytes).expect("a response is a value");
    let decoded = codec::decode::<Value>(response.body);
    assert_eq!(decoded.is_ok(), is_readable(&expected), "{expected}");
    if let Ok(decoded) = decoded {
        assert_same(&decoded, &expected);
    }
}

fn failure(bytes: &[u8], failure: &Failure<'_>) {
    for max_len in [0, 24, 40, bytes.len(), usize::MAX] {
        let mut again = Vec::new();
        failure.encode(&mut again, max_len);
        // The shortest is no longer than the shortest request, unless its code takes two bytes.
        let min_len = if failure.code.number() < 128 { 24 } else { 25 };
        assert!(again.len() <= max_len.max(min_len), "{} bytes, and {max_len} are allowed", again.len());
        let Ok(Frame::Failure(read)) = Frame::decode(&again, Dialect::Rpcudp) else {
            panic!("an encoded failure decodes")
        };
        assert_eq!((read.id, read.code), (failure.id, failure.code));
        if max_len == usize::MAX {
            assert_eq!(read.detail, failure.detail);
        }
        assert!(read.message.len() <= Failure::MAX_MESSAGE_LEN);
        if failure.message.len() <= Failure::MAX_MESSAGE_LEN && max_len == usize::MAX {
            assert_eq!(read.message, failure.message);
        }
    }
    let Some(Value::Array(expected)) = decode_with_rmpv(bytes) else { panic!("a failure is an array") };
    assert_eq!(expected[0].as_u64(), Some(failure.code.number().into()));
    assert_eq!(expected[1].as_str(), Some(failure.message));
    assert_eq!(expected.get(2).is_some(), failure.detail.is_some());
    if let (Some(expected), Some(detail)) = (expected.get(2), failure.detail) {
        let decoded = codec::decode::<Value>(detail);
        assert_eq!(decoded.is_ok(), is_readable(expected), "{expected}");
        if let Ok(decoded) = decoded {
            assert_same(&decoded, expected);
        }
    }
}

/// Checks a frame without content.
fn notice(bytes: &[u8], id: MessageId, encode: fn(&mut Vec<u8>, MessageId)) {
    let mut again = Vec::new();
    encode(&mut again, id);
    // Bytes after the body are ignored.
    assert!(bytes.starts_with(&again));
}

/// Checks that a dropped datagram has the defect that the reason names.
fn dropped(bytes: &[u8], reason: DropReason) {
    if reason == DropReason::TooShort {
        assert!(bytes.len() < MIN_DATAGRAM_LEN);
        return;
    }
    assert!(bytes.len() >= MIN_DATAGRAM_LEN);
    match reason {
        DropReason::UnknownKind => assert!(!matches!(bytes[0], 0..=6 | 0x81 | 0x84)),
        DropReason::OtherDialect => assert!(matches!(bytes[0], 0..=6 | 0x81 | 0x84)),
        DropReason::BadChecksum => assert!(matches!(bytes[0], 0x81 | 0x84)),
        DropReason::InvalidMsgpack => {
            // `rmpv` reads the unused marker 0xc1 as nil, and accepts deeper nesting.
            let is_valid = decode_with_rmpv(bytes).is_some_and(|value| level_count(&value, 0) <= MAX_DEPTH);
            assert!(!is_valid || bytes[HEADER_LEN..].contains(&0xc1));
        }
        DropReason::TooDeep => {
            assert!(decode_with_rmpv(bytes).is_none_or(|value| level_count(&value, 0) > MAX_DEPTH));
        }
        DropReason::WrongShape => assert!(has_wrong_shape(bytes)),
        reason => panic!("a reason that only a call or a request can have: {reason}"),
    }
}

fn has_wrong_shape(bytes: &[u8]) -> bool {
    if matches!(bytes[0], 5 | 6) {
        return decode_with_rmpv(bytes) != Some(Value::Nil);
    }
    let Some(Value::Array(fields)) = decode_with_rmpv(bytes) else { return true };
    let text = |at: usize| fields.get(at).and_then(Value::as_str);
    if matches!(bytes[0], 4 | 0x84) {
        let code = fields.first().and_then(Value::as_u64).filter(|code| *code <= u8::MAX.into());
        code.is_none() || text(1).is_none()
    } else {
        fields.len() != 2 || text(0).is_none() || !fields[1].is_array()
    }
}

fn decode_with_rmpv(bytes: &[u8]) -> Option<Value> {
    read_value(&mut &bytes[HEADER_LEN..]).ok()
}

/// Returns the nesting depth of arrays and maps. An empty array or map counts as `empty` levels.
fn level_count(value: &Value, empty: usize) -> usize {
    let deepest = match value {
        Value::Array(values) => values.iter().map(|value| level_count(value, empty)).max(),
        Value::Map(pairs) => pairs.iter().flat_map(|(key, value)| [key, value]).map(|it| level_count(it, empty)).max(),
        _ => return 0,
    };
    deepest.map_or(empty, |deepest| 1 + deepest)
}

/// Whether our decoder accepts a value. serde has no type for strings that are not UTF-8.
fn is_readable(value: &Value) -> bool {
    match value {
        Value::String(text) => text.is_str(),
        Value::Array(values) => values.iter().all(is_readable),
        Value::Map(pairs) => pairs.iter().all(|(key, value)| is_readable(key) && is_readable(value)),
        _ => true,
    }
}

/// Checks that a value equals the expected one, and that ours encodes to the same bytes.
fn assert_same(value: &Value, expected: &Value) {
    let mut other = Vec::new();
    rmpv::encode::write_value(&mut other, expected).expect("a write to a Vec succeeds");
    let mut ours = Vec::new();
    match codec::encode(&mut ours, value) {
        // Compared as bytes, because NaN does not equal itself as a value.
        Ok(()) => assert_eq!(ours, other, "{value} {expected}"),
        Err(EncodeError::TooDeep { limit }) => assert!(level_count(value, 1) > limit, "{value}"),
        Err(error) => panic!("{error}"),
    }
}
