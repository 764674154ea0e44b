//! Refusals and failures on one side are a timeout or an error on the other, and both continue to
//! work.

use std::time::Duration;

use rpcudp::{Call, CallError, Dialect, DropReason, Endpoint, rpc_service};
use rpcudp_core::{Frame, Response, codec};
use rpcudp_interop::{CallOutcome, PeerClient, PeerServer, Python, RustPeer, Venv};
use tokio::net::UdpSocket;

rpcudp_interop::for_each_package!(
    a_method_unknown_to_python_is_a_timeout,
    a_method_unknown_to_rust_is_a_timeout,
    a_python_handler_that_raises_is_a_timeout,
    a_rust_handler_that_panics_is_a_timeout,
    arguments_refused_by_python_are_a_timeout,
    arguments_refused_by_rust_are_a_timeout,
    a_response_of_another_type_is_a_decode_error,
    requests_of_the_other_dialect_get_no_response,
);

rpcudp_interop::for_package!(rpcudp_5, Rpcudp5: failure_frames_are_ignored_by_python);
rpcudp_interop::for_package!(rpcudp_4, Rpcudp4: failure_frames_are_ignored_by_python);
rpcudp_interop::for_package!(running_5, Rpcudp5: running_frames_are_ignored_by_python);
rpcudp_interop::for_package!(running_4, Rpcudp4: running_frames_are_ignored_by_python);

rpcudp_interop::for_package!(cancel_5, Rpcudp5: cancel_frames_are_ignored_by_python);
rpcudp_interop::for_package!(cancel_4, Rpcudp4: cancel_frames_are_ignored_by_python);

/// Starts a peer with a timeout of 1 s, and an endpoint that serves.
async fn pair(venv: &Venv) -> (Python, Endpoint) {
    let python = venv.launch().wait_timeout(Duration::from_secs(1)).start().await;
    let rust = venv.endpoint().serve(PeerServer::new(RustPeer)).bind("127.0.0.1:0").await.unwrap();
    (python, rust)
}

/// Asserts that both sides still call each other, and that no late response was dropped.
async fn assert_calls_both_ways(python: &Python, rust: &Endpoint) {
    assert_eq!(PeerClient::new(rust, python.addr()).add(1, 2).await.unwrap(), 3);
    assert_eq!(python.call(rust.local_addr(), "add", &["1", "2"]).await, CallOutcome::returned("int 3"));
    assert_eq!(rust.stats().dropped_in_all(), 0);
}

/// Asserts that a call ends with its timeout.
async fn assert_timeout<T>(call: Call<T>) {
    let limit = Duration::from_millis(500);
    match call.timeout(limit).await {
        Err(CallError::Timeout { after, .. }) => assert_eq!(after, limit),
        Err(error) => panic!("not a timeout: {error}"),
        Ok(_) => panic!("the call got a response"),
    }
}

#[rpc_service]
trait Mismatched {
    fn unknown_method(&self) -> i64;
    fn add(&self, a: i64) -> i64;
    #[rpc(name = "make")]
    fn make_number(&self, literal: &str) -> i64;
}

async fn a_method_unknown_to_python_is_a_timeout(venv: &Venv) {
    let (python, rust) = pair(venv).await;
    assert_timeout(MismatchedClient::new(&rust, python.addr()).unknown_method()).await;
    assert_eq!(rust.stats().datagrams.received, 0, "Python sent no datagram");
    assert_calls_both_ways(&python, &rust).await;
}

async fn a_method_unknown_to_rust_is_a_timeout(venv: &Venv) {
    let (python, rust) = pair(venv).await;
    assert_eq!(python.call(rust.local_addr(), "unknown_method", &["1"]).await, CallOutcome::TimedOut);
    let stats = rust.stats();
    assert_eq!(stats.requests.refused, 1);
    // The storj dialect has no failure frame.
    assert_eq!(stats.datagrams.sent, u64::from(venv.package().dialect() == Dialect::Rpcudp));
    assert_calls_both_ways(&python, &rust).await;
    assert!(!python.stderr().contains("Traceback"), "{}", python.stderr());
}

async fn failure_frames_are_ignored_by_python(venv: &Venv) {
    let python = venv.launch().wait_timeout(Duration::from_secs(1)).verbose().start().await;
    let rust = venv.endpoint().serve(PeerServer::new(RustPeer)).bind("127.0.0.1:0").await.unwrap();
    let refused: [(&str, &[&str]); 4] =
        [("unknown_method", &[]), ("add", &["'text'"]), ("fail", &["'why'"]), ("fail_later", &["'why'"])];
    for (method, arguments) in refused {
        assert_eq!(python.call(rust.local_addr(), method, arguments).await, CallOutcome::TimedOut, "{method}");
    }
    let stderr = python.stderr();
    assert_eq!(stderr.matches("Received unknown message").count(), refused.len(), "{stderr}");
    assert!(!stderr.contains("Traceback"), "{stderr}");
    assert_calls_both_ways(&python, &rust).await;
}

async fn running_frames_are_ignored_by_python(venv: &Venv) {
    let python = venv.launch().wait_timeout(Duration::from_secs(5)).verbose().start().await;
    // A server that sends a running frame for the request before it sends the response.
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let addr = server.local_addr().unwrap();
    let respond = async {
        let mut datagram = [0; 1_500];
        let (len, caller) = server.recv_from(&mut datagram).await.unwrap();
        let Ok(Frame::Request(request)) = Frame::decode(&datagram[..len], Dialect::Rpcudp) else {
            panic!("not a request: {:x?}", &datagram[..len]);
        };
        let (mut running, mut response) = (Vec::new(), Vec::new());
        Frame::encode_running(&mut running, request.id);
        Response::begin(&mut response, Dialect::Rpcudp, request.id);
        codec::encode(&mut response, &3).unwrap();
        for contents in [&running, &response] {
            server.send_to(contents, caller).await.unwrap();
        }
    };
    let (outcome, ()) = tokio::join!(python.call(addr, "add", &["1", "2"]), respond);
    assert_eq!(outcome, CallOutcome::returned("int 3"), "the response after the running frame counts");
    let stderr = python.stderr();
    assert_eq!(stderr.matches("Received unknown message").count(), 1, "{stderr}");
    assert!(!stderr.contains("Traceback"), "{stderr}");
}

async fn cancel_frames_are_ignored_by_python(venv: &Venv) {
    let python = venv.launch().wait_timeout(Duration::from_secs(5)).verbose().start().await;
    let rust = venv.endpoint().serve(PeerServer::new(RustPeer)).bind("127.0.0.1:0").await.unwrap();
    let mismatched = MismatchedClient::new(&rust, python.addr());
    for _ in 0..10 {
        // Python does not respond, so the call is dropped while it is in flight.
        tokio::time::timeout(Duration::from_millis(50), mismatched.unknown_method()).await.unwrap_err();
    }
    assert_eq!(rust.stats().calls.cancels_sent, 10);
    assert_calls_both_ways(&python, &rust).await;
    let stderr = python.stderr();
    assert_eq!(stderr.matches("Received unknown message").count(), 10, "{stderr}");
    assert!(!stderr.contains("Traceback"), "{stderr}");
}

async fn a_python_handler_that_raises_is_a_timeout(venv: &Venv) {
    let (python, rust) = pair(venv).await;
    let peer = PeerClient::new(&rust, python.addr());
    assert_timeout(peer.fail("raised in a function")).await;
    assert_timeout(peer.fail_later("raised in a coroutine")).await;
    assert_eq!(rust.stats().datagrams.received, 0, "Python sent no datagram");
    assert_calls_both_ways(&python, &rust).await;
    let stderr = python.stderr();
    assert!(stderr.contains("raised in a function") && stderr.contains("raised in a coroutine"), "{stderr}");
}

async fn a_rust_handler_that_panics_is_a_timeout(venv: &Venv) {
    let (python, rust) = pair(venv).await;
    assert_eq!(python.call(rust.local_addr(), "fail", &["'in a function'"]).await, CallOutcome::TimedOut);
    assert_eq!(python.call(rust.local_addr(), "fail_later", &["'in a task'"]).await, CallOutcome::TimedOut);
    assert_eq!(rust.stats().requests.panicked, 2);
    assert_calls_both_ways(&python, &rust).await;
}

async fn arguments_refused_by_python_are_a_timeout(venv: &Venv) {
    let (python, rust) = pair(venv).await;
    assert_timeout(MismatchedClient::new(&rust, python.addr()).add(1)).await;
    assert_calls_both_ways(&python, &rust).await;
    assert!(python.stderr().contains("TypeError"), "{}", python.stderr());
}

async fn arguments_refused_by_rust_are_a_timeout(venv: &Venv) {
    let (python, rust) = pair(venv).await;
    let refused = [&["1"][..], &["1", "'2'"], &["1", "2.5"], &["1", "18446744073709551615"]];
    let refused = refused.map(|literals| literals.iter().map(ToString::to_string).collect());
    let outcome = python.calls(rust.local_addr(), "add", &refused, refused.len()).await;
    assert_eq!(outcome, refused.map(|_: Vec<_>| CallOutcome::TimedOut));
    assert_eq!(rust.stats().requests.refused, 4);
    assert_calls_both_ways(&python, &rust).await;
}

async fn a_response_of_another_type_is_a_decode_error(venv: &Venv) {
    let (python, rust) = pair(venv).await;
    let error = MismatchedClient::new(&rust, python.addr()).make_number("'text'").await.unwrap_err();
    assert!(matches!(error, CallError::Decode { method: "make", .. }), "{error}");
    assert_calls_both_ways(&python, &rust).await;
}

async fn requests_of_the_other_dialect_get_no_response(venv: &Venv) {
    let python = venv.launch().wait_timeout(Duration::from_secs(1)).start().await;
    let other = match venv.package().dialect() {
        Dialect::Rpcudp => Dialect::Storj,
        _ => Dialect::Rpcudp,
    };
    let rust = Endpoint::builder().dialect(other).serve(PeerServer::new(RustPeer)).bind("127.0.0.1:0").await.unwrap();
    assert_eq!(python.call(rust.local_addr(), "add", &["1", "2"]).await, CallOutcome::TimedOut);
    assert_eq!(rust.stats().dropped(DropReason::OtherDialect), 1);
    assert_timeout(PeerClient::new(&rust, python.addr()).add(1, 2)).await;
}
