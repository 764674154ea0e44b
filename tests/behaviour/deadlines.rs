//! How long a caller still waits, and what those do with it who work for it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpcudp::sim::{Conditions, Network};
use rpcudp::{Context, DropReason, Endpoint, rpc_service};
use tokio::time::{Instant, sleep};

use crate::support::{Pair, ms, receive, request, send};

#[rpc_service]
trait Chain {
    fn remaining(&self, cx: &Context) -> Option<u64>;
    /// How long the caller of the last link still waits there.
    async fn through(&self, cx: &Context, links: u32) -> Option<u64>;
    async fn until_given_up(&self, cx: &Context);
    async fn slow(&self, cx: &Context, millis: u64) -> u64;
}

#[derive(Default)]
struct Link {
    next: Mutex<Option<ChainClient>>,
    gave_up_after: AtomicU64,
    runs: AtomicU64,
}

struct Service(Arc<Link>);

fn millis(cx: &Context) -> Option<u64> {
    cx.remaining().map(|remaining| remaining.as_millis() as u64)
}

impl Chain for Service {
    fn remaining(&self, cx: &Context) -> Option<u64> {
        millis(cx)
    }
    async fn through(&self, cx: &Context, links: u32) -> Option<u64> {
        sleep(ms(100)).await;
        let next = self.0.next.lock().unwrap().as_ref().map(rpcudp::Client::peer)?;
        if links == 0 {
            return millis(cx);
        }
        ChainClient::new(cx, next).through(links - 1).await.unwrap_or(None)
    }
    async fn until_given_up(&self, cx: &Context) {
        let start = Instant::now();
        cx.deadline_passed().await;
        self.0.gave_up_after.store(start.elapsed().as_millis() as u64, Ordering::SeqCst);
    }
    async fn slow(&self, _: &Context, millis: u64) -> u64 {
        self.0.runs.fetch_add(1, Ordering::SeqCst);
        sleep(ms(millis)).await;
        millis
    }
}

/// Binds a server and a caller, and returns them with a client and the server's link.
fn pair() -> (Pair, ChainClient, Arc<Link>) {
    let link = Arc::new(Link::default());
    let server = Endpoint::builder().serve(ChainServer::new(Service(Arc::clone(&link))));
    let pair = Pair::new(Network::new(1), server, Endpoint::builder());
    let client: ChainClient = pair.client();
    *link.next.lock().unwrap() = Some(client.clone());
    (pair, client, link)
}

#[tokio::test(start_paused = true)]
async fn a_handler_knows_how_long_its_caller_waits() {
    let (_pair, client, _) = pair();
    assert_eq!(client.remaining().await.unwrap(), Some(5_000), "the default");
    assert_eq!(client.remaining().timeout(ms(700)).await.unwrap(), Some(700));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_does_not_say_may_wait_for_ever() {
    let (pair, _, _) = pair();
    let python = pair.network.bind("10.0.0.3:7000").unwrap();
    send(&python, pair.server.local_addr(), &request([7; 20], "remaining", &[]));
    assert!(receive(&python).await[0].ends_with(b"\xc0"), "nil");
}

#[tokio::test(start_paused = true)]
async fn calls_on_behalf_of_a_caller_wait_no_longer_than_it_does() {
    let (pair, client, link) = pair();
    // Every link calls itself, 100 ms later.
    *link.next.lock().unwrap() = Some(ChainClient::new(client.endpoint(), pair.server.local_addr()));
    let remaining = client.through(3).timeout(Duration::from_secs(2)).await.unwrap();
    assert_eq!(remaining, Some(2_000 - 4 * 100));
}

#[tokio::test(start_paused = true)]
async fn a_handler_notices_that_its_caller_gave_up() {
    let (_pair, client, link) = pair();
    assert!(client.until_given_up().timeout(ms(300)).await.unwrap_err().is_timeout());
    sleep(ms(10)).await;
    assert_eq!(link.gave_up_after.load(Ordering::SeqCst), 300);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_waits_for_is_not_begun() {
    let (pair, _, link) = pair();
    let stranger = pair.network.bind("10.0.0.3:7000").unwrap();
    let mut request = request([7; 20], "slow", &[&1]);
    request.extend_from_slice(b"\xc1RuT\x01\x04\x00\x00\x00\x00");
    send(&stranger, pair.server.local_addr(), &request);
    sleep(ms(10)).await;
    assert_eq!(pair.server.stats().dropped(DropReason::Expired), 1);
    assert_eq!(link.runs.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_may_be_sent_again_whatever_its_contract_says() {
    let (pair, client, _) = pair();
    pair.set_request_conditions(Conditions::default().loss(1.0));
    let healing = async {
        sleep(ms(600)).await;
        pair.set_request_conditions(Conditions::default());
    };
    let (once, again, ()) = tokio::join!(client.slow(1), client.slow(2).retransmit(true), healing);
    assert!(once.unwrap_err().is_timeout());
    assert_eq!(again.unwrap(), 2);
}
