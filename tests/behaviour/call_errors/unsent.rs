//! What is wrong is known before anything is sent.

use rpcudp::sim::Network;
use rpcudp::{BindError, CallError, Endpoint, rpc_service};

use super::fixture::*;

#[test]
fn a_transport_outside_a_runtime_is_a_panic_that_says_what_to_do() {
    let node = Network::new(1).bind("10.0.0.1:7000").unwrap();
    let bound = std::panic::catch_unwind(|| Endpoint::builder().bind_transport(node));
    let message = *bound.unwrap_err().downcast::<&str>().unwrap();
    assert!(message.starts_with("`bind_transport` needs a tokio runtime: call it in async code"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn an_argument_that_cannot_be_encoded_is_not_sent() {
    let pair = pair();
    let error = pair.client().takes_stubborn(1, Stubborn).await.unwrap_err();
    assert_eq!(error.to_string(), "argument 2 of `takes_stubborn` cannot be encoded: will not be encoded");
    assert_eq!(pair.network.stats().sent, 0);
}

#[tokio::test(start_paused = true)]
async fn a_request_over_the_limit_is_not_sent() {
    let pair = pair();
    // [echo, [bytes]]: 1 + 5 + 1 + 3 bytes besides the bytes themselves.
    let largest = vec![7; 8_192 - 10];
    assert_eq!(pair.client().echo(&largest).await.unwrap(), largest);
    let sent = pair.network.stats().sent;
    let error = pair.client().echo(&vec![7; 8_192 - 9]).await.unwrap_err();
    assert!(matches!(error, CallError::TooLarge { method: "echo", size: 8_193, limit: 8_192 }), "{error}");
    assert_eq!(error.to_string(), "the request `echo` has 8193 bytes, and 8192 are allowed");
    assert_eq!(pair.network.stats().sent, sent);
}

#[tokio::test(start_paused = true)]
async fn a_network_without_python_may_raise_the_limit() {
    let pair = pair_with(|builder| builder.max_request_len(usize::MAX));
    let bytes = vec![7; 65_486 - 10];
    assert_eq!(pair.client().echo(&bytes).await.unwrap(), bytes);
    let error = pair.client().echo(&vec![7; 65_486 - 9]).await.unwrap_err();
    assert!(matches!(error, CallError::TooLarge { limit: 65_486, .. }), "what a datagram carries: {error}");
}

#[tokio::test(start_paused = true)]
async fn more_calls_than_allowed_are_not_sent() {
    let pair = pair_with(|builder| builder.max_calls(2));
    let waiting: Vec<_> = (0..2).map(|_| tokio::spawn(pair.client().never())).collect();
    tokio::task::yield_now().await;
    let error = pair.client().never().await.unwrap_err();
    assert!(matches!(error, CallError::TooManyCalls { limit: 2 }), "{error}");
    for call in waiting {
        call.await.unwrap().unwrap_err();
    }
    pair.is_alive().await;
}

#[tokio::test]
async fn what_the_socket_refuses_is_the_calls_own_error() {
    let caller = Endpoint::bind("127.0.0.1:0").await.unwrap();
    for nowhere in ["127.0.0.1:0", "0.0.0.0:7000", "[::1]:7000"] {
        let error = EndingsClient::new(&caller, nowhere.parse().unwrap()).echo(b"x").await.unwrap_err();
        assert!(matches!(error, CallError::Io { .. }), "{nowhere}: {error}");
    }
    assert_eq!(caller.stats().calls.unsendable, 3);
}

#[tokio::test]
async fn two_services_cannot_have_one_method() {
    #[rpc_service]
    trait Other {
        fn echo(&self);
    }
    struct Mute;
    impl Other for Mute {
        fn echo(&self) {}
    }
    let builder = Endpoint::builder().serve(EndingsServer::new(Service)).serve(OtherServer::new(Mute));
    let error = builder.bind("127.0.0.1:0").await.unwrap_err();
    let BindError::DuplicateMethod { method: "echo", services: ["Endings", "Other"] } = error else {
        panic!("{error}")
    };
    assert!(
        error.to_string().starts_with("both `Endings` and `Other` have a method `echo`: give one of them a namespace")
    );

    let twice = Endpoint::builder().serve(EndingsServer::new(Service)).serve(EndingsServer::new(Service));
    let error = twice.bind("127.0.0.1:0").await.unwrap_err();
    assert!(error.to_string().starts_with("`Endings` is served twice, and a call of `echo` can reach"), "{error}");
}

#[tokio::test]
async fn an_address_that_cannot_be_bound_is_named() {
    let first = Endpoint::bind("127.0.0.1:0").await.unwrap();
    let addr = first.local_addr();
    let error = Endpoint::bind(addr).await.unwrap_err();
    assert!(error.to_string().starts_with(&format!("cannot bind to {addr}: ")), "{error}");
    // An address of a documentation network is nobody's.
    assert!(matches!(Endpoint::bind("192.0.2.1:0").await, Err(BindError::Bind { .. })));
    for no_address in ["not an address", "127.0.0.1", "127.0.0.1:65536"] {
        let error = Endpoint::bind(no_address).await.unwrap_err();
        assert!(matches!(error, BindError::Resolve { .. }), "{error}");
        assert!(
            error.to_string().ends_with("(an address needs an IP or a name, and a port: `127.0.0.1:0`)"),
            "{error}"
        );
    }
    // Of several, one that can be bound is enough.
    let second = Endpoint::bind(&[addr, "127.0.0.1:0".parse().unwrap()][..]).await.unwrap();
    assert_ne!(second.local_addr(), addr);
    assert!(matches!(Endpoint::bind(&[][..]).await, Err(BindError::Resolve { .. })));
}
