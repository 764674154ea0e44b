//! Dissection of the calls of real endpoints in both dialects, including calls that fail.

#![allow(missing_docs, reason = "contracts of a test")]

use std::net::SocketAddr;
use std::time::Duration;

use rpcudp::sim::{Conditions, Network};
use rpcudp::{CallError, Dialect, Endpoint, rpc_service};
use rpcudp_wireshark::{Capture, Frame, Tap, Tshark};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

#[rpc_service]
trait Greeter {
    fn sayhi(&self, name: &str) -> String;
    #[rpc(at_least_once)]
    fn lookup(&self, key: &[u8], limit: Option<u8>) -> Option<Vec<u8>>;
    async fn withdraw(&self, cents: u64, after_millis: u64) -> Result<u64, Overdrawn>;
    #[rpc(oneway)]
    fn gossip(&self, rumour: &str, spread: i64);
}

#[rpc_service]
trait Unserved {
    fn unserved_method(&self) -> u8;
}

#[derive(Debug, Serialize, Deserialize)]
struct Overdrawn {
    by: u64,
}

struct Hello;

impl Greeter for Hello {
    fn sayhi(&self, name: &str) -> String {
        format!("Hello {name}")
    }
    fn lookup(&self, key: &[u8], _: Option<u8>) -> Option<Vec<u8>> {
        (!key.is_empty()).then(|| key.into())
    }
    async fn withdraw(&self, cents: u64, after_millis: u64) -> Result<u64, Overdrawn> {
        sleep(Duration::from_millis(after_millis)).await;
        100_u64.checked_sub(cents).ok_or_else(|| Overdrawn { by: cents - 100 })
    }
    fn gossip(&self, _: &str, _: i64) {}
}

/// A server and a client with a latency of 20 ms each way. The client's datagrams are captured.
struct Pair {
    network: Network,
    server: Endpoint,
    greeter: GreeterClient,
}

const SERVER: &str = "10.0.0.1:7000";
const CALLER: &str = "10.0.0.2:7000";

fn pair(dialect: Dialect, capture: &Capture) -> Pair {
    let network = Network::new(7);
    network.set_conditions(latency());
    let (server, caller) =
        if dialect == Dialect::Rpcudp { (SERVER, CALLER) } else { ("10.0.0.3:7000", "10.0.0.4:7000") };
    let bind = |addr| network.bind(addr).expect("the address is free");
    let (server_node, caller_node) = (bind(server), Tap::new(bind(caller), capture));
    let server = Endpoint::builder().dialect(dialect).serve(GreeterServer::new(Hello));
    let server = server.bind_transport(server_node).unwrap();
    let caller = Endpoint::builder().dialect(dialect).bind_transport(caller_node).unwrap();
    let greeter = GreeterClient::new(&caller, server.local_addr());
    Pair { network, server, greeter }
}

fn latency() -> Conditions {
    Conditions::default().latency(Duration::from_millis(20))
}

const FIELDS: &[&str] = &[
    "rpcudp.type",
    "rpcudp.dialect",
    "rpcudp.id",
    "rpcudp.method",
    "rpcudp.arguments",
    "rpcudp.result",
    "rpcudp.failure.code",
    "rpcudp.failure.message",
    "rpcudp.failure.detail",
    "rpcudp.remaining",
    "rpcudp.response_window",
    "rpcudp.handler_time",
    "rpcudp.checksum",
    "rpcudp.metadata",
    "rpcudp.trailing",
    "rpcudp.request_in",
    "rpcudp.response_in",
    "rpcudp.resend_of",
    "rpcudp.copy_of",
    "rpcudp.time",
    "_ws.expert.message",
    "_ws.col.Protocol",
    "_ws.col.Info",
];

/// The frames of a capture, addressed by their numbers, which begin at 1.
struct Frames(Vec<Frame>);

impl Frames {
    fn of(tshark: &Tshark, capture: &Capture, arguments: &[&str]) -> Self {
        Self(tshark.frames(capture, FIELDS, arguments))
    }

    #[track_caller]
    fn assert(&self, number: usize, fields: &[(&str, &str)]) {
        for &(field, value) in fields {
            let name = if field.starts_with('_') { field.to_owned() } else { format!("rpcudp.{field}") };
            let actual = self.0[number - 1].all(&name).join(", ");
            assert_eq!(actual, value, "{field} of frame {number}");
        }
    }

    fn info(&self, number: usize) -> &str {
        self.0[number - 1].one("_ws.col.Info").unwrap_or_default()
    }
}

fn tshark(test: &str) -> Option<Tshark> {
    Tshark::find(env!("CARGO_TARGET_TMPDIR"), test)
}

#[tokio::test(start_paused = true)]
async fn a_call_is_shown_with_its_method_its_arguments_and_its_response_time() {
    let Some(tshark) = tshark("a_call") else { return };
    // Both dialects in one capture.
    let capture = Capture::new();
    for dialect in [Dialect::Rpcudp, Dialect::Storj] {
        let pair = pair(dialect, &capture);
        assert_eq!(pair.greeter.sayhi("Snake Plissken").await.unwrap(), "Hello Snake Plissken");
    }
    let frames = Frames::of(&tshark, &capture, &[]);
    let both = [(1, 2, "rpcudp", ["0x00", "0x01"], "5000"), (3, 4, "storjrpcudp", ["0x02", "0x03"], "")];
    for (request, response, name, kinds, remaining) in both {
        frames.assert(
            request,
            &[
                ("type", kinds[0]),
                ("dialect", name),
                ("method", "sayhi"),
                ("arguments", "\"Snake Plissken\""),
                ("remaining", remaining),
                ("response_in", &response.to_string()),
                ("request_in", ""),
                ("time", ""),
                ("_ws.col.Protocol", name),
                ("_ws.col.Info", "Request sayhi(\"Snake Plissken\")"),
                ("_ws.expert.message", ""),
            ],
        );
        frames.assert(
            response,
            &[
                ("type", kinds[1]),
                ("dialect", name),
                ("method", "sayhi"),
                ("result", "\"Hello Snake Plissken\""),
                ("request_in", &request.to_string()),
                ("response_in", ""),
                // 20 ms each way.
                ("time", "0.040000000"),
                ("_ws.col.Protocol", name),
                ("_ws.col.Info", "Response sayhi: \"Hello Snake Plissken\""),
                ("_ws.expert.message", ""),
            ],
        );
        let [request_id, response_id] =
            [request, response].map(|number: usize| frames.0[number - 1].one("rpcudp.id").unwrap());
        assert_eq!(request_id, response_id);
        assert_eq!(request_id.replace(':', "").len(), 40);
    }
}

#[tokio::test(start_paused = true)]
async fn a_multicast_request_is_shown_with_its_response_window() {
    let Some(tshark) = tshark("multicast") else { return };
    let capture = Capture::new();
    let pair = pair(Dialect::Rpcudp, &capture);
    let group = pair.greeter.with_peer("239.1.2.3:7000".parse().unwrap());
    assert!(group.sayhi("all").all().within(Duration::from_secs(1)).next().await.is_none());
    let frames = Frames::of(&tshark, &capture, &[]);
    frames.assert(1, &[("method", "sayhi"), ("remaining", "1000"), ("response_window", "500"), ("trailing", "")]);
}

#[tokio::test(start_paused = true)]
async fn concurrent_calls_are_matched_to_their_responses() {
    let Some(tshark) = tshark("crossing") else { return };
    let capture = Capture::new();
    let pair = pair(Dialect::Rpcudp, &capture);
    let (slow, quick) = tokio::join!(pair.greeter.withdraw(1, 100), pair.greeter.withdraw(2, 10));
    assert_eq!((slow.unwrap(), quick.unwrap()), (99, 98));
    let frames = Frames::of(&tshark, &capture, &[]);
    frames.assert(1, &[("arguments", "1, 100"), ("response_in", "4")]);
    frames.assert(2, &[("arguments", "2, 10"), ("response_in", "3")]);
    frames.assert(3, &[("result", "98"), ("request_in", "2"), ("time", "0.050000000")]);
    frames.assert(4, &[("result", "99"), ("request_in", "1"), ("time", "0.140000000")]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_shown_with_its_code_and_detail() {
    let Some(tshark) = tshark("failure") else { return };
    let capture = Capture::new();
    let pair = pair(Dialect::Rpcudp, &capture);
    assert!(matches!(pair.greeter.withdraw(130, 0).await, Err(CallError::Application(Overdrawn { by: 30 }))));
    let unserved = UnservedClient::new(pair.greeter.endpoint(), pair.server.local_addr());
    assert!(unserved.unserved_method().await.is_err());

    let frames = Frames::of(&tshark, &capture, &[]);
    frames.assert(
        2,
        &[
            ("type", "0x04"),
            ("method", "withdraw"),
            ("failure.code", "0"),
            ("failure.message", ""),
            ("failure.detail", "{\"by\": 30}"),
            ("request_in", "1"),
            ("time", "0.040000000"),
            ("_ws.col.Info", "Failure withdraw: the method returned an error {\"by\": 30}"),
            ("_ws.expert.message", "the call failed"),
        ],
    );
    frames.assert(
        4,
        &[
            ("failure.code", "1"),
            ("failure.message", "unserved_method"),
            ("_ws.col.Info", "Failure unserved_method: unknown method (unserved_method)"),
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn retransmissions_and_duplicates_refer_to_the_first_frame() {
    let Some(tshark) = tshark("resent") else { return };
    let capture = Capture::new();
    let pair = pair(Dialect::Rpcudp, &capture);
    // The first request is lost, and the response to its retransmission is duplicated.
    pair.network.set_conditions(latency().loss(1.0));
    let call = tokio::spawn(pair.greeter.lookup(b"\x00\xff", None));
    sleep(Duration::from_millis(50)).await;
    pair.network.set_conditions(latency());
    let (server, caller): (SocketAddr, SocketAddr) = (SERVER.parse().unwrap(), CALLER.parse().unwrap());
    pair.network.set_link(server.ip(), caller.ip(), latency().duplication(1.0));
    assert_eq!(call.await.unwrap().unwrap(), Some(vec![0, 255]));
    sleep(Duration::from_secs(1)).await;

    let frames = Frames::of(&tshark, &capture, &[]);
    assert_eq!(frames.0.len(), 4);
    frames.assert(1, &[("arguments", "hex:00ff, nil"), ("response_in", "3"), ("resend_of", "")]);
    frames.assert(2, &[("resend_of", "1"), ("response_in", "3"), ("_ws.expert.message", "a retransmitted request")]);
    assert!(frames.info(2).starts_with("Retransmission lookup(hex:00ff, nil)"));
    frames.assert(3, &[("request_in", "1"), ("result", "hex:00ff"), ("copy_of", "")]);
    frames.assert(4, &[("request_in", "1"), ("copy_of", "3"), ("_ws.expert.message", "a duplicate response")]);
    // Measured from the first request: the retransmission left after about half a second.
    let time: f64 = frames.0[2].one("rpcudp.time").unwrap().parse().unwrap();
    assert!((0.5..0.6).contains(&time), "{time}");
}

#[tokio::test(start_paused = true)]
async fn running_frames_refer_to_the_request_and_are_no_response() {
    let Some(tshark) = tshark("running") else { return };
    let capture = Capture::new();
    let (server, caller): (SocketAddr, SocketAddr) = (SERVER.parse().unwrap(), CALLER.parse().unwrap());
    let id = [b'i'; 20];
    let request = [&[0][..], &id, b"\x92\xa6lookup\x90"].concat();
    capture.add(caller, server, &request);
    capture.add(caller, server, &request);
    let mut running = Vec::new();
    rpcudp_core::Frame::encode_running(&mut running, rpcudp::MessageId::from_bytes(id));
    capture.add(server, caller, &running);
    capture.add(server, caller, &[&[1][..], &id, b"\x2a"].concat());

    let frames = Frames::of(&tshark, &capture, &[]);
    frames.assert(1, &[("response_in", "4")]);
    frames.assert(2, &[("resend_of", "1"), ("response_in", "4")]);
    frames.assert(
        3,
        &[
            ("type", "0x06"),
            ("dialect", "rpcudp"),
            ("method", "lookup"),
            ("request_in", "1"),
            ("copy_of", ""),
            ("_ws.expert.message", ""),
            ("_ws.col.Info", "Running lookup"),
        ],
    );
    frames.assert(4, &[("request_in", "1"), ("copy_of", ""), ("_ws.col.Info", "Response lookup: 42")]);
}

#[test]
fn cancel_frames_refer_to_the_request() {
    let Some(tshark) = tshark("cancel") else { return };
    let capture = Capture::new();
    let (server, caller): (SocketAddr, SocketAddr) = (SERVER.parse().unwrap(), CALLER.parse().unwrap());
    let id = [b'i'; 20];
    capture.add(caller, server, &[&[0][..], &id, b"\x92\xa6lookup\x90"].concat());
    let mut cancel = Vec::new();
    rpcudp_core::Frame::encode_cancel(&mut cancel, rpcudp::MessageId::from_bytes(id));
    capture.add(caller, server, &cancel);
    capture.add(server, caller, &cancel);

    let frames = Frames::of(&tshark, &capture, &[]);
    let expected = [("type", "0x05"), ("dialect", "rpcudp"), ("method", "lookup"), ("request_in", "1")];
    frames.assert(2, &expected);
    frames.assert(2, &[("_ws.expert.message", ""), ("_ws.col.Info", "Cancel lookup")]);
    frames.assert(3, &[("request_in", ""), ("_ws.col.Info", "Cancel")]);
}

#[test]
fn trailers_have_fields() {
    let Some(tshark) = tshark("trailers") else { return };
    let capture = Capture::new();
    let (caller, server): (SocketAddr, SocketAddr) = (CALLER.parse().unwrap(), SERVER.parse().unwrap());
    let id = *b"twenty bytes of id..";
    capture.add(
        caller,
        server,
        &[&[0][..], &id, b"\x92\xa6lookup\x90\xc1RuT\x07\x01x\x01\x04\x00\x00\x13\x88"].concat(),
    );
    let fields = b"\xc1RuT\x02\x04\x00\x00\x04\xd2\x03\x08\x00\x01\x02\x03\x04\x05\x06\x07";
    capture.add(server, caller, &[&[0x81][..], &id, b"\x2a", fields].concat());
    capture.add(server, caller, &[&[0x84][..], &id, b"\x92\x01\xa0", fields, b"!"].concat());

    let frames = Frames::of(&tshark, &capture, &[]);
    frames.assert(1, &[("remaining", "5000"), ("trailing", "070178")]);
    let trailer = [("handler_time", "1234"), ("checksum", "0x0001020304050607")];
    frames.assert(2, &[&trailer[..], &[("type", "0x81"), ("request_in", "1"), ("trailing", "")]].concat());
    frames.assert(3, &[&trailer[..], &[("type", "0x84"), ("failure.code", "1"), ("trailing", "21")]].concat());
}

#[test]
fn metadata_has_a_field_for_each_entry() {
    let Some(tshark) = tshark("metadata") else { return };
    let capture = Capture::new();
    let (caller, server): (SocketAddr, SocketAddr) = (CALLER.parse().unwrap(), SERVER.parse().unwrap());
    let request = |trailer: &[u8]| [b"\0twenty bytes of id..\x92\xa6lookup\x90\xc1RuT", trailer].concat();
    capture.add(caller, server, &request(b"\x04\x06\x01a\x00\x021\n\x01\x04\x00\x00\x13\x88"));
    let long =
        [b"\x01\x04\x00\x00\x13\x88\x04\xff\x01a\x00\xfd", &[b'x'; 251][..], b"\x04\x07xx\x02bc\x00\x00"].concat();
    capture.add(caller, server, &request(&long));
    capture.add(caller, server, &request(b"\x04\x05\x01a\x00\x02x\x04\x00"));

    let frames = Frames::of(&tshark, &capture, &[]);
    frames.assert(1, &[("remaining", "5000"), ("metadata", "a: 1\\x0a"), ("trailing", "")]);
    frames.assert(2, &[("remaining", "5000"), ("trailing", "")]);
    assert_eq!(frames.0[1].all("rpcudp.metadata"), [format!("a: {}", "x".repeat(253)), "bc: ".into()]);
    frames.assert(3, &[("metadata", ""), ("trailing", "040501610002780400")]);
}

#[tokio::test(start_paused = true)]
async fn a_call_without_a_response_is_marked() {
    let Some(tshark) = tshark("unanswered") else { return };
    let capture = Capture::new();
    let pair = pair(Dialect::Rpcudp, &capture);
    pair.greeter.gossip("psst", -3).await.unwrap();
    let (server, caller): (SocketAddr, SocketAddr) = (SERVER.parse().unwrap(), CALLER.parse().unwrap());
    pair.network.set_link(server.ip(), caller.ip(), latency().loss(1.0));
    assert!(pair.greeter.sayhi("lost").await.is_err());

    let frames = Frames::of(&tshark, &capture, &[]);
    for (number, arguments) in [(1, "\"psst\", -3"), (2, "\"lost\"")] {
        frames.assert(
            number,
            &[
                ("arguments", arguments),
                ("response_in", ""),
                ("_ws.expert.message", "no response in this capture: lost, oneway, or still pending"),
            ],
        );
    }
    frames.assert(1, &[("remaining", "")]);
}

#[tokio::test(start_paused = true)]
async fn malformed_datagrams_are_marked_with_the_reason_and_do_not_hide_others() {
    let Some(tshark) = tshark("malformed") else { return };
    let capture = Capture::new();
    let pair = pair(Dialect::Rpcudp, &capture);
    let (server, caller): (SocketAddr, SocketAddr) = (SERVER.parse().unwrap(), CALLER.parse().unwrap());
    pair.greeter.sayhi("one").await.unwrap();
    let id = [b'i'; 20];
    let malformed: [(&[u8], &str); 11] = [
        (b"\x01short", "shorter than the shortest message"),
        (&[&[1][..], &id, b"\xc1"].concat(), "a byte that msgpack does not use"),
        (&[&[1][..], &id, b"\xa5four"].concat(), "the body ends too early"),
        (&[&[1][..], &id, b"\xdd\xff\xff\xff\xff\xc0"].concat(), "it claims more values than bytes follow"),
        (&[&[1][..], &id, &[0x91; 1_000], b"\xc0"].concat(), "it nests deeper than 32 levels"),
        (
            &[&[0][..], &id, b"\x92\x01\x90"].concat(),
            "a request's body must be an array of a method name and an array of arguments",
        ),
        (&[&[0][..], &id, b"\x92\xa2\xff\xff\x90"].concat(), "the method name is not UTF-8"),
        (&[&[4][..], &id, b"\x91\x01"].concat(), "a failure's body must be an array of a code and a message"),
        (&[&[4][..], &id, b"\x92\xa1a\xa1b"].concat(), "a failure's body must be an array of a code and a message"),
        (&[&[5][..], &id, b"\x90"].concat(), "a cancel frame's body must be nil"),
        (&[&[6][..], &id, b"\x90"].concat(), "a running frame's body must be nil"),
    ];
    for (datagram, _) in &malformed {
        capture.add(server, caller, datagram);
    }
    // An unknown type.
    capture.add(server, caller, b"\x09hello");
    pair.greeter.sayhi("two").await.unwrap();

    let frames = Frames::of(&tshark, &capture, &[]);
    for (index, (_, reason)) in malformed.iter().enumerate() {
        let reason = format!("not a message: {reason}");
        frames.assert(3 + index, &[("_ws.expert.message", &reason), ("_ws.col.Protocol", "rpcudp"), ("method", "")]);
    }
    let unknown = 3 + malformed.len();
    frames.assert(unknown, &[("type", ""), ("_ws.col.Protocol", "UDP")]);
    frames.assert(unknown + 1, &[("arguments", "\"two\""), ("response_in", &(unknown + 2).to_string())]);
}

#[tokio::test(start_paused = true)]
async fn a_response_without_its_request_is_dissected_on_a_named_port() {
    let Some(tshark) = tshark("decode_as") else { return };
    let (whole, half) = (Capture::new(), Capture::new());
    let pair = pair(Dialect::Rpcudp, &whole);
    pair.greeter.sayhi("one").await.unwrap();
    let (server, caller): (SocketAddr, SocketAddr) = (SERVER.parse().unwrap(), CALLER.parse().unwrap());
    half.add(server, caller, &[&[1][..], &[b'i'; 20], b"\xa2hi"].concat());
    // Any datagram that begins with 1 might be a response.
    Frames::of(&tshark, &half, &[]).assert(1, &[("type", ""), ("_ws.col.Protocol", "UDP")]);
    for known in [["-d", "udp.port==7000,rpcudp"], ["-o", "rpcudp.ports:6999-7001"]] {
        Frames::of(&tshark, &half, &known).assert(
            1,
            &[
                ("type", "0x01"),
                ("method", ""),
                ("result", "\"hi\""),
                ("time", ""),
                ("_ws.col.Info", "Response: \"hi\""),
            ],
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_response_from_another_address_is_marked() {
    let Some(tshark) = tshark("other_source") else { return };
    let capture = Capture::new();
    let addr = |addr: &str| addr.parse().unwrap();
    let (id, caller) = ([b'i'; 20], addr("[2001:db8::1]:7000"));
    capture.add(caller, addr("[2001:db8::2]:7000"), &[&[0][..], &id, b"\x92\xa4stun\x90"].concat());
    capture.add(addr("[2001:db8::3]:7000"), caller, &[&[1][..], &id, b"\x92\xa3::1\xcd\x1b\x58"].concat());
    let frames = Frames::of(&tshark, &capture, &[]);
    frames
        .assert(1, &[("method", "stun"), ("arguments", ""), ("_ws.col.Info", "Request stun()"), ("response_in", "2")]);
    frames.assert(
        2,
        &[
            ("result", "[\"::1\", 7000]"),
            ("_ws.expert.message", "the response came from another address than the called one"),
        ],
    );
}
