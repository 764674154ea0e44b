use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::Duration;

use rpcudp_core::codec::{Arguments, decode};
use rpcudp_core::{Dialect, DropReason, Failure, Frame, MessageId, RawArguments};
use serde_json::json;

use crate::output::{DIM, ERROR, SUCCESS, WARNING, styled};
use crate::peer::dialect_name;
use crate::value::json::ToJson;
use crate::value::{Value, hex};

/// The decoded content of a datagram, or a request that came over a link.
pub(crate) enum Content<'a> {
    Frame(Dialect, Frame<'a>),
    LinkRequest(LinkRequest<'a>),
    /// The first packet of a link, which an endpoint without an identity does not respond to.
    Handshake,
    Garbled(DropReason, &'a [u8]),
}

/// A received datagram, which is printed as text or JSON.
pub(crate) struct Event<'a> {
    /// The time since listening began.
    pub(crate) at: Duration,
    pub(crate) from: SocketAddr,
    pub(crate) len: usize,
    pub(crate) content: Content<'a>,
}

/// A request that came over a link.
pub(crate) struct LinkRequest<'a> {
    /// The key of the sender.
    pub(crate) key: String,
    pub(crate) id: MessageId,
    pub(crate) method: &'a str,
    pub(crate) arguments: RawArguments<'a>,
    pub(crate) remaining: Option<Duration>,
}

/// Whether a datagram is a packet of a link, which is a QUIC connection. No kind of frame has this
/// bit.
pub(crate) fn is_link_packet(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|first| first & 0x40 != 0)
}

/// Whether a datagram begins with the first packet of a QUIC connection, version 1 (RFC 9000,
/// 17.2).
fn is_handshake(datagram: &[u8]) -> bool {
    const MIN_LEN: usize = 1_200;
    datagram.len() >= MIN_LEN && datagram[0] & 0xf0 == 0xc0 && datagram[1..5] == [0, 0, 0, 1]
}

impl<'a> Content<'a> {
    /// Decodes a datagram in the selected dialect or, if its first byte is of the other one, in
    /// that.
    pub(crate) fn decode(datagram: &'a [u8], selected: Dialect) -> Self {
        let other = if selected == Dialect::Storj { Dialect::Rpcudp } else { Dialect::Storj };
        let decoded = match Frame::decode(datagram, selected) {
            Err(DropReason::OtherDialect) => Frame::decode(datagram, other).map(|frame| (other, frame)),
            decoded => decoded.map(|frame| (selected, frame)),
        };
        match decoded {
            Ok((dialect, frame)) => Self::Frame(dialect, frame),
            Err(DropReason::UnknownKind) if is_handshake(datagram) => Self::Handshake,
            Err(reason) => Self::Garbled(reason, datagram),
        }
    }
}

impl Event<'_> {
    /// Formats the datagram, and the value of the response to it, as one line for people.
    pub(crate) fn as_text(&self, response: Option<&Value>) -> String {
        let Self { at: time, from, len, content } = self;
        let (dialect, text) = match content {
            Content::Frame(dialect, frame) => (Some(*dialect), frame_text(frame)),
            Content::LinkRequest(request) => (None, link_request_text(request)),
            Content::Handshake => {
                let text = "handshake of a link, without a response: pass --identity FILE to serve links";
                (None, styled(WARNING, text))
            }
            Content::Garbled(reason, bytes) => {
                (None, format!("{} ({reason}, {len} bytes) {}", styled(ERROR, "garbled"), excerpt(bytes)))
            }
        };
        let dialect = if dialect == Some(Dialect::Storj) { " storj" } else { "" };
        let response = response.map_or_else(String::new, |value| format!(" {} {value}", styled(SUCCESS, "->")));
        format!("{} {from}{dialect} {text}{response}", at(*time))
    }

    /// Converts the datagram, and the value of the response to it, to JSON.
    pub(crate) fn as_json(&self, response: Option<&Value>) -> serde_json::Value {
        let Self { at, from, len, content } = self;
        let mut event = match content {
            Content::Frame(dialect, frame) => {
                let mut event = frame_json(frame);
                event["dialect"] = dialect_name(*dialect).into();
                event
            }
            Content::LinkRequest(request) => link_request_json(request),
            Content::Handshake => json!({ "event": "handshake" }),
            Content::Garbled(reason, bytes) => {
                json!({ "event": "garbled", "reason": reason.name(), "hex": hex::encode(bytes) })
            }
        };
        event["at"] = at.as_secs_f64().into();
        event["from"] = from.to_string().into();
        event["len"] = (*len).into();
        if let Some(response) = response {
            event["answer"] = json!(ToJson(response));
        }
        event
    }
}

/// Formats the time column of a line.
fn at(time: Duration) -> String {
    styled(DIM, format!("{:>9.3}s", time.as_secs_f64()))
}

fn frame_text(frame: &Frame<'_>) -> String {
    match frame {
        Frame::Request(request) => {
            let (arguments, deadline) = (arguments_text(request.arguments), deadline_text(request.remaining));
            let metadata = request.metadata.decode().map_or_else(String::new, |metadata| {
                let entries = metadata.iter().map(|(key, value)| format!("{key:?}: {value:?}"));
                format!(" metadata {{{}}}", entries.collect::<Vec<_>>().join(", "))
            });
            let window =
                request.response_window.map_or_else(String::new, |window| format!(" responses within {window:?}"));
            format!("{}({arguments}){deadline}{window}{metadata}", request.method.escape_debug())
        }
        Frame::Response(response) => match decode::<Value>(response.body) {
            Ok(value) => format!("{} {value}", styled(WARNING, format!("response to {}", response.id))),
            Err(error) => format!("response to {}: {}", response.id, styled(ERROR, error)),
        },
        Frame::Failure(Failure { id, code, message, detail }) => {
            let detail = detail.map_or_else(String::new, |detail| match decode::<Value>(detail) {
                Ok(value) => format!(" {value}"),
                Err(error) => format!(" {error}"),
            });
            let message = message.escape_debug();
            format!("{} {code:?} \"{message}\"{detail}", styled(WARNING, format!("failure of {id}")))
        }
        Frame::Cancel { id } => styled(WARNING, format!("cancel {id}")),
        Frame::Running { id } => styled(WARNING, format!("{id} is still running")),
    }
}

fn link_request_text(request: &LinkRequest<'_>) -> String {
    let LinkRequest { key, method, arguments, remaining, .. } = request;
    let (arguments, deadline) = (arguments_text(*arguments), deadline_text(*remaining));
    format!("{} {}({arguments}){deadline}", styled(DIM, key), method.escape_debug())
}

fn arguments_text(raw: RawArguments<'_>) -> String {
    match arguments(raw) {
        Ok(arguments) => shortened(arguments.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
        Err(error) => styled(ERROR, error),
    }
}

/// Returns at most 4,096 characters of a text; JSON output has all of them.
fn shortened(text: String) -> String {
    const MAX_LEN: usize = 4_096;
    match text.char_indices().nth(MAX_LEN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn deadline_text(remaining: Option<Duration>) -> String {
    remaining.map_or_else(String::new, |remaining| format!(" deadline in {remaining:?}"))
}

/// Returns the field of a request's arguments, or of the error of decoding them.
fn arguments_json(raw: RawArguments<'_>) -> (&'static str, serde_json::Value) {
    match arguments(raw) {
        Ok(arguments) => ("arguments", arguments.iter().map(|argument| json!(ToJson(argument))).collect()),
        Err(error) => ("error", error.into()),
    }
}

fn link_request_json(request: &LinkRequest<'_>) -> serde_json::Value {
    let LinkRequest { key, id, method, arguments, remaining } = request;
    let remaining = remaining.map(|remaining| remaining.as_millis() as u64);
    let mut event =
        json!({ "event": "request", "key": key, "id": id.to_string(), "method": method, "remaining_ms": remaining });
    let (name, arguments) = arguments_json(*arguments);
    event[name] = arguments;
    event
}

fn frame_json(frame: &Frame<'_>) -> serde_json::Value {
    // The value, or the error of decoding it.
    let value = |name: &str, bytes: &[u8]| match decode::<Value>(bytes) {
        Ok(value) => (name.to_owned(), json!(ToJson(&value))),
        Err(error) => ("error".to_owned(), json!(error.to_string())),
    };
    let mut event = serde_json::Map::new();
    match frame {
        Frame::Request(request) => {
            event.insert("event".into(), "request".into());
            event.insert("id".into(), request.id.to_string().into());
            event.insert("method".into(), request.method.into());
            let (name, arguments) = arguments_json(request.arguments);
            event.insert(name.into(), arguments);
            let remaining = request.remaining.map(|remaining| remaining.as_millis() as u64);
            event.insert("remaining_ms".into(), json!(remaining));
            if let Some(metadata) = request.metadata.decode() {
                // The first entry of a key counts.
                let entries = metadata.iter().map(|(key, _)| (key.to_owned(), json!(metadata.get(key))));
                event.insert("metadata".into(), serde_json::Map::from_iter(entries).into());
            }
            if let Some(window) = request.response_window {
                event.insert("response_window_ms".into(), json!(window.as_millis() as u64));
            }
        }
        Frame::Response(response) => {
            event.insert("event".into(), "response".into());
            event.insert("id".into(), response.id.to_string().into());
            event.extend([value("value", response.body)]);
        }
        Frame::Failure(Failure { id, code, message, detail }) => {
            event.insert("event".into(), "failure".into());
            event.insert("id".into(), id.to_string().into());
            event.insert("code".into(), code.number().into());
            event.insert("message".into(), (*message).into());
            event.extend(detail.map(|detail| value("detail", detail)));
        }
        Frame::Cancel { id } => {
            event.insert("event".into(), "cancel".into());
            event.insert("id".into(), id.to_string().into());
        }
        Frame::Running { id } => {
            event.insert("event".into(), "running".into());
            event.insert("id".into(), id.to_string().into());
        }
    }
    event.into()
}

fn arguments(raw: RawArguments<'_>) -> Result<Vec<Value>, String> {
    let mut arguments = Arguments::new(raw);
    (0..raw.count()).map(|_| arguments.take("an argument").map_err(|error| error.to_string())).collect()
}

/// Formats bytes as hexadecimal digits, at most 1,024 bytes of them; JSON output has all of them.
fn excerpt(bytes: &[u8]) -> Cow<'static, str> {
    const MAX_LEN: usize = 1_024;
    match bytes.get(..MAX_LEN) {
        Some(head) if bytes.len() > MAX_LEN => format!("{}…", hex::encode(head)).into(),
        _ => hex::encode(bytes).into(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use rpcudp_core::Request;

    fn event(datagram: &[u8]) -> (String, serde_json::Value) {
        let content = Content::decode(datagram, Dialect::Rpcudp);
        let from = "192.0.2.1:7".parse().unwrap();
        let event = Event { at: Duration::from_millis(1_500), from, len: datagram.len(), content };
        (anstream::adapter::strip_str(&event.as_text(None)).to_string(), event.as_json(None))
    }

    const ID: &str = "7477656e7479206279746573206f662069642e2e";

    #[test]
    fn requests_of_both_dialects_are_decoded() {
        let (text, json) =
            event(b"\x00twenty bytes of id..\x92\xa5sayhi\x92\xa5Snake\xc4\x01\xff\xc1RuT\x01\x04\0\0\x13\x88");
        assert_eq!(text, r#"    1.500s 192.0.2.1:7 sayhi("Snake", "hex:ff") deadline in 5s"#);
        assert_eq!(
            json,
            json!({
                "event": "request", "dialect": "rpcudp", "id": ID, "method": "sayhi", "arguments": ["Snake", "hex:ff"],
                "remaining_ms": 5_000, "at": 1.5, "from": "192.0.2.1:7", "len": 48,
            })
        );
        let (text, json) =
            event(b"\x00twenty bytes of id..\x92\xa4name\x90\xc1RuT\x01\x04\0\0\x13\x88\x05\x04\0\0\x01\xf4");
        assert_eq!(text, "    1.500s 192.0.2.1:7 name() deadline in 5s responses within 500ms");
        assert_eq!(json["response_window_ms"], 500);
        let (text, json) = event(b"\x02twenty bytes of id..\x92\xa4ping\x90");
        assert_eq!(text, "    1.500s 192.0.2.1:7 storj ping()");
        assert_eq!(json["dialect"], "storjrpcudp");
    }

    #[test]
    fn metadata_is_shown_and_escaped() {
        let (text, json) = event(
            b"\x00twenty bytes of id..\x92\xa1m\x90\xc1RuT\x04\x11\x01a\x00\x011\x01a\x00\x012\x01\"\x00\x03\x1b\n\n",
        );
        assert_eq!(text, r#"    1.500s 192.0.2.1:7 m() metadata {"a": "1", "a": "2", "\"": "\u{1b}\n\n"}"#);
        assert_eq!(json["metadata"], json!({ "a": "1", "\"": "\u{1b}\n\n" }));
        let (text, json) = event(b"\x00twenty bytes of id..\x92\xa1m\x90\xc1RuT\x04\x01\x09");
        assert_eq!((&*text, &json["metadata"]), ("    1.500s 192.0.2.1:7 m()", &json!(null)));
    }

    #[test]
    fn unmatched_responses_are_decoded() {
        let (text, json) = event(b"\x01twenty bytes of id..\x2a");
        assert_eq!(text, format!("    1.500s 192.0.2.1:7 response to {ID} 42"));
        assert_eq!(json["value"], 42);
        let (text, json) = event(b"\x04twenty bytes of id..\x93\x00\xa0\x81\xa2by\x1e");
        assert_eq!(text, format!("    1.500s 192.0.2.1:7 failure of {ID} APPLICATION \"\" {{\"by\":30}}"));
        assert_eq!((&json["code"], &json["detail"]), (&json!(0), &json!({ "by": 30 })));
        let (text, json) = event(b"\x06twenty bytes of id..\xc0");
        assert_eq!(text, format!("    1.500s 192.0.2.1:7 {ID} is still running"));
        assert_eq!((&json["event"], &json["id"]), (&json!("running"), &json!(ID)));
    }

    #[test]
    fn cancel_frames_are_decoded() {
        let (text, json) = event(b"\x05twenty bytes of id..\xc0");
        assert_eq!(text, format!("    1.500s 192.0.2.1:7 cancel {ID}"));
        assert_eq!((&json["event"], &json["id"]), (&json!("cancel"), &json!(ID)));
    }

    #[test]
    fn garbled_datagrams_are_printed_in_hex() {
        let (text, json) = event(b"GET /");
        assert_eq!(text, "    1.500s 192.0.2.1:7 garbled (too_short, 5 bytes) 474554202f");
        assert_eq!(
            (&json["event"], &json["reason"], &json["hex"]),
            (&json!("garbled"), &json!("too_short"), &json!("474554202f"))
        );
        let (text, json) = event(&[7; 2_000]);
        assert!(
            text.contains("(unknown_kind, 2000 bytes) 0707") && text.ends_with('…') && text.len() < 2_200,
            "{text}"
        );
        assert_eq!(json["hex"].as_str().unwrap().len(), 4_000);
    }

    #[test]
    fn handshake_of_a_link_is_recognized() {
        let mut packet = vec![7; 1_200];
        packet[..5].copy_from_slice(b"\xc8\0\0\0\x01");
        let (text, json) = event(&packet);
        let expected = "handshake of a link, without a response: pass --identity FILE to serve links";
        assert_eq!(text, format!("    1.500s 192.0.2.1:7 {expected}"));
        assert_eq!((&json["event"], &json["len"]), (&json!("handshake"), &json!(1_200)));
        assert_eq!(event(&packet[..100]).1["reason"], "unknown_kind");
    }

    #[test]
    fn large_arguments_are_shortened_as_text() {
        let (text, json) = event(&[b"\x00twenty bytes of id..\x92\xa1m\x91\xc5\x10\x00", &[7; 0x1000][..]].concat());
        assert!(text.ends_with("…)") && text.chars().count() < 4_200, "{text}");
        assert_eq!(json["arguments"][0].as_str().map(str::len), Some("hex:".len() + 2 * 0x1000));
    }

    #[test]
    fn undecodable_arguments_are_reported() {
        let (text, json) = event(b"\x00twenty bytes of id..\x92\xa1m\x91\xa1\xff");
        assert!(text.contains("m(`an argument`: invalid UTF-8 in text"), "{text}");
        assert!(json["error"].as_str().unwrap().contains("invalid UTF-8 in text"));
    }

    #[test]
    fn extension_values_are_shown() {
        let (text, json) = event(b"\x00twenty bytes of id..\x92\xa1m\x91\xd6\xff\x00\x00\x00\x01");
        assert!(text.contains(r#"m("ext:-1:00000001")"#), "{text}");
        assert_eq!(json["arguments"], json!(["ext:-1:00000001"]));
    }

    #[test]
    fn control_characters_of_a_peer_are_escaped() {
        for datagram in [
            &b"\x00twenty bytes of id..\x92\xa3a\x1bb\x91\xa2\xc2\x9b"[..],
            b"\x04twenty bytes of id..\x92\x01\xa2\x1b[",
            b"\x01twenty bytes of id..\x81\xa1\x1b\xa1\x07",
        ] {
            let content = Content::decode(datagram, Dialect::Rpcudp);
            let event = Event { at: Duration::ZERO, from: "[::1]:7".parse().unwrap(), len: 0, content };
            let text = anstream::adapter::strip_str(&event.as_text(None)).to_string();
            assert_eq!(
                event.as_text(None).matches('\x1b').count() % 2,
                0,
                "each style begins and ends, and no other escape is printed"
            );
            assert!(!text.contains(char::is_control), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_datagram_is_printed_as_one_line(kind in 0_u8..8, bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let datagram = [&[kind], &b"twenty bytes of id.."[..], &bytes].concat();
            let line = Content::decode(&datagram, Dialect::Storj).line();
            prop_assert!(!line.contains(char::is_control), "{line:?}");
        }

        #[test]
        fn any_request_is_printed_as_one_line(method in ".{0,9}", text in ".{0,9}", dialect in any::<bool>()) {
            let dialect = if dialect { Dialect::Storj } else { Dialect::Rpcudp };
            let mut datagram = Vec::new();
            Request::begin(&mut datagram, dialect, &method, 1);
            rpcudp_core::codec::encode(&mut datagram, &text).unwrap();
            let line = Content::decode(&datagram, Dialect::Rpcudp).line();
            prop_assert!(line.ends_with(')') && !line.contains(char::is_control), "{line:?}");
        }
    }

    impl Content<'_> {
        /// Returns the line for the datagram, without colours.
        fn line(self) -> String {
            let event = Event { at: Duration::ZERO, from: "[::1]:7".parse().unwrap(), len: 0, content: self };
            let json = crate::output::json(&event.as_json(None));
            assert!(!json.contains(char::is_control), "{json:?}");
            anstream::adapter::strip_str(&event.as_text(None)).to_string()
        }
    }
}
