//! Calls and endpoints that fail before anything is sent.

use rpcudp::sim::Network;
use rpcudp::{BindError, CallError, Endpoint, rpc_service};

use super::fixture::*;

#[test]
fn bind_transport_outside_a_runtime_panics_with_an_explanation() {
    let node = Network::new(1).bind("10.0.0.1:7000").unwrap();
    let bound = std::panic::catch_unwind(|| Endpoint::builder().bind_transport(node));
    let message = *bound.unwrap_err().downcast::<&str>().unwrap();
    assert!(message.starts_with("`bind_transport` needs a tokio runtime: call it in async code"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn unencodable_argument_fails_the_call_unsent() {
    let pair = pair();
    let error = pair.client().takes_unencodable(1, Unencodable).await.unwrap_err();
    assert_eq!(error.to_string(), "argument 2 of `takes_unencodable` cannot be encoded: will not be encoded");
    assert_eq!(pair.network.stats().sent, 0);
}

#[tokio::test(start_paused = true)]
async fn request_over_the_limit_fails_unsent() {
    let pair = pair();
    // `[echo, [bytes]]` adds 1 + 5 + 1 + 3 bytes to the bytes themselves.
    let largest = vec![7; 8_192 - 10];
    assert_eq!(pair.client().echo(&largest).await.unwrap(), largest);
    let sent = pair.network.stats().sent;
    let error = pair.client().echo(&vec![7; 8_192 - 9]).await.unwrap_err();
    assert!(matches!(error, CallError::TooLarge { method: "echo", size: 8_193, limit: 8_192 }), "{error}");
    assert_eq!(error.to_string(), "the request `echo` has 8193 bytes, and `Builder::max_request_len` allows 8192");
    assert_eq!(pair.network.stats().sent, sent);
}

#[tokio::test(start_paused = true)]
async fn request_limit_can_be_raised_to_the_size_of_a_datagram() {
    let pair = pair_with(|builder| builder.max_request_len(usize::MAX));
    let bytes = vec![7; 65_486 - 10];
    assert_eq!(pair.client().echo(&bytes).await.unwrap(), bytes);
    let error = pair.client().echo(&vec![7; 65_486 - 9]).await.unwrap_err();
    assert!(matches!(error, CallError::TooLarge { limit: 65_486, .. }), "the most that a datagram carries: {error}");
}

#[tokio::test(start_paused = true)]
async fn calls_over_the_limit_fail_unsent() {
    let pair = pair_with(|builder| builder.max_calls(2));
    let pending: Vec<_> = (0..2).map(|_| tokio::spawn(pair.client().never())).collect();
    tokio::task::yield_now().await;
    let error = pair.client().never().await.unwrap_err();
    assert!(matches!(error, CallError::TooManyCalls { limit: 2 }), "{error}");
    for call in pending {
        call.await.unwrap().unwrap_err();
    }
    pair.assert_alive().await;
}

#[tokio::test]
async fn address_that_the_socket_rejects_fails_its_own_call() {
    let caller = Endpoint::bind("127.0.0.1:0").await.unwrap();
    for peer in ["127.0.0.1:0", "0.0.0.0:7000", "[::1]:7000"] {
        let error = FailingClient::new(&caller, peer.parse().unwrap()).echo(b"x").await.unwrap_err();
        assert!(matches!(error, CallError::Io { .. }), "{peer}: {error}");
    }
    assert_eq!(caller.stats().calls.unsendable, 3);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn socket_of_one_family_cannot_call_the_other_and_says_so_at_once() {
    for (bound, peer, error) in [
        (
            "[::1]:0",
            "127.0.0.1:9",
            "a socket bound to an IPv6 address cannot send to an IPv4 address: bind [::]:0, which sends to both",
        ),
        (
            "127.0.0.1:0",
            "[::1]:9",
            "a socket bound to an IPv4 address cannot send to an IPv6 address: bind [::]:0, which sends to both",
        ),
    ] {
        let caller = Endpoint::bind(bound).await.unwrap();
        let client = FailingClient::new(&caller, peer.parse().unwrap());
        // An error that may pass would be retried until the timeout.
        let failure = client.echo(b"x").retransmit(true).timeout(std::time::Duration::MAX).await.unwrap_err();
        assert!(matches!(failure, CallError::Io { .. }) && !failure.is_retryable(), "{failure:?}");
        let expected = format!("the request to {peer} could not be sent: {error}");
        assert!(failure.to_string().starts_with(&expected), "{failure}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn error_of_a_socket_on_a_loopback_address_says_what_to_bind() {
    let caller = Endpoint::bind("127.0.0.1:0").await.unwrap();
    // Another host: an address of a documentation network.
    let error = FailingClient::new(&caller, "192.0.2.1:7000".parse().unwrap()).echo(b"x").await.unwrap_err();
    let expected = "the request to 192.0.2.1:7000 could not be sent: a socket bound to a loopback address reaches this \
                    host only: bind 0.0.0.0:0";
    assert!(error.to_string().starts_with(expected), "{error}");
    let everywhere = Endpoint::bind("0.0.0.0:0").await.unwrap();
    let network = FailingClient::new(&everywhere, "255.255.255.255:7000".parse().unwrap());
    let (_, result) = network.echo(b"x").all().next().await.expect("the request cannot be sent");
    let error = result.unwrap_err();
    assert!(error.to_string().contains("broadcasts are off: `UdpOptions::broadcast` turns them on"), "{error}");
}

#[tokio::test]
async fn two_services_with_the_same_method_are_an_error() {
    #[rpc_service]
    trait Other {
        fn echo(&self);
    }
    struct Silent;
    impl Other for Silent {
        fn echo(&self) {}
    }
    let builder = Endpoint::builder().serve(FailingServer::new(Service)).serve(OtherServer::new(Silent));
    let error = builder.bind("127.0.0.1:0").await.unwrap_err();
    let BindError::DuplicateMethod { method: "echo", services: ["Failing", "Other"] } = error else {
        panic!("{error}")
    };
    assert!(
        error.to_string().starts_with("both `Failing` and `Other` have a method `echo`: give one of them a namespace")
    );

    let twice = Endpoint::builder().serve(FailingServer::new(Service)).serve(FailingServer::new(Service));
    let error = twice.bind("127.0.0.1:0").await.unwrap_err();
    assert!(error.to_string().starts_with("`Failing` is served twice, and a call of `echo` can reach"), "{error}");
}

#[tokio::test]
async fn bind_error_names_the_address() {
    let first = Endpoint::bind("127.0.0.1:0").await.unwrap();
    let addr = first.local_addr();
    let error = Endpoint::bind(addr).await.unwrap_err();
    assert!(error.to_string().starts_with(&format!("cannot bind to {addr}: ")), "{error}");
    // No host has an address of a documentation network.
    assert!(matches!(Endpoint::bind("192.0.2.1:0").await, Err(BindError::Bind { .. })));
    for no_address in ["not an address", "127.0.0.1", "127.0.0.1:65536"] {
        let error = Endpoint::bind(no_address).await.unwrap_err();
        assert!(matches!(error, BindError::Resolve { .. }), "{error}");
        assert!(
            error.to_string().ends_with("(an address needs an IP or a name, and a port: `127.0.0.1:0`)"),
            "{error}"
        );
    }
    // One address of a list is enough.
    let second = Endpoint::bind(&[addr, "127.0.0.1:0".parse().unwrap()][..]).await.unwrap();
    assert_ne!(second.local_addr(), addr);
    assert!(matches!(Endpoint::bind(&[][..]).await, Err(BindError::Resolve { .. })));
}
