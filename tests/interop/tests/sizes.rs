//! How large requests and responses may be, to the byte.

use std::time::Duration;

use rpcudp::{Call, CallError, Endpoint};
use rpcudp_interop::{Ended, PeerClient, PeerServer, Python, RustPeer, Venv, blob};

rpcudp_interop::for_each_package!(
    rust_sends_requests_of_8192_bytes_and_no_larger,
    python_sends_requests_of_8192_bytes_and_no_larger,
    large_responses_of_pythons_reach_rust,
    large_responses_of_rusts_reach_python,
    a_response_that_no_datagram_holds_costs_that_call_alone,
);

rpcudp_interop::for_package!(
    twisted,
    Storj: twisted_cuts_requests_above_8192_bytes_of_datagram,
    twisted_cuts_responses_above_8192_bytes_of_datagram,
);

/// What a body `["size", [data]]` has beside the data: a byte for each of the two arrays, five for the name, three for
/// the head of data of 256 to 65,535 bytes.
const AROUND_SIZE: usize = 1 + 5 + 1 + 3;

/// What a datagram has before its body.
const HEADER_LEN: usize = 21;

/// What a response has around bytes: the header and the head of data of 256 to 65,535 bytes.
const AROUND_BLOB: usize = HEADER_LEN + 3;

/// What UDP carries over IPv4.
const MAX_DATAGRAM_LEN: usize = 65_507;

/// A peer that takes all that UDP carries, and an endpoint that serves.
async fn roomy_pair(venv: &Venv) -> (Python, Endpoint) {
    pair(venv, Some(MAX_DATAGRAM_LEN)).await
}

async fn pair(venv: &Venv, max_packet_len: Option<usize>) -> (Python, Endpoint) {
    let launch = venv.launch().wait_timeout(Duration::from_secs(1));
    let launch = max_packet_len.into_iter().fold(launch, |launch, len| launch.max_packet_len(len));
    let rust = venv.endpoint().serve(PeerServer::new(RustPeer)).bind("127.0.0.1:0").await.unwrap();
    (launch.start().await, rust)
}

/// The bytes as Python writes them.
fn literal(bytes: &[u8]) -> String {
    format!("b'{}'", str::from_utf8(bytes).unwrap())
}

/// Asserts that a call times out, without waiting for long.
async fn assert_timeout<T>(call: Call<T>) {
    match call.timeout(Duration::from_millis(500)).await {
        Ok(_) => panic!("it was answered"),
        Err(error) => assert!(error.is_timeout(), "{error}"),
    }
}

async fn rust_sends_requests_of_8192_bytes_and_no_larger(venv: &Venv) {
    let (python, rust) = roomy_pair(venv).await;
    let peer = PeerClient::new(&rust, python.addr());
    let largest = 8_192 - AROUND_SIZE;
    assert_eq!(peer.size(&blob(largest)).await.unwrap(), largest);

    let sent = rust.stats().datagrams.sent;
    let error = peer.size(&blob(largest + 1)).await.unwrap_err();
    assert!(matches!(error, CallError::TooLarge { method: "size", size: 8_193, limit: 8_192 }), "{error}");
    assert_eq!(rust.stats().datagrams.sent, sent);
    assert_eq!(rust.stats().calls.unsendable, 1);
}

async fn python_sends_requests_of_8192_bytes_and_no_larger(venv: &Venv) {
    let (python, rust) = roomy_pair(venv).await;
    let largest = 8_192 - AROUND_SIZE;
    let ended = python.call(rust.local_addr(), "size", &[&literal(&blob(largest))]).await;
    assert_eq!(ended, Ended::answered(format!("int {largest}")));

    let ended = python.call(rust.local_addr(), "size", &[&literal(&blob(largest + 1))]).await;
    let message = "Total length of function name and arguments cannot exceed 8K".into();
    assert_eq!(ended, Ended::Raised { kind: "MalformedMessage".into(), message });
    assert_eq!(rust.stats().datagrams.received, 1, "it was not sent");
}

/// Larger than a request may be, larger than the Ethernet MTU by far, and the largest there is.
const RESPONSE_SIZES: [usize; 4] = [8_193, 20_000, 60_000, MAX_DATAGRAM_LEN - AROUND_BLOB];

async fn large_responses_of_pythons_reach_rust(venv: &Venv) {
    let (python, rust) = roomy_pair(venv).await;
    let peer = PeerClient::new(&rust, python.addr());
    for size in RESPONSE_SIZES {
        assert!(peer.blob(size).await.unwrap() == blob(size), "{size} bytes");
    }
}

async fn large_responses_of_rusts_reach_python(venv: &Venv) {
    let (python, rust) = roomy_pair(venv).await;
    for size in RESPONSE_SIZES {
        let ended = python.call(rust.local_addr(), "blob", &[&size.to_string()]).await;
        assert!(ended == Ended::answered(format!("bytes {}", literal(&blob(size)))), "{size} bytes");
    }
}

async fn a_response_that_no_datagram_holds_costs_that_call_alone(venv: &Venv) {
    let (python, rust) = roomy_pair(venv).await;
    let peer = PeerClient::new(&rust, python.addr());
    let too_large = MAX_DATAGRAM_LEN - AROUND_BLOB + 1;

    assert_timeout(peer.blob(too_large)).await;
    assert_eq!(peer.add(1, 2).await.unwrap(), 3);

    assert_eq!(python.call(rust.local_addr(), "blob", &[&too_large.to_string()]).await, Ended::TimedOut);
    assert_eq!(rust.stats().requests.refused, 1);
    assert_eq!(python.call(rust.local_addr(), "add", &["1", "2"]).await, Ended::answered("int 3"));
}

/// storjrpcudp lets requests of 8,192 bytes pass, and Twisted's `listenUDP` takes datagrams of 8,192 bytes unless it is
/// told otherwise: the header leaves 8,171 for the body.
async fn twisted_cuts_requests_above_8192_bytes_of_datagram(venv: &Venv) {
    let (python, rust) = pair(venv, None).await;
    let peer = PeerClient::new(&rust, python.addr());
    let largest = 8_192 - HEADER_LEN - AROUND_SIZE;
    assert_eq!(peer.size(&blob(largest)).await.unwrap(), largest);
    assert_timeout(peer.size(&blob(largest + 1))).await;
    assert_eq!(peer.size(&blob(largest)).await.unwrap(), largest, "the peer goes on");
    assert!(python.stderr().contains("InsufficientDataException"), "{}", python.stderr());
}

async fn twisted_cuts_responses_above_8192_bytes_of_datagram(venv: &Venv) {
    let (python, rust) = pair(venv, None).await;
    let largest = 8_192 - AROUND_BLOB;
    let ended = python.call(rust.local_addr(), "blob", &[&largest.to_string()]).await;
    assert_eq!(ended, Ended::answered(format!("bytes {}", literal(&blob(largest)))));
    assert_eq!(python.call(rust.local_addr(), "blob", &[&(largest + 1).to_string()]).await, Ended::TimedOut);
    assert_eq!(rust.stats().requests.completed, 2, "Rust has sent both");
}
