use std::net::SocketAddr;
use std::time::Duration;

use rpcudp::tower::{BoxError, Request as LayerRequest};
use rpcudp::{Builder, Dialect, Endpoint, Stats};
use rpcudp_core::{Frame, MessageId, Request};
use tokio::task::yield_now;
use tower::ServiceBuilder;
use tower::filter::FilterLayer;

use crate::block_on;
use crate::contract::{self, EchoServer, Service};
use crate::manual_network::{ManualNetwork, Packet};

/// Calls the method that the first byte selects, with the other bytes as its arguments. Each method
/// returns its arguments, so a call with the first response must give the same response.
///
/// Returns whether the method responded.
pub fn arguments(bytes: &[u8]) -> bool {
    let Some((method, arguments)) = bytes.split_first() else { return false };
    let (methods, _) = contract::methods();
    let method = methods[usize::from(*method) % methods.len()];
    block_on(async {
        let caller = RawCaller::new(Endpoint::builder());
        let Some(first) = caller.call(method, arguments).await else { return false };
        if first == b"\xc0" {
            // The method without arguments returns nil.
            return true;
        }
        let second = caller.call(method, &first).await;
        assert_eq!(second.as_ref(), Some(&first), "`{method}` was called with its own response");
        true
    })
}

/// Calls the method like [`arguments`], with layers of tower between the network and the service. A
/// layer that passes everything changes no response, and one that stops some requests refuses
/// those.
pub fn layers(bytes: &[u8]) {
    let Some((selector, arguments)) = bytes.split_first() else { return };
    let (methods, _) = contract::methods();
    let method = methods[usize::from(*selector) % methods.len()];
    block_on(async {
        let plain = RawCaller::new(Endpoint::builder()).call(method, arguments).await;
        let passing = ServiceBuilder::new().load_shed().concurrency_limit(4).timeout(Duration::from_secs(5));
        let passing = RawCaller::new(Endpoint::builder().layer(passing));
        assert_eq!(passing.call(method, arguments).await, plain, "`{method}`");
        // Passes a request only if its method has an even number of letters.
        let stopping = RawCaller::new(Endpoint::builder().layer(FilterLayer::new(|request: LayerRequest| {
            if request.method().len().is_multiple_of(2) { Ok(request) } else { Err(BoxError::from("an odd method")) }
        })));
        let stopped = stopping.call(method, arguments).await;
        assert_eq!(stopped, plain.filter(|_| method.len().is_multiple_of(2)), "`{method}`");
    });
}

/// A caller that sends raw bytes to an endpoint.
struct RawCaller {
    network: ManualNetwork,
    target: Endpoint,
}

impl RawCaller {
    const ID: MessageId = MessageId::from_bytes([7; 20]);

    fn new(builder: Builder) -> Self {
        let network = ManualNetwork::default();
        let target = builder.serve(EchoServer::new(Service));
        let target = target
            .bind_transport(network.open_port(addr(7_000), 1))
            .expect("no two services have a method of one name");
        Self { network, target }
    }

    /// Calls a method with bytes in place of its array of arguments. Returns the body of the
    /// response, or `None` if the request is refused or dropped.
    async fn call(&self, method: &str, arguments: &[u8]) -> Option<Vec<u8>> {
        let mut contents = Vec::new();
        Request::begin(&mut contents, Dialect::Rpcudp, method, 0);
        Request::set_id(&mut contents, Self::ID);
        contents.pop();
        contents.extend_from_slice(arguments);
        let len = contents.len();
        let before = self.target.stats();
        self.network.deliver(Packet { from: addr(7_001), to: addr(7_000), contents });
        for _ in 0..8 {
            yield_now().await;
        }
        let after = self.target.stats();
        assert_eq!(outcomes(&after), outcomes(&before) + 1, "{after:?}");
        assert_eq!((after.requests.panicked, after.requests.running), (0, 0), "{after:?}");

        let mut sent = self.network.take_sent().into_iter();
        let response = sent.next();
        assert_eq!(sent.next(), None, "a request gets one response");
        assert_eq!(response.is_some(), after.dropped_in_all() == before.dropped_in_all());
        let contents = response?.contents;
        match Frame::decode(&contents, Dialect::Rpcudp) {
            Ok(Frame::Response(response)) => {
                assert_eq!(response.id, Self::ID);
                Some(response.body.into())
            }
            Ok(Frame::Failure(failure)) => {
                assert_eq!(failure.id, Self::ID);
                assert!(contents.len() <= len, "a refusal is no longer than the request");
                None
            }
            other => panic!("not a response: {other:?}"),
        }
    }
}

fn outcomes(stats: &Stats) -> u64 {
    stats.requests.completed + stats.requests.refused + stats.dropped_in_all()
}

/// Returns an address that is not on this host: a refusal to it is never longer than its request.
fn addr(port: u16) -> SocketAddr {
    ([192, 0, 2, 1], port).into()
}
