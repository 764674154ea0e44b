//! The size limits of requests and responses, to the byte.

use std::time::Duration;

use rpcudp::{Call, CallError, Endpoint};
use rpcudp_interop::{CallOutcome, PeerClient, PeerServer, Python, RustPeer, Venv, blob};

rpcudp_interop::for_each_package!(
    rust_sends_requests_of_8192_bytes_and_no_larger,
    python_sends_requests_of_8192_bytes_and_no_larger,
    large_responses_of_python_reach_rust,
    large_responses_of_rust_reach_python,
    an_oversized_response_fails_only_its_call,
);

// The others expect less: `rpcudp_fast` gives the reason of an oversized response, and the length
// of an oversized request.
rpcudp_interop::for_package!(
    rpcudp_fast,
    Fast: rust_sends_requests_of_8192_bytes_and_no_larger,
    large_responses_of_python_reach_rust,
    large_responses_of_rust_reach_python,
);

rpcudp_interop::for_package!(
    twisted,
    Storj: twisted_truncates_requests_above_8192_bytes,
    twisted_truncates_responses_above_8192_bytes,
);

/// The bytes of a body `["size", [data]]` besides the data: one for each of the two arrays, five
/// for the name, three for the head of data of 256 to 65,535 bytes.
const SIZE_OVERHEAD: usize = 1 + 5 + 1 + 3;

/// The bytes of a datagram before its body.
const HEADER_LEN: usize = 21;

/// The bytes of a response besides its data: the header and the head of data of 256 to 65,535
/// bytes.
const BLOB_OVERHEAD: usize = HEADER_LEN + 3;

/// The largest datagram of UDP over IPv4.
const MAX_DATAGRAM_LEN: usize = 65_507;

/// Starts a peer that accepts the largest datagrams, and an endpoint that serves.
async fn pair_without_truncation(venv: &Venv) -> (Python, Endpoint) {
    pair(venv, Some(MAX_DATAGRAM_LEN)).await
}

/// Starts a peer with a timeout of 1 s, and an endpoint that serves.
async fn pair(venv: &Venv, max_packet_len: Option<usize>) -> (Python, Endpoint) {
    let launch = venv.launch().wait_timeout(Duration::from_secs(1));
    let launch = max_packet_len.into_iter().fold(launch, |launch, len| launch.max_packet_len(len));
    let rust = venv.endpoint().serve(PeerServer::new(RustPeer)).bind("127.0.0.1:0").await.unwrap();
    (launch.start().await, rust)
}

/// Formats bytes as a Python literal.
fn literal(bytes: &[u8]) -> String {
    format!("b'{}'", str::from_utf8(bytes).unwrap())
}

/// Asserts that a call times out within 500 ms.
async fn assert_timeout<T>(call: Call<T>) {
    match call.timeout(Duration::from_millis(500)).await {
        Ok(_) => panic!("the call got a response"),
        Err(error) => assert!(error.is_timeout(), "{error}"),
    }
}

async fn rust_sends_requests_of_8192_bytes_and_no_larger(venv: &Venv) {
    let (python, rust) = pair_without_truncation(venv).await;
    let peer = PeerClient::new(&rust, python.addr());
    let largest = 8_192 - SIZE_OVERHEAD;
    assert_eq!(peer.size(&blob(largest)).await.unwrap(), largest);

    let sent = rust.stats().datagrams.sent;
    let error = peer.size(&blob(largest + 1)).await.unwrap_err();
    assert!(matches!(error, CallError::TooLarge { method: "size", size: 8_193, limit: 8_192 }), "{error}");
    assert_eq!(rust.stats().datagrams.sent, sent);
    assert_eq!(rust.stats().calls.unsendable, 1);
}

async fn python_sends_requests_of_8192_bytes_and_no_larger(venv: &Venv) {
    let (python, rust) = pair_without_truncation(venv).await;
    let largest = 8_192 - SIZE_OVERHEAD;
    let outcome = python.call(rust.local_addr(), "size", &[&literal(&blob(largest))]).await;
    assert_eq!(outcome, CallOutcome::returned(format!("int {largest}")));

    let outcome = python.call(rust.local_addr(), "size", &[&literal(&blob(largest + 1))]).await;
    let message = "Total length of function name and arguments cannot exceed 8K".into();
    assert_eq!(outcome, CallOutcome::Raised { kind: "MalformedMessage".into(), message });
    assert_eq!(rust.stats().datagrams.received, 1, "the request was not sent");
}

/// The sizes of the responses: above the limit of requests, far above the Ethernet MTU, and the
/// largest possible.
const RESPONSE_SIZES: [usize; 4] = [8_193, 20_000, 60_000, MAX_DATAGRAM_LEN - BLOB_OVERHEAD];

async fn large_responses_of_python_reach_rust(venv: &Venv) {
    let (python, rust) = pair_without_truncation(venv).await;
    let peer = PeerClient::new(&rust, python.addr());
    for size in RESPONSE_SIZES {
        assert!(peer.blob(size).await.unwrap() == blob(size), "{size} bytes");
    }
}

async fn large_responses_of_rust_reach_python(venv: &Venv) {
    let (python, rust) = pair_without_truncation(venv).await;
    for size in RESPONSE_SIZES {
        let outcome = python.call(rust.local_addr(), "blob", &[&size.to_string()]).await;
        assert!(outcome == CallOutcome::returned(format!("bytes {}", literal(&blob(size)))), "{size} bytes");
    }
}

async fn an_oversized_response_fails_only_its_call(venv: &Venv) {
    let (python, rust) = pair_without_truncation(venv).await;
    let peer = PeerClient::new(&rust, python.addr());
    let too_large = MAX_DATAGRAM_LEN - BLOB_OVERHEAD + 1;

    assert_timeout(peer.blob(too_large)).await;
    assert_eq!(peer.add(1, 2).await.unwrap(), 3);

    assert_eq!(python.call(rust.local_addr(), "blob", &[&too_large.to_string()]).await, CallOutcome::TimedOut);
    assert_eq!(rust.stats().requests.refused, 1);
    assert_eq!(python.call(rust.local_addr(), "add", &["1", "2"]).await, CallOutcome::returned("int 3"));
}

/// storjrpcudp sends requests of up to 8,192 bytes, but Twisted's `listenUDP` truncates datagrams
/// at 8,192 bytes by default, so the header leaves 8,171 bytes for the body.
async fn twisted_truncates_requests_above_8192_bytes(venv: &Venv) {
    let (python, rust) = pair(venv, None).await;
    let peer = PeerClient::new(&rust, python.addr());
    let largest = 8_192 - HEADER_LEN - SIZE_OVERHEAD;
    assert_eq!(peer.size(&blob(largest)).await.unwrap(), largest);
    assert_timeout(peer.size(&blob(largest + 1))).await;
    assert_eq!(peer.size(&blob(largest)).await.unwrap(), largest, "the peer continues to work");
    assert!(python.stderr().contains("InsufficientDataException"), "{}", python.stderr());
}

async fn twisted_truncates_responses_above_8192_bytes(venv: &Venv) {
    let (python, rust) = pair(venv, None).await;
    let largest = 8_192 - BLOB_OVERHEAD;
    let outcome = python.call(rust.local_addr(), "blob", &[&largest.to_string()]).await;
    assert_eq!(outcome, CallOutcome::returned(format!("bytes {}", literal(&blob(largest)))));
    assert_eq!(python.call(rust.local_addr(), "blob", &[&(largest + 1).to_string()]).await, CallOutcome::TimedOut);
    assert_eq!(rust.stats().requests.completed, 2, "Rust sent both responses");
}
