//! The bytes that an endpoint sends to a victim whose address is forged. The forged requests do not
//! pass a network: the endpoint's transport makes them, in virtual time.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rpcudp::sim::{Network, Node};
use rpcudp::transport::{Datagram, ReceiveBatch, Received, Transport};
use rpcudp::{DropReason, Endpoint, rpc_service};
use tokio::time::sleep;

#[rpc_service]
trait Library {
    fn page(&self) -> Vec<u8>;
    async fn page_later(&self) -> Vec<u8>;
    fn ping(&self) -> u8;
}

struct Shelf;

impl Library for Shelf {
    fn page(&self) -> Vec<u8> {
        vec![7; PAGE_LEN]
    }

    async fn page_later(&self) -> Vec<u8> {
        vec![7; PAGE_LEN]
    }

    fn ping(&self) -> u8 {
        1
    }
}

const PAGE_LEN: usize = 1_200;

/// The documented budgets of a source that is unvalidated and of one that is validated, in bytes
/// per second.
const BUDGETS: [u64; 2] = [1 << 20, 16 << 20];

/// The burst, in seconds of the budget.
const BURST_SECONDS: u64 = 4;

/// A transport that receives forged requests besides the datagrams of a simulated network, and
/// counts the bytes to their victim.
#[derive(Clone)]
struct ForgedTransport(Arc<Forgery>);

struct Forgery {
    node: Node,
    victim: SocketAddr,
    /// The sources of the forged requests that have not been received.
    sources: Mutex<VecDeque<SocketAddr>>,
    receiver: Mutex<Option<Waker>>,
    method: &'static str,
    /// The number of forged requests, part of each id.
    count: AtomicU64,
    victim_len: AtomicU64,
}

impl ForgedTransport {
    fn forge(&self, sources: impl IntoIterator<Item = SocketAddr>) {
        self.0.sources.lock().unwrap().extend(sources);
        if let Some(receiver) = self.0.receiver.lock().unwrap().take() {
            receiver.wake();
        }
    }
}

impl fmt::Debug for ForgedTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ForgedTransport")
    }
}

impl Transport for ForgedTransport {
    fn poll_receive(&self, cx: &mut Context<'_>, batch: &mut ReceiveBatch) -> Poll<io::Result<()>> {
        let Self(forgery) = self;
        let mut sources = forgery.sources.lock().unwrap();
        if sources.is_empty() {
            *forgery.receiver.lock().unwrap() = Some(cx.waker().clone());
            return forgery.node.poll_receive(cx, batch);
        }
        batch.clear();
        let name = [&[0xa0 | forgery.method.len() as u8], forgery.method.as_bytes()].concat();
        let count = sources.len().min(32);
        for source in sources.drain(..count) {
            let number = forgery.count.fetch_add(1, Ordering::Relaxed).to_be_bytes();
            let request = [b"\0", &number[..], &[9; 12], b"\x92", &name, b"\x90"].concat();
            assert!(batch.push(Received { source, local: None, contents: &request }));
        }
        Poll::Ready(Ok(()))
    }

    fn try_send(&self, datagram: Datagram<'_>) -> io::Result<()> {
        let Self(forgery) = self;
        if datagram.destination == forgery.victim {
            forgery.victim_len.fetch_add(datagram.contents.len() as u64, Ordering::Relaxed);
        }
        forgery.node.try_send(datagram)
    }

    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.node.poll_writable(cx)
    }

    fn local_addr(&self) -> SocketAddr {
        self.0.node.local_addr()
    }

    fn seed(&self) -> Option<u64> {
        self.0.node.seed()
    }
}

/// An endpoint at its defaults, and a victim that may be its peer.
struct Attack {
    server: Endpoint,
    transport: ForgedTransport,
    network: Network,
}

impl Attack {
    fn new(method: &'static str) -> Self {
        let network = Network::new(1);
        let forgery = Forgery {
            node: network.bind("10.0.0.1:7000").unwrap(),
            victim: "192.0.2.1:7000".parse().unwrap(),
            sources: Mutex::default(),
            receiver: Mutex::default(),
            method,
            count: AtomicU64::new(0),
            victim_len: AtomicU64::new(0),
        };
        let transport = ForgedTransport(Arc::new(forgery));
        let server = Endpoint::builder().serve(LibraryServer::new(Shelf));
        let server = server.bind_transport(transport.clone()).unwrap();
        Self { server, transport, network }
    }

    /// Lets the victim respond to a call of the server.
    async fn validate_victim(&self) -> Endpoint {
        let victim = self.transport.0.victim;
        let peer = Endpoint::builder().serve(LibraryServer::new(Shelf));
        let peer = peer.bind_transport(self.network.bind(victim).unwrap()).unwrap();
        LibraryClient::new(&self.server, victim).ping().await.unwrap();
        self.transport.0.victim_len.store(0, Ordering::Relaxed);
        peer
    }

    /// Forges requests for some milliseconds, in turn in the victim's name and in the name of other
    /// sources, none of which comes again. Returns the bytes to the victim.
    async fn flood(&self, millis: u32, rate: u32, period: u32, in_victims_name: u32) -> u64 {
        let begin = self.transport.0.victim_len.load(Ordering::Relaxed);
        for milli in 0..millis {
            self.transport.forge((0..rate / 1_000).map(|number| {
                let number = milli * (rate / 1_000) + number;
                if number % period < in_victims_name {
                    return self.transport.0.victim;
                }
                (Ipv4Addr::from_bits(0x0b00_0000 + number), 7_000).into()
            }));
            sleep(Duration::from_millis(1)).await;
        }
        self.transport.0.victim_len.load(Ordering::Relaxed) - begin
    }
}

#[tokio::test(start_paused = true)]
async fn victim_is_sent_its_budget_while_the_table_of_sources_is_churned() {
    // Eight requests in the victim's name, then enough others to evict it; as many as the limit for
    // unvalidated sources allows.
    for method in ["page", "page_later"] {
        let attack = Attack::new(method);
        let [budget, _] = BUDGETS;
        let burst = attack.flood(700, 490_000, 12_000, 4_000).await;
        assert!(burst <= budget * (BURST_SECONDS + 1) && burst > budget * BURST_SECONDS, "{method}: {burst}");
        let bytes = attack.flood(500, 490_000, 12_000, 4_000).await;
        assert!(bytes <= budget / 2 * 11 / 10 && bytes > budget / 4, "{method}: {bytes} in half a second");
    }
}

#[tokio::test(start_paused = true)]
async fn validated_victim_is_sent_its_own_budget() {
    let attack = Attack::new("page");
    let _victim = attack.validate_victim().await;
    let [_, budget] = BUDGETS;
    let burst = attack.flood(2_000, 49_000, 1, 1).await;
    assert!(burst <= budget * (BURST_SECONDS + 2) && burst > budget * BURST_SECONDS, "{burst}");
    let bytes = attack.flood(500, 49_000, 1, 1).await;
    assert!(bytes <= budget / 2 * 11 / 10 && bytes > budget / 4, "{bytes} in half a second");
    assert!(attack.server.stats().dropped(DropReason::ResponseBudget) > 0);
}

#[tokio::test(start_paused = true)]
async fn datagrams_too_short_for_a_request_evict_no_source() {
    let network = Network::new(1);
    let limits = rpcudp::Limits::default().requests_per_source(100).requests_from_unvalidated(2_000);
    let server = Endpoint::builder().serve(LibraryServer::new(Shelf)).limits(limits);
    let server = server.bind_transport(network.bind("10.0.0.1:7000").unwrap()).unwrap();
    let send = |from: [u8; 4], contents: &[u8]| {
        let node = network.bind(SocketAddr::from((from, 7_000))).unwrap();
        node.try_send(Datagram { destination: server.local_addr(), source: None, contents }).unwrap();
    };
    for number in 0..4_000_u32 {
        let [_, _, high, low] = number.to_be_bytes();
        send([198, 18, high, low], &[0; 23][..number as usize % 24]);
    }
    sleep(Duration::from_millis(1)).await;
    let stats = server.stats();
    assert_eq!(stats.dropped(DropReason::TooManyUnvalidated), 0, "they are no requests: {stats:?}");
    assert_eq!(stats.dropped_in_all(), 4_000, "{stats:?}");
}
