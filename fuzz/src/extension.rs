use std::time::Duration;

use rpcudp_core::{Dialect, Frame, MessageId, Metadata, Request, codec};

/// Appends bytes to the body of a request. They must give the remaining time until the deadline,
/// the response window and the metadata if they have the documented form, must be ignored
/// otherwise, and must never change the decoded body.
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
        let (remaining, response_window) = (millis(bytes, REMAINING), millis(bytes, RESPONSE_WINDOW));
        assert_eq!(request, Request { remaining, response_window, metadata: request.metadata, ..plain });
        let read = request.metadata.decode();
        let entries = read.iter().flat_map(Metadata::iter).map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(entries.collect::<Vec<_>>(), metadata(bytes).unwrap_or_default());
        let mut again = body.clone();
        Request::end_with_metadata(&mut again, request.remaining, read.as_ref().unwrap_or(&Metadata::new()))
            .expect("the datagram has room");
        let again = Request::decode(&again, dialect).expect("an encoded request decodes");
        assert_eq!((again.remaining, again.metadata.decode()), (request.remaining, read));
    }
}

/// The types of the fields with milliseconds.
const REMAINING: u8 = 1;
const RESPONSE_WINDOW: u8 = 5;

/// Reads the fields of a trailer, each a type and a value, by the rules of `docs/wire.md`.
fn fields(bytes: &[u8]) -> Vec<(u8, &[u8])> {
    let mut fields = Vec::new();
    let mut at = 4;
    while bytes.starts_with(b"\xc1RuT") && fields.len() < 8 {
        let Some([kind, len]) = bytes.get(at..at + 2) else { break };
        let Some(value) = bytes.get(at + 2..at + 2 + usize::from(*len)) else { break };
        fields.push((*kind, value));
        at += 2 + value.len();
    }
    fields
}

/// Reads a field with milliseconds by the same rules.
fn millis(bytes: &[u8], field: u8) -> Option<Duration> {
    let fields = fields(bytes);
    let value = fields.into_iter().find_map(|(kind, value)| (kind == field && value.len() >= 4).then_some(value))?;
    Some(Duration::from_millis(value[..4].iter().fold(0, |millis, byte| millis << 8 | u64::from(*byte))))
}

/// Reads the entries of the metadata by the same rules. `None` if it is ignored.
fn metadata(bytes: &[u8]) -> Option<Vec<(String, String)>> {
    let fields = fields(bytes);
    let first = fields.iter().position(|(kind, _)| *kind == 4)?;
    let block: Vec<u8> = fields[first..]
        .iter()
        .take_while(|(kind, _)| *kind == 4)
        .flat_map(|(_, value)| value.iter().copied())
        .collect();
    let mut entries = Vec::new();
    let mut at = 0;
    while at < block.len() {
        let key = block.get(at + 1..at + 1 + usize::from(block[at]))?;
        at += 1 + key.len();
        let len = u16::from_be_bytes([*block.get(at)?, *block.get(at + 1)?]);
        let value = block.get(at + 2..at + 2 + usize::from(len))?;
        at += 2 + value.len();
        if key.is_empty() {
            return None;
        }
        entries.push((String::from_utf8(key.to_vec()).ok()?, String::from_utf8(value.to_vec()).ok()?));
    }
    (block.len() <= Metadata::MAX_LEN).then_some(entries)
}
