//! The recipe "Unit tests of handlers".

use std::time::Duration;

use rpcudp::testing::MockPeer;
use rpcudp::{Context, rpc_service};

#[rpc_service]
trait Resolver {
    /// Returns the number of a name, from here or from the caller.
    async fn resolve(&self, cx: &Context, name: &str) -> Option<u32>;
}

struct Cache;

impl Resolver for Cache {
    async fn resolve(&self, cx: &Context, name: &str) -> Option<u32> {
        if name == "snake" {
            return Some(23);
        }
        // Asks only if the caller will wait for the response.
        if cx.remaining().is_some_and(|remaining| remaining < Duration::from_millis(100)) {
            return None;
        }
        ResolverClient::new(cx, cx.sender()).resolve(name).await.unwrap_or_default()
    }
}

/// The caller in the tests.
struct Caller;

impl Resolver for Caller {
    async fn resolve(&self, _cx: &Context, name: &str) -> Option<u32> {
        (name == "hauk").then_some(42)
    }
}

#[tokio::test]
async fn known_name_is_resolved_without_a_call() {
    // Calls through this context would fail: it has no network.
    let cx = Context::for_test().build();
    assert_eq!(Cache.resolve(&cx, "snake").await, Some(23));
}

#[tokio::test]
async fn unknown_name_is_asked_of_the_caller() {
    let caller = MockPeer::new(ResolverServer::new(Caller));
    let cx = || Context::for_test().endpoint(caller.endpoint()).sender(caller.addr());
    assert_eq!(Cache.resolve(&cx().build(), "hauk").await, Some(42));
    assert_eq!(Cache.resolve(&cx().build(), "plissken").await, None);
    assert_eq!(Cache.resolve(&cx().remaining(Duration::from_millis(50)).build(), "hauk").await, None);
    assert_eq!(caller.endpoint().stats().calls.started, 2);
}
