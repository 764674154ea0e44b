//! Deadlines: the time that a caller still waits, as its handlers and their own calls see it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpcudp::sim::{Conditions, Network};
use rpcudp::{Context, DropReason, Endpoint, rpc_service};
use tokio::time::{Instant, sleep};

use crate::support::{Pair, Wire, ms, over_each_wire, receive, request, send};

over_each_wire!(
    handler_sees_the_remaining_time_of_its_caller,
    calls_of_a_handler_end_at_the_deadline_of_its_caller,
    handler_is_woken_when_the_deadline_passes,
    call_option_retransmits_although_the_contract_does_not,
);

#[rpc_service]
trait Chain {
    fn remaining(&self, cx: &Context) -> Option<u64>;
    /// Forwards the call over `hops` more servers, and returns the milliseconds that remain at the
    /// last one.
    async fn forward(&self, cx: &Context, hops: u32) -> Option<u64>;
    async fn until_deadline_passed(&self, cx: &Context);
    async fn slow(&self, cx: &Context, millis: u64) -> u64;
}

#[derive(Default)]
struct State {
    /// A client of the next hop.
    next: Mutex<Option<ChainClient>>,
    /// The wire of the calls to the next hop.
    wire: Wire,
    deadline_passed_after: AtomicU64,
    runs: AtomicU64,
}

struct Service(Arc<State>);

fn remaining_millis(cx: &Context) -> Option<u64> {
    cx.remaining().map(|remaining| remaining.as_millis() as u64)
}

impl Chain for Service {
    fn remaining(&self, cx: &Context) -> Option<u64> {
        remaining_millis(cx)
    }
    async fn forward(&self, cx: &Context, hops: u32) -> Option<u64> {
        sleep(ms(100)).await;
        let next = self.0.next.lock().unwrap().as_ref().map(rpcudp::Client::peer)?;
        if hops == 0 {
            return remaining_millis(cx);
        }
        self.0.wire.client::<ChainClient>(cx, next).forward(hops - 1).await.unwrap_or(None)
    }
    async fn until_deadline_passed(&self, cx: &Context) {
        let start = Instant::now();
        cx.deadline_passed().await;
        self.0.deadline_passed_after.store(start.elapsed().as_millis() as u64, Ordering::SeqCst);
    }
    async fn slow(&self, _: &Context, millis: u64) -> u64 {
        self.0.runs.fetch_add(1, Ordering::SeqCst);
        sleep(ms(millis)).await;
        millis
    }
}

/// Binds a server and a caller, and returns them with a client and the server's state.
fn pair(wire: Wire) -> (Pair, ChainClient, Arc<State>) {
    let state = Arc::new(State { wire, ..State::default() });
    let server = Endpoint::builder().serve(ChainServer::new(Service(Arc::clone(&state))));
    let pair = Pair::over(wire, Network::new(1), server, Endpoint::builder());
    let client: ChainClient = pair.client();
    *state.next.lock().unwrap() = Some(client.clone());
    (pair, client, state)
}

async fn handler_sees_the_remaining_time_of_its_caller(wire: Wire) {
    let (_pair, client, _) = pair(wire);
    assert_eq!(client.remaining().await.unwrap(), Some(5_000), "the default");
    assert_eq!(client.remaining().timeout(ms(700)).await.unwrap(), Some(700));
}

#[tokio::test(start_paused = true)]
async fn request_without_a_timeout_has_no_deadline() {
    let (pair, _, _) = pair(Wire::Plain);
    let python = pair.network.bind("10.0.0.3:7000").unwrap();
    send(&python, pair.server.local_addr(), &request([7; 20], "remaining", &[]));
    assert!(receive(&python).await[0].ends_with(b"\xc0"), "nil");
}

async fn calls_of_a_handler_end_at_the_deadline_of_its_caller(wire: Wire) {
    let (pair, client, state) = pair(wire);
    // Every handler calls its own server, 100 ms later.
    *state.next.lock().unwrap() = Some(wire.client(client.endpoint(), pair.server.local_addr()));
    let remaining = client.forward(3).timeout(Duration::from_secs(2)).await.unwrap();
    assert_eq!(remaining, Some(2_000 - 4 * 100));
}

async fn handler_is_woken_when_the_deadline_passes(wire: Wire) {
    let (_pair, client, state) = pair(wire);
    assert!(client.until_deadline_passed().timeout(ms(300)).await.unwrap_err().is_timeout());
    sleep(ms(10)).await;
    assert_eq!(state.deadline_passed_after.load(Ordering::SeqCst), 300);
}

#[tokio::test(start_paused = true)]
async fn expired_request_is_dropped_and_does_not_run() {
    let (pair, _, state) = pair(Wire::Plain);
    let peer = pair.network.bind("10.0.0.3:7000").unwrap();
    let mut request = request([7; 20], "slow", &[&1]);
    // The extension with a timeout of 0 ms.
    request.extend_from_slice(b"\xc1RuT\x01\x04\x00\x00\x00\x00");
    send(&peer, pair.server.local_addr(), &request);
    sleep(ms(10)).await;
    assert_eq!(pair.server.stats().dropped(DropReason::Expired), 1);
    assert_eq!(state.runs.load(Ordering::SeqCst), 0);
}

async fn call_option_retransmits_although_the_contract_does_not(wire: Wire) {
    let (pair, client, _) = pair(wire);
    pair.open_link().await;
    pair.set_request_conditions(Conditions::default().loss(1.0));
    let heal = async {
        sleep(ms(600)).await;
        pair.set_request_conditions(Conditions::default());
    };
    let (sent_once, retransmitted, ()) = tokio::join!(client.slow(1), client.slow(2).retransmit(true), heal);
    assert!(sent_once.unwrap_err().is_timeout());
    assert_eq!(retransmitted.unwrap(), 2);
}
