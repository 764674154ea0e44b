use std::time::Duration;

use proptest::prelude::*;

use super::*;

const ID: MessageId = MessageId::from_bytes(*b"twenty bytes of id..");

fn datagram(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], ID.as_bytes(), body].concat()
}

#[test]
fn datagram_without_a_body_is_too_short() {
    for len in 0..22 {
        assert_eq!(Frame::decode(&vec![0; len], Dialect::Rpcudp), Err(DropReason::TooShort));
    }
}

#[test]
fn dialects_have_different_kinds_and_recognize_the_other() {
    for kind in 0..=255 {
        let bytes = datagram(kind, b"\x92\xa1m\x90");
        let rpcudp = Frame::decode(&bytes, Dialect::Rpcudp);
        let storj = Frame::decode(&bytes, Dialect::Storj);
        match kind {
            0 => assert!(matches!((rpcudp, storj), (Ok(Frame::Request(_)), Err(DropReason::OtherDialect)))),
            1 => assert!(matches!((rpcudp, storj), (Ok(Frame::Response(_)), Err(DropReason::OtherDialect)))),
            2 => assert!(matches!((rpcudp, storj), (Err(DropReason::OtherDialect), Ok(Frame::Request(_))))),
            3 => assert!(matches!((rpcudp, storj), (Err(DropReason::OtherDialect), Ok(Frame::Response(_))))),
            4 => assert_eq!((rpcudp, storj), (Err(DropReason::WrongShape), Err(DropReason::OtherDialect))),
            5 | 6 => assert_eq!((rpcudp, storj), (Err(DropReason::WrongShape), Err(DropReason::OtherDialect))),
            0x81 | 0x84 => assert_eq!((rpcudp, storj), (Err(DropReason::BadChecksum), Err(DropReason::OtherDialect))),
            _ => assert_eq!((rpcudp, storj), (Err(DropReason::UnknownKind), Err(DropReason::UnknownKind))),
        }
    }
}

#[test]
fn cancel_frame_is_an_id_and_nil() {
    let mut bytes = Vec::new();
    Frame::encode_cancel(&mut bytes, ID);
    assert_eq!(bytes, datagram(5, b"\xc0"));
    assert_eq!(bytes.len(), 22);
    assert_eq!(Frame::decode(&bytes, Dialect::Rpcudp), Ok(Frame::Cancel { id: ID }));
    assert!(Frame::is_cancel(&bytes, Dialect::Rpcudp) && !Frame::is_cancel(&bytes, Dialect::Storj));
    assert_eq!(Frame::response_id(&bytes, Dialect::Rpcudp), None, "it is no response");
    assert!(!Frame::is_request(&bytes, Dialect::Rpcudp));

    let with_more = datagram(5, b"\xc0bytes of a later version");
    assert_eq!(Frame::decode(&with_more, Dialect::Rpcudp), Ok(Frame::Cancel { id: ID }));
    assert_eq!(Frame::decode(&datagram(5, b"\x90"), Dialect::Rpcudp), Err(DropReason::WrongShape));
    assert_eq!(Frame::decode(&bytes, Dialect::Storj), Err(DropReason::OtherDialect));
}

#[test]
fn running_frame_is_an_id_and_nil() {
    let mut bytes = Vec::new();
    Frame::encode_running(&mut bytes, ID);
    assert_eq!(bytes, datagram(6, b"\xc0"));
    assert_eq!(bytes.len(), 22);
    assert_eq!(Frame::decode(&bytes, Dialect::Rpcudp), Ok(Frame::Running { id: ID }));
    assert_eq!(Frame::response_id(&bytes, Dialect::Rpcudp), Some(ID));
    assert_eq!(Frame::response_id(&bytes, Dialect::Storj), None);
    assert!(!Frame::is_request(&bytes, Dialect::Rpcudp));

    let with_more = datagram(6, b"\xc0bytes of a later version");
    assert_eq!(Frame::decode(&with_more, Dialect::Rpcudp), Ok(Frame::Running { id: ID }));
    assert_eq!(Frame::decode(&datagram(6, b"\x90"), Dialect::Rpcudp), Err(DropReason::WrongShape));
    assert_eq!(Frame::decode(&bytes, Dialect::Storj), Err(DropReason::OtherDialect));
}

#[test]
fn request_is_a_name_and_an_array() {
    let shapes: [(&[u8], bool); 9] = [
        (b"\x92\xa1m\x90", true),
        (b"\x92\xa0\x91\xc0", true),
        (b"\x91\xa1m", false),
        (b"\x93\xa1m\x90\xc0", false),
        (b"\x92\xc4\x01m\x90", false),
        (b"\x92\xa1m\x80", false),
        (b"\x92\x01\x90", false),
        (b"\xc0", false),
        (b"\x92\xa1\xff\x90", false),
    ];
    for (body, legal) in shapes {
        match Frame::decode(&datagram(0, body), Dialect::Rpcudp) {
            Ok(Frame::Request(request)) if legal => assert_eq!(request.id, ID),
            Err(DropReason::WrongShape) if !legal => {}
            other => panic!("{body:x?}: {other:?}"),
        }
    }
}

#[test]
fn request_longer_than_a_datagram_has_room_for_a_trailer() {
    let mut metadata = Metadata::default();
    metadata.set("key", "value").unwrap();
    let (remaining, room) = (Duration::from_secs(5), 65_507 - 10);
    for (len, has_room) in [(room, true), (room + 1, false), (65_507, false), (65_508, true), (1 << 24, true)] {
        let mut bytes = vec![0; len];
        Request::end(&mut bytes, remaining);
        assert_eq!(bytes.len(), len + if has_room { 10 } else { 0 });
        assert_eq!(Request::end_with_metadata(&mut bytes, None, &metadata).is_ok(), len > 65_507, "{len}");
    }
}

#[test]
fn id_of_a_quoted_request_needs_the_whole_header() {
    let request = datagram(0, b"\x92\xa1m\x90");
    for len in 0..request.len() {
        let expected = (len >= 21).then_some(ID);
        assert_eq!(Request::quoted_id(&request[..len], Dialect::Rpcudp), expected, "{len}");
        assert_eq!(Request::quoted_id(&request[..len], Dialect::Storj), None, "{len}");
    }
}

#[test]
fn bytes_after_the_body_are_ignored() {
    let bytes = datagram(1, b"\x2aand more");
    assert_eq!(Frame::decode(&bytes, Dialect::Rpcudp), Ok(Frame::Response(Response { id: ID, body: b"\x2a" })));
}

#[test]
fn checked_response_or_failure_with_any_other_byte_is_dropped() {
    for (kind, body) in [(1, &[7; 3_000][..]), (4, b"\x93\x00\xa0\x92\x01\x02")] {
        let body = if kind == 1 { [b"\xc5\x0b\xb8", body].concat() } else { body.to_vec() };
        let mut checked = datagram(kind, &body);
        let plain = checked.clone();
        let plain = Frame::decode(&plain, Dialect::Rpcudp).unwrap();
        let time = Duration::from_millis(3);
        Trailer::end_response(&mut checked, 0, Some(time), true, usize::MAX);
        assert_eq!(checked[0], kind | 0x80);
        let (frame, trailer) = Frame::decode_with_trailer(&checked, Dialect::Rpcudp).unwrap();
        assert_eq!(trailer.handler_time, Some(time));
        match (plain, frame) {
            (Frame::Response(plain), Frame::Response(response)) => assert_eq!(plain, response),
            (Frame::Failure(plain), Frame::Failure(failure)) => assert_eq!(plain, failure),
            other => panic!("{other:?}"),
        }
        assert_eq!(Frame::response_id(&checked, Dialect::Rpcudp), Some(ID));
        for at in 5..checked.len() {
            checked[at] ^= 1;
            // A change of a length makes the body invalid.
            let dropped = Frame::decode(&checked, Dialect::Rpcudp).unwrap_err();
            assert!(matches!(dropped, DropReason::BadChecksum | DropReason::InvalidMsgpack), "{at}: {dropped}");
            checked[at] ^= 1;
        }
        for len in 22..checked.len() {
            let dropped = Frame::decode(&checked[..len], Dialect::Rpcudp).unwrap_err();
            assert!(matches!(dropped, DropReason::BadChecksum | DropReason::InvalidMsgpack), "{len}: {dropped}");
        }
    }
}

#[test]
fn failure_has_a_code_and_a_message() {
    let bytes = datagram(4, b"\x92\x01\xa4oops");
    let Ok(Frame::Failure(failure)) = Frame::decode(&bytes, Dialect::Rpcudp) else { panic!("no failure") };
    assert_eq!((failure.code, failure.message), (FailureCode::UNKNOWN_METHOD, "oops"));
}

#[test]
fn detail_is_one_value_and_later_fields_are_ignored() {
    let datagram = datagram(4, b"\x94\x00\xa0\x92\x01\x02\xa5later");
    let Ok(Frame::Failure(failure)) = Frame::decode(&datagram, Dialect::Rpcudp) else { panic!("no failure") };
    assert_eq!(failure.detail, Some(&b"\x92\x01\x02"[..]));
}

proptest! {
    #[test]
    fn encoded_request_is_decoded(method in ".{0,300}", count in 0_u32..70_000, random: [u8; 16]) {
        let mut bytes = Vec::new();
        Request::begin(&mut bytes, Dialect::Storj, &method, count);
        let id = MessageId::without_slot(random);
        Request::set_id(&mut bytes, id);
        bytes.resize(bytes.len() + count as usize, 0xc0);
        let Ok(Frame::Request(request)) = Frame::decode(&bytes, Dialect::Storj) else { panic!("no request") };
        prop_assert_eq!((request.id, request.method, request.arguments.count()), (id, &*method, count));
        prop_assert_eq!(request.arguments.bytes().len(), count as usize);
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
        let _ = Frame::decode(&bytes, Dialect::Rpcudp);
        let _ = Frame::decode(&bytes, Dialect::Storj);
    }

    #[test]
    fn encoded_failure_fits_and_is_decoded(
        code: u8, message in ".{0,300}", with_detail: bool, max_len in 25_usize..400,
    ) {
        let detail = with_detail.then_some(&b"\xa4info"[..]);
        let failure = Failure { id: ID, code: FailureCode::new(code), message: &message, detail };
        let mut bytes = Vec::new();
        failure.encode(&mut bytes, max_len);
        prop_assert!(bytes.len() <= max_len);
        let Ok(Frame::Failure(read)) = Frame::decode(&bytes, Dialect::Rpcudp) else { panic!("no failure") };
        prop_assert_eq!(read.code, failure.code);
        prop_assert!(read.message.len() <= Failure::MAX_MESSAGE_LEN);
        let kept = read.message.strip_suffix('…').unwrap_or(read.message);
        prop_assert!(message.starts_with(kept));
        prop_assert!(read.detail.is_none() || read.detail == detail);
    }
}
