//! Limits on requests from unvalidated sources, with the defaults and with other settings.

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

/// A server, and nodes with addresses that it has not validated.
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

    fn source(&self, number: u8) -> Node {
        self.network.bind(std::net::SocketAddr::from(([192, 0, 2, number], 7000))).unwrap()
    }

    /// Sends `count` requests as Python does, and returns the number of bytes of the responses.
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

/// Receives until no datagram arrives for 1 ms, and returns the number of bytes.
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
async fn default_limits_allow_a_python_client_a_thousand_calls_a_second() {
    let scene = Scene::new(|builder| builder);
    let python = scene.source(1);
    for _ in 0..20 {
        scene.flood(&python, "page", 100).await;
        sleep(ms(99)).await;
    }
    let stats = scene.server.stats();
    assert_eq!((stats.requests.completed, stats.dropped_in_all()), (2_000, 0), "{stats:?}");
}

#[tokio::test(start_paused = true)]
async fn request_is_counted_once_if_responses_leave_in_several_batches() {
    let scene = Scene::new(|builder| builder.limits(Limits::default().requests_per_source(400)));
    // The requests arrive in one batch, and 400 KB of responses leave in several.
    scene.flood(&scene.source(1), "page", 400).await;
    let stats = scene.server.stats();
    assert_eq!((stats.requests.completed, stats.dropped_in_all()), (400, 0), "{stats:?}");
    scene.flood(&scene.source(1), "page", 100).await;
    assert_eq!(scene.server.stats().dropped(TooManyRequests), 100, "the limit is used up");
}

#[tokio::test(start_paused = true)]
async fn responses_to_a_spoofed_source_stay_within_the_documented_budget() {
    for method in ["page", "page_later"] {
        let scene = Scene::new(|builder| builder);
        // The attacker sends requests from the victim's address for forty times as many bytes.
        let victim = scene.source(1);
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
async fn source_that_responded_to_a_call_is_validated() {
    let scene = Scene::new(|builder| builder);
    let validated = bind(&scene.network, "192.0.2.7:7000", Endpoint::builder().serve(LibraryServer::new(Shelf)));
    LibraryClient::new(&scene.server, validated.local_addr()).ping().await.unwrap();
    let other_port = scene.network.bind("192.0.2.7:7001").unwrap();
    let bytes = scene.flood(&other_port, "page", 10_000).await;
    assert_eq!(bytes, 10_000 * (21 + 3 + 1_000));
    assert_eq!(scene.server.stats().dropped_in_all(), 0);
}

#[tokio::test(start_paused = true)]
async fn flood_from_one_source_is_limited_and_others_are_served() {
    let scene = Scene::new(|builder| builder.limits(Limits::default().requests_per_source(1_000)));
    let (flooder, other) = (scene.source(1), scene.source(2));
    scene.flood(&flooder, "ping", 5_000).await;
    assert!((3_900..=4_000).contains(&scene.server.stats().dropped(TooManyRequests)));
    assert!(scene.flood(&other, "ping", 500).await > 0);
    assert!(scene.server.stats().requests.completed >= 1_500);
}

#[tokio::test(start_paused = true)]
async fn flood_from_many_sources_does_not_affect_validated_ones() {
    let scene = Scene::new(|builder| builder.limits(Limits::default().requests_from_unvalidated(1_000)));
    let validated = bind(&scene.network, "192.0.2.200:7000", Endpoint::builder().serve(LibraryServer::new(Shelf)));
    LibraryClient::new(&scene.server, validated.local_addr()).ping().await.unwrap();
    for number in 0..50 {
        scene.flood(&scene.source(number), "ping", 100).await;
    }
    assert!(scene.server.stats().dropped(TooManyUnvalidated) > 3_500, "{:?}", scene.server.stats());
    let client = LibraryClient::new(&validated, scene.server.local_addr());
    for _ in 0..100 {
        client.ping().timeout(ms(100)).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn trusted_network_has_no_limits() {
    let scene = Scene::new(Builder::trusted_network);
    let bytes = scene.flood(&scene.source(1), "page", 60_000).await;
    assert_eq!(bytes, 60_000 * (21 + 3 + 1_000));
}
