//! The fields after the body of a response: the handler's time and the checksum.

use std::cell::Cell;
use std::time::Duration;

use rpcudp::sim::{Network, Node};
use rpcudp::{DropReason, Endpoint, rpc_service};
use rpcudp_core::{Dialect, Frame, MessageId, Request, Response, Trailer, codec};
use tokio::time::sleep;

use crate::support::{Encode, Pair, SERVER, bind, ms, receive, request, send};

#[rpc_service]
trait Worker {
    fn bytes(&self, len: usize) -> Vec<u8>;
    async fn after(&self, micros: u64, len: usize) -> Result<Vec<u8>, Vec<u8>>;
    async fn panic_after(&self, micros: u64);
    #[rpc(at_most_once)]
    async fn once_after(&self, micros: u64, len: usize) -> Vec<u8>;
}

struct Service;

impl Worker for Service {
    fn bytes(&self, len: usize) -> Vec<u8> {
        vec![7; len]
    }
    async fn after(&self, micros: u64, len: usize) -> Result<Vec<u8>, Vec<u8>> {
        sleep(Duration::from_micros(micros)).await;
        if len.is_multiple_of(2) { Ok(vec![7; len]) } else { Err(vec![7; len]) }
    }
    async fn panic_after(&self, micros: u64) {
        sleep(Duration::from_micros(micros)).await;
        panic!("as requested");
    }
    async fn once_after(&self, micros: u64, len: usize) -> Vec<u8> {
        sleep(Duration::from_micros(micros)).await;
        vec![7; len]
    }
}

/// A server, and a node that sends it requests as bytes.
struct Raw {
    _server: Endpoint,
    node: Node,
    call_count: Cell<u8>,
}

impl Raw {
    fn new(network: &Network) -> Self {
        let server = bind(network, SERVER, Endpoint::builder().serve(WorkerServer::new(Service)));
        Self { _server: server, node: network.bind("10.0.0.3:7000").unwrap(), call_count: Cell::new(0) }
    }

    /// Returns the response to a request with or without a trailer.
    async fn call(&self, method: &str, arguments: &[&dyn Encode], has_trailer: bool) -> Vec<u8> {
        self.call_count.update(|count| count + 1);
        let mut datagram = request([self.call_count.get(); MessageId::LEN], method, arguments);
        if has_trailer {
            Request::end(&mut datagram, Duration::from_secs(60));
        }
        send(&self.node, SERVER.parse().unwrap(), &datagram);
        for _ in 0..10_000 {
            if let Some(response) = receive(&self.node).await.pop() {
                return response;
            }
        }
        panic!("no response to {method}");
    }
}

fn handler_time(response: &[u8]) -> Option<Duration> {
    Frame::decode_with_trailer(response, Dialect::Rpcudp).unwrap().1.handler_time
}

#[tokio::test(start_paused = true)]
async fn response_reports_the_handlers_time_from_a_millisecond_on() {
    let raw = Raw::new(&Network::new(1));
    for (millis, expected) in [(0, None), (1, Some(ms(1))), (3_000, Some(ms(3_000)))] {
        let micros = &(millis * 1_000_u64);
        for (method, arguments) in [
            ("after", &[micros as &dyn Encode, &10_usize][..]),
            ("after", &[micros, &11_usize]),
            ("panic_after", &[micros]),
            ("once_after", &[micros, &(millis as usize)]),
        ] {
            // The timer of the runtime has a resolution of a millisecond.
            let response = raw.call(method, arguments, true).await;
            let time = handler_time(&response).map(|time| Duration::from_millis(time.as_millis() as u64));
            if let Some(expected) = expected {
                assert!(time.is_some_and(|time| (expected..expected + ms(2)).contains(&time)), "{method}: {time:?}");
            } else {
                assert_eq!(time, None, "{method}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn response_to_a_request_without_a_trailer_has_none() {
    let raw = Raw::new(&Network::new(1));
    for (method, arguments) in [
        ("bytes", &[&5_000_usize as &dyn Encode][..]),
        ("after", &[&5_000_u64, &5_000]),
        ("after", &[&5_000_u64, &5_001]),
    ] {
        let response = raw.call(method, arguments, false).await;
        assert!(response[0] < 0x80 && !response.windows(4).any(|bytes| bytes == b"\xc1RuT"), "{method}");
        assert_eq!(handler_time(&response), None);
    }
}

#[tokio::test(start_paused = true)]
async fn responses_above_1200_bytes_are_checked() {
    let raw = Raw::new(&Network::new(1));
    // Three bytes are the head of the binary value, and a failure has three more.
    for (method, len, kind) in
        [("bytes", 1_197, 1), ("bytes", 1_198, 0x81), ("after", 1_191, 4), ("after", 1_211, 0x84)]
    {
        let arguments = [&0_u64 as &dyn Encode, &len];
        let response = raw.call(method, if method == "bytes" { &arguments[1..] } else { &arguments }, true).await;
        assert_eq!(response[0], kind, "{method}, {len} bytes");
        Frame::decode(&response, Dialect::Rpcudp).unwrap();
    }
    // The largest responses leave no room for a checksum.
    for (len, kind) in [(65_486 - 3, 1), (65_486 - 3 - 13, 1), (65_486 - 3 - 14, 0x81)] {
        assert_eq!(raw.call("bytes", &[&len], true).await[0], kind, "{len} bytes");
    }
}

#[tokio::test(start_paused = true)]
async fn response_with_a_forged_fragment_is_dropped_and_the_genuine_one_completes_the_call() {
    let network = Network::new(1);
    let caller = bind(&network, "10.0.0.2:7000", Endpoint::builder());
    let server = network.bind(SERVER).unwrap();
    let client = WorkerClient::new(&caller, SERVER.parse().unwrap());
    let call = tokio::spawn(client.bytes(8_000).into_future());
    let request = loop {
        if let Some(request) = receive(&server).await.pop() {
            break request;
        }
    };
    let Ok(Frame::Request(request)) = Frame::decode(&request, Dialect::Rpcudp) else { panic!("no request") };
    let mut response = Vec::new();
    Response::begin(&mut response, Dialect::Rpcudp, request.id);
    codec::encode(&mut response, &vec![7_u8; 8_000]).unwrap();
    Trailer::end_response(&mut response, 0, None, true, usize::MAX);
    // The first fragment is genuine, as an attacker off the path has not seen the message id.
    let fragment_len = 1_480 - 8;
    let (first, end) = (&response[..fragment_len], &response[5 * 1_480 - 8..]);
    let middle = [first, &[9; 1_480], &response[fragment_len + 1_480..]].concat();
    let last = [&response[..5 * 1_480 - 8], &vec![9; end.len()][..]].concat();
    // Without the trailer, the body is complete.
    let bare = [&response[..21 + 3 + 8_000]].concat();
    let forged_bare = [&bare[..5 * 1_480 - 8], &vec![9; bare.len() - (5 * 1_480 - 8)][..]].concat();
    let forged = [middle, last, bare, forged_bare];
    for datagram in &forged {
        send(&server, caller.local_addr(), datagram);
    }
    sleep(ms(10)).await;
    assert!(!call.is_finished());
    assert_eq!(caller.stats().dropped(DropReason::BadChecksum), forged.len() as u64);
    send(&server, caller.local_addr(), &response);
    assert_eq!(call.await.unwrap().unwrap(), [7; 8_000]);
}

#[tokio::test(start_paused = true)]
async fn checked_responses_reach_the_caller_and_its_duplicates() {
    let pair = Pair::new(Network::new(1), Endpoint::builder().serve(WorkerServer::new(Service)), Endpoint::builder());
    let client: WorkerClient = pair.client();
    for len in [0, 1_197, 1_198, 8_000, 8_001, 65_000] {
        assert_eq!(client.bytes(len).await.unwrap(), vec![7; len]);
        assert_eq!(client.once_after(700_000, len).await.unwrap(), vec![7; len]);
        let result = client.after(2_000, len).await;
        if len % 2 == 0 {
            assert_eq!(result.unwrap(), vec![7; len]);
        } else {
            assert!(result.is_err_and(|error| error.into_application().is_ok_and(|error| error == vec![7; len])));
        }
    }
    assert_eq!(pair.caller.stats().dropped(DropReason::BadChecksum), 0);
}
