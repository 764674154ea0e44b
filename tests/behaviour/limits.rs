//! What strangers may ask for, on a simulated network: an endpoint at its defaults and beside them.

use rpcudp::DropReason::{ResponseBudget, TooManyRequests, TooManyUnvalidated};
use rpcudp::sim::{Network, Node};
use rpcudp::{Builder, Endpoint, Limits, rpc_service};
use tokio::time::sleep;

use crate::support::{SERVER, bind, ms, receive, request, send};

#[rpc_service]
trait Library {
    fn page(&self) -> Vec<u8>;
    async fn page_later(&self) -> Vec<u8>;
    fn ping(&self) -> u8;
}

struct Shelf;

impl Library for Shelf {
    fn page(&self) -> Vec<u8> {
        vec![7; 1_000]
    }
    async fn page_later(&self) -> Vec<u8> {
        vec![7; 1_000]
    }
    fn ping(&self) -> u8 {
        1
    }
}

/// An endpoint that serves, and raw nodes that are strangers to it.
struct Scene {
    network: Network,
    server: Endpoint,
}

impl Scene {
    fn new(configure: impl Fn(Builder) -> Builder) -> Self {
        let network = Network::new(1);
        let server = bind(&network, SERVER, configure(Endpoint::builder().serve(LibraryServer::new(Shelf))));
        Self { network, server }
    }

    fn stranger(&self, number: u8) -> Node {
        self.network.bind(std::net::SocketAddr::from(([192, 0, 2, number], 7000))).unwrap()
    }

    /// Sends this many requests for a method as Python would, and gives the bytes that come back meanwhile.
    async fn flood(&self, from: &Node, method: &str, count: u32) -> usize {
        let mut bytes = 0;
        for number in 0..count {
            let mut id = [9; 20];
            id[..4].copy_from_slice(&number.to_be_bytes());
            send(from, self.server.local_addr(), &request(id, method, &[]));
            if number % 500 == 499 {
                bytes += received(from).await;
            }
        }
        bytes + received(from).await
    }
}

/// Takes all that arrives until nothing does for a millisecond, and gives its length.
async fn received(node: &Node) -> usize {
    let mut bytes = 0;
    loop {
        let datagrams = receive(node).await;
        if datagrams.is_empty() {
            return bytes;
        }
        bytes += datagrams.iter().map(Vec::len).sum::<usize>();
    }
}

#[tokio::test(start_paused = true)]
async fn a_python_client_at_a_thousand_calls_a_second_is_not_throttled() {
    let scene = Scene::new(|builder| builder);
    let python = scene.stranger(1);
    for _ in 0..20 {
        scene.flood(&python, "page", 100).await;
        sleep(ms(99)).await;
    }
    let stats = scene.server.stats();
    assert_eq!((stats.requests.completed, stats.dropped_in_all()), (2_000, 0), "{stats:?}");
}

#[tokio::test(start_paused = true)]
async fn requests_are_counted_once_however_often_their_answers_leave() {
    let scene = Scene::new(|builder| builder.limits(Limits::default().requests_per_source(400)));
    // They come in one batch, and 400 KB of answers leave in several.
    scene.flood(&scene.stranger(1), "page", 400).await;
    let stats = scene.server.stats();
    assert_eq!((stats.requests.completed, stats.dropped_in_all()), (400, 0), "{stats:?}");
    scene.flood(&scene.stranger(1), "page", 100).await;
    assert_eq!(scene.server.stats().dropped(TooManyRequests), 100, "and no more than the limit");
}

#[tokio::test(start_paused = true)]
async fn a_victim_is_sent_no_more_than_documented() {
    for method in ["page", "page_later"] {
        let scene = Scene::new(|builder| builder);
        // The requests that somebody forges in the victim's name ask for forty times as much.
        let victim = scene.stranger(1);
        let mut bytes = 0;
        let mut seconds = 0_u32;
        while seconds < 10 {
            bytes += scene.flood(&victim, method, 10_000).await;
            sleep(ms(979)).await;
            seconds += 1;
        }
        let allowed = (4 + seconds as usize) << 20;
        assert!(bytes <= allowed && bytes > allowed * 9 / 10, "{bytes} of {allowed} for {method}");
        assert!(scene.server.stats().dropped(ResponseBudget) > 10_000);
    }
}

#[tokio::test(start_paused = true)]
async fn who_has_answered_us_is_no_stranger() {
    let scene = Scene::new(|builder| builder);
    let friend = bind(&scene.network, "192.0.2.7:7000", Endpoint::builder().serve(LibraryServer::new(Shelf)));
    LibraryClient::new(&scene.server, friend.local_addr()).ping().await.unwrap();
    let same_host = scene.network.bind("192.0.2.7:7001").unwrap();
    let bytes = scene.flood(&same_host, "page", 10_000).await;
    assert_eq!(bytes, 10_000 * (21 + 3 + 1_000));
    assert_eq!(scene.server.stats().dropped_in_all(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_flood_from_one_source_is_cut_and_others_are_served() {
    let scene = Scene::new(|builder| builder.limits(Limits::default().requests_per_source(1_000)));
    let (flooder, other) = (scene.stranger(1), scene.stranger(2));
    scene.flood(&flooder, "ping", 5_000).await;
    assert!((3_900..=4_000).contains(&scene.server.stats().dropped(TooManyRequests)));
    assert!(scene.flood(&other, "ping", 500).await > 0);
    assert!(scene.server.stats().requests.completed >= 1_500);
}

#[tokio::test(start_paused = true)]
async fn a_flood_from_many_sources_leaves_friends_alone() {
    let scene = Scene::new(|builder| builder.limits(Limits::default().requests_from_unvalidated(1_000)));
    let friend = bind(&scene.network, "192.0.2.200:7000", Endpoint::builder().serve(LibraryServer::new(Shelf)));
    LibraryClient::new(&scene.server, friend.local_addr()).ping().await.unwrap();
    for number in 0..50 {
        scene.flood(&scene.stranger(number), "ping", 100).await;
    }
    assert!(scene.server.stats().dropped(TooManyUnvalidated) > 3_500, "{:?}", scene.server.stats());
    let client = LibraryClient::new(&friend, scene.server.local_addr());
    for _ in 0..100 {
        client.ping().timeout(ms(100)).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_trusted_network_has_no_limits() {
    let scene = Scene::new(Builder::trusted_network);
    let bytes = scene.flood(&scene.stranger(1), "page", 60_000).await;
    assert_eq!(bytes, 60_000 * (21 + 3 + 1_000));
}
