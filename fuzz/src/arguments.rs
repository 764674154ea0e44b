use std::net::SocketAddr;

use rpcudp::{Dialect, Endpoint, Stats};
use rpcudp_core::{Frame, MessageId, Request};
use tokio::task::yield_now;

use crate::block_on;
use crate::contract::{self, EchoServer, Service};
use crate::office::{Letter, Office};

/// Calls the method that the first byte says with the rest of the bytes as its arguments. Each method answers with its
/// arguments: called with those, it has to answer the same again. Says whether it answered at all.
pub fn arguments(bytes: &[u8]) -> bool {
    let Some((method, arguments)) = bytes.split_first() else { return false };
    let (methods, _) = contract::methods();
    let method = methods[usize::from(*method) % methods.len()];
    block_on(async {
        let caller = Caller::new();
        let Some(first) = caller.call(method, arguments).await else { return false };
        if first == b"\xc0" {
            // The method that takes nothing, and answers with that.
            return true;
        }
        let second = caller.call(method, &first).await;
        assert_eq!(second.as_ref(), Some(&first), "`{method}` was called with what it had answered");
        true
    })
}

/// Somebody who calls an endpoint with bytes.
struct Caller {
    office: Office,
    target: Endpoint,
}

impl Caller {
    const ID: MessageId = MessageId::from_bytes([7; 20]);

    fn new() -> Self {
        let office = Office::default();
        let target = Endpoint::builder().serve(EchoServer::new(Service));
        let target = target.bind_transport(office.desk(addr(7_000), 1)).expect("no method has two services");
        Self { office, target }
    }

    /// Calls a method with whatever is meant to be an array of arguments, and gives the body of the response, if that
    /// is what is answered.
    async fn call(&self, method: &str, arguments: &[u8]) -> Option<Vec<u8>> {
        let mut contents = Vec::new();
        Request::begin(&mut contents, Dialect::Rpcudp, method, 0);
        Request::set_id(&mut contents, Self::ID);
        contents.pop();
        contents.extend_from_slice(arguments);
        let len = contents.len();
        let before = self.target.stats();
        self.office.deliver(Letter { from: addr(7_001), to: addr(7_000), contents });
        for _ in 0..8 {
            yield_now().await;
        }
        let after = self.target.stats();
        assert_eq!(outcomes(&after), outcomes(&before) + 1, "{after:?}");
        assert_eq!((after.requests.panicked, after.requests.running), (0, 0), "{after:?}");

        let mut answers = self.office.collect().into_iter();
        let answer = answers.next();
        assert_eq!(answers.next(), None, "a request is answered once");
        assert_eq!(answer.is_some(), after.dropped_in_all() == before.dropped_in_all());
        let answer = answer?.contents;
        match Frame::decode(&answer, Dialect::Rpcudp) {
            Ok(Frame::Response(response)) => {
                assert_eq!(response.id, Self::ID);
                Some(response.body.into())
            }
            Ok(Frame::Failure(failure)) => {
                assert_eq!(failure.id, Self::ID);
                assert!(answer.len() <= len, "a refusal is no longer than the request");
                None
            }
            other => panic!("no answer: {other:?}"),
        }
    }
}

fn outcomes(stats: &Stats) -> u64 {
    stats.requests.completed + stats.requests.refused + stats.dropped_in_all()
}

fn addr(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}
