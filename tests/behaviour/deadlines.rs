//! How long a caller still waits, and what those do with it who work for it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpcudp::sim::{Conditions, Network};
use rpcudp::transport::{Datagram, Transport};
use rpcudp::{Context, DropReason, Endpoint, rpc_service};
use tokio::time::{Instant, sleep};

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
        sleep(Duration::from_millis(100)).await;
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
        sleep(Duration::from_millis(millis)).await;
        millis
    }
}

struct Pair {
    network: Network,
    link: Arc<Link>,
    server: Endpoint,
    client: ChainClient,
}

fn pair() -> Pair {
    let network = Network::new(1);
    let link = Arc::new(Link::default());
    let server = Endpoint::builder().serve(ChainServer::new(Service(Arc::clone(&link))));
    let server = server.bind_transport(network.bind("10.0.0.1:7000").unwrap()).unwrap();
    let caller = Endpoint::builder().bind_transport(network.bind("10.0.0.2:7000").unwrap()).unwrap();
    let client = ChainClient::new(&caller, server.local_addr());
    *link.next.lock().unwrap() = Some(client.clone());
    Pair { network, link, server, client }
}

#[tokio::test(start_paused = true)]
async fn a_handler_knows_how_long_its_caller_waits() {
    let pair = pair();
    assert_eq!(pair.client.remaining().await.unwrap(), Some(5_000), "the default");
    assert_eq!(pair.client.remaining().timeout(Duration::from_millis(700)).await.unwrap(), Some(700));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_does_not_say_may_wait_for_ever() {
    let pair = pair();
    let python = pair.network.bind("10.0.0.3:7000").unwrap();
    let request = [&b"\x00twenty bytes of id.."[..], b"\x92\xa9remaining\x90"].concat();
    let datagram = Datagram { destination: pair.server.local_addr(), source: None, contents: &request };
    python.try_send(datagram).unwrap();
    let mut batch = rpcudp::transport::ReceiveBatch::new();
    std::future::poll_fn(|cx| python.poll_receive(cx, &mut batch)).await.unwrap();
    assert!(batch.iter().next().unwrap().contents.ends_with(b"\xc0"), "nil");
}

#[tokio::test(start_paused = true)]
async fn calls_on_behalf_of_a_caller_wait_no_longer_than_it_does() {
    let pair = pair();
    // Every link calls itself, 100 ms later.
    *pair.link.next.lock().unwrap() = Some(ChainClient::new(pair.client.endpoint(), pair.server.local_addr()));
    let remaining = pair.client.through(3).timeout(Duration::from_secs(2)).await.unwrap();
    assert_eq!(remaining, Some(2_000 - 4 * 100));
}

#[tokio::test(start_paused = true)]
async fn a_handler_notices_that_its_caller_gave_up() {
    let pair = pair();
    assert!(pair.client.until_given_up().timeout(Duration::from_millis(300)).await.unwrap_err().is_timeout());
    sleep(Duration::from_millis(10)).await;
    assert_eq!(pair.link.gave_up_after.load(Ordering::SeqCst), 300);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_waits_for_is_not_begun() {
    let pair = pair();
    let stranger = pair.network.bind("10.0.0.3:7000").unwrap();
    let mut request = [&b"\x00twenty bytes of id.."[..], b"\x92\xa4slow\x91\x01"].concat();
    request.extend_from_slice(b"\xc1RuT\x01\x04\x00\x00\x00\x00");
    let datagram = Datagram { destination: pair.server.local_addr(), source: None, contents: &request };
    stranger.try_send(datagram).unwrap();
    sleep(Duration::from_millis(10)).await;
    assert_eq!(pair.server.stats().dropped(DropReason::Expired), 1);
    assert_eq!(pair.link.runs.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_may_be_sent_again_whatever_its_contract_says() {
    let pair = pair();
    let (here, there) = (pair.client.endpoint().local_addr().ip(), pair.server.local_addr().ip());
    pair.network.set_link(here, there, Conditions::default().loss(1.0));
    let healing = async {
        sleep(Duration::from_millis(600)).await;
        pair.network.set_link(here, there, Conditions::default());
    };
    let (once, again, ()) = tokio::join!(pair.client.slow(1), pair.client.slow(2).retransmit(true), healing);
    assert!(once.unwrap_err().is_timeout());
    assert_eq!(again.unwrap(), 2);
}
