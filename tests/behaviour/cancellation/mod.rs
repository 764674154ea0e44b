//! Calls that are dropped before their response: the cancel frame, and the handler that it reaches.

mod frames;
mod handlers;

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpcudp::sim::{Network, Node};
use rpcudp::{Builder, Call, Context, Endpoint, MessageId, rpc_service};
use rpcudp_core::{Frame, Request};
use tokio::time::{Instant, sleep, timeout};

use crate::support::{Pair, SERVER, Wire, bind, ms, receive, request, send};

#[rpc_service]
trait Work {
    async fn plain(&self, cx: &Context, millis: u64) -> u64;
    #[rpc(at_least_once, timeout = "20s")]
    async fn at_least(&self, cx: &Context, millis: u64) -> u64;
    #[rpc(at_most_once, timeout = "20s")]
    async fn at_most(&self, cx: &Context, millis: u64) -> u64;
    #[rpc(oneway)]
    async fn oneway(&self, cx: &Context, millis: u64);
    #[rpc(at_least_once)]
    fn quick(&self, cx: &Context) -> bool;
    /// Calls `plain` of the next server.
    async fn forward(&self, cx: &Context, millis: u64) -> Option<u64>;
    /// Panics when it is dropped before it has returned.
    #[rpc(at_least_once)]
    async fn panics_on_drop(&self);
}

/// A handler, and its end.
#[derive(Clone, Debug)]
struct Run {
    id: MessageId,
    method: &'static str,
    /// The time at which the handler saw that its caller had cancelled the request.
    cancelled: Option<Instant>,
    /// The time at which it ended, and whether it returned.
    ended: Option<(Instant, bool)>,
}

/// The service, and the record of its handlers. A clone shares the record.
#[derive(Clone, Default)]
struct Worker {
    runs: Arc<Mutex<Vec<Run>>>,
    next: Arc<Mutex<Option<WorkClient>>>,
    /// The wire of the calls to the next server.
    wire: Wire,
}

/// The end of a handler.
struct OnDrop<'a> {
    worker: &'a Worker,
    index: usize,
    has_returned: bool,
}

impl Worker {
    fn begin(&self, cx: &Context, method: &'static str) -> OnDrop<'_> {
        let mut runs = self.runs.lock().unwrap();
        runs.push(Run { id: cx.message_id(), method, cancelled: None, ended: None });
        OnDrop { worker: self, index: runs.len() - 1, has_returned: false }
    }

    async fn run(&self, cx: &Context, method: &'static str, millis: u64) -> u64 {
        let mut run = self.begin(cx, method);
        let mut work = pin!(sleep(ms(millis)));
        tokio::select! {
            () = &mut work => {}
            () = cx.cancelled() => {
                assert!(cx.is_cancelled());
                self.runs.lock().unwrap()[run.index].cancelled = Some(Instant::now());
                work.await;
            }
        }
        run.has_returned = true;
        millis
    }

    fn runs(&self) -> Vec<Run> {
        self.runs.lock().unwrap().clone()
    }

    /// Returns whether each handler returned, for those that have ended.
    fn ends(&self) -> Vec<bool> {
        self.runs().iter().filter_map(|run| run.ended).map(|(_, has_returned)| has_returned).collect()
    }
}

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.worker.runs.lock().unwrap()[self.index].ended = Some((Instant::now(), self.has_returned));
    }
}

struct PanicsOnDrop;

impl Drop for PanicsOnDrop {
    fn drop(&mut self) {
        panic!("a handler's value panics when it is dropped");
    }
}

impl Work for Worker {
    async fn plain(&self, cx: &Context, millis: u64) -> u64 {
        self.run(cx, "plain", millis).await
    }
    async fn at_least(&self, cx: &Context, millis: u64) -> u64 {
        self.run(cx, "at_least", millis).await
    }
    async fn at_most(&self, cx: &Context, millis: u64) -> u64 {
        self.run(cx, "at_most", millis).await
    }
    async fn oneway(&self, cx: &Context, millis: u64) {
        self.run(cx, "oneway", millis).await;
    }
    fn quick(&self, cx: &Context) -> bool {
        self.begin(cx, "quick").has_returned = true;
        cx.is_cancelled()
    }
    async fn forward(&self, cx: &Context, millis: u64) -> Option<u64> {
        let mut run = self.begin(cx, "forward");
        let next = self.next.lock().unwrap().as_ref().map(rpcudp::Client::peer)?;
        let result = self.wire.client::<WorkClient>(cx, next).plain(millis).await;
        run.has_returned = true;
        result.ok()
    }
    async fn panics_on_drop(&self) {
        let _value = PanicsOnDrop;
        sleep(ms(1_000)).await;
    }
}

fn pair_with(
    wire: Wire,
    seed: u64,
    server: impl FnOnce(Builder) -> Builder,
    caller: Builder,
) -> (Pair, WorkClient, Worker) {
    let worker = Worker { wire, ..Worker::default() };
    let server = server(Endpoint::builder().serve(WorkServer::new(worker.clone())));
    let pair = Pair::over(wire, Network::new(seed), server, caller);
    let client = pair.client();
    (pair, client, worker)
}

fn pair(wire: Wire) -> (Pair, WorkClient, Worker) {
    pair_with(wire, 1, |builder| builder, Endpoint::builder())
}

/// Polls a call for a time, and drops it.
async fn drop_after<T, E, D>(call: Call<T, E, D>, delay: Duration) {
    assert!(timeout(delay, call).await.is_err(), "the call has not ended");
}

/// A server, and nodes that send datagrams from addresses of their own.
struct Raw {
    network: Network,
    server: Endpoint,
    worker: Worker,
}

impl Raw {
    fn new() -> Self {
        let (network, worker) = (Network::new(1), Worker::default());
        let server = bind(&network, SERVER, Endpoint::builder().serve(WorkServer::new(worker.clone())));
        Self { network, server, worker }
    }

    fn node(&self, host: u8) -> Node {
        self.network.bind(std::net::SocketAddr::from(([192, 0, 2, host], 7_000))).unwrap()
    }

    /// Sends a datagram, and returns the datagrams that arrive within 1 ms.
    async fn exchange(&self, from: &Node, datagram: &[u8]) -> Vec<Vec<u8>> {
        send(from, self.server.local_addr(), datagram);
        receive(from).await
    }
}

/// A request as callers of this crate send it, with their remaining time.
fn with_remaining(id: [u8; 20], method: &str, millis: u64) -> Vec<u8> {
    let mut datagram = request(id, method, &[&millis]);
    Request::end(&mut datagram, Duration::from_secs(20));
    datagram
}

fn cancel(id: [u8; 20]) -> Vec<u8> {
    let mut frame = Vec::new();
    Frame::encode_cancel(&mut frame, MessageId::from_bytes(id));
    frame
}
