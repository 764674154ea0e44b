use std::time::Duration;

use rpcudp_core::{Dialect, Frame, MessageId, Request, codec};

/// Appends bytes to the body of a request. They must give the remaining time until the deadline if
/// they have the documented form, must be ignored otherwise, and must never change the decoded
/// body.
pub fn extension(bytes: &[u8]) {
    for dialect in [Dialect::Rpcudp, Dialect::Storj] {
        let mut datagram = Vec::new();
        Request::begin(&mut datagram, dialect, "add", 2);
        Request::set_id(&mut datagram, MessageId::from_bytes([7; 20]));
        codec::encode(&mut datagram, &1_u8).expect("an integer can be encoded");
        codec::encode(&mut datagram, "two").expect("a string can be encoded");
        let body = datagram.clone();
        let Ok(Frame::Request(plain)) = Frame::decode(&body, dialect) else { panic!("an encoded request decodes") };

        datagram.extend_from_slice(bytes);
        let Ok(Frame::Request(request)) = Frame::decode(&datagram, dialect) else {
            panic!("a request with an extension decodes")
        };
        assert_eq!(request, Request { remaining: remaining(bytes), ..plain });
        if let Some(remaining) = request.remaining {
            let mut again = body.clone();
            Request::end(&mut again, remaining);
            assert_eq!(Frame::decode(&again, dialect), Ok(Frame::Request(request)));
        }
    }
}

/// Reads the remaining time by the rules of `docs/wire.md`.
fn remaining(bytes: &[u8]) -> Option<Duration> {
    let mut at = 4;
    if !bytes.starts_with(b"\xc1RuT") {
        return None;
    }
    for _ in 0..8 {
        let (kind, len) = (*bytes.get(at)?, usize::from(*bytes.get(at + 1)?));
        let value = bytes.get(at + 2..at + 2 + len)?;
        if kind == 1 && len >= 4 {
            let millis = value[..4].iter().fold(0, |millis, byte| millis << 8 | u64::from(*byte));
            return Some(Duration::from_millis(millis));
        }
        at += 2 + len;
    }
    None
}
