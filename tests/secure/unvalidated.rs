//! The bytes to addresses of senders that have not shown that they receive there.

use std::net::SocketAddr;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use rpcudp::LinkOptions;
use rpcudp::sim::{Conditions, Network, Node};
use rpcudp_secure::{Expected, Links};
use tokio::time::{Instant, sleep};

use crate::fixture::{Runs, VaultClient, bind, builder, identity, peer};
use crate::support::{CALLER, CheckedWire, SERVER, ms, seeds, send};
use crate::trace::Trace;

const SEED_COUNT: u64 = 10;

/// A server whose datagrams are recorded.
struct Scene {
    network: Network,
    trace: Trace,
    addr: SocketAddr,
    runs: Runs,
}

impl Scene {
    fn new(seed: u64) -> Self {
        println!("seed {seed}");
        let (network, trace) = (Network::new(seed), Trace::new());
        Self { network, trace, addr: SERVER.parse().unwrap(), runs: Runs::default() }
    }

    fn serve(&self) -> rpcudp::Endpoint {
        let node = self.network.bind(self.addr).unwrap();
        builder(1, &self.runs).bind_transport(self.trace.of(CheckedWire::links(node))).unwrap()
    }

    /// Binds an address that sends what a test forges, and never responds.
    fn forger(&self, number: u16) -> Node {
        let [high, low] = number.to_be_bytes();
        self.network.bind(SocketAddr::from(([10, 9, high, low], 7_000))).unwrap()
    }

    /// Returns the first datagram of a handshake.
    fn initial(&self, number: u8) -> Vec<u8> {
        let now = Instant::now().into_std();
        let mut links = Links::new(&identity(number), LinkOptions::default(), now, [number; 32]);
        links.connect(now, self.addr, Expected::Any).unwrap();
        let mut initial = Vec::new();
        links.flush(now, |datagram| initial.extend_from_slice(datagram.contents));
        assert_eq!(initial.len(), 1_200);
        initial
    }

    /// Checks that no address was ever sent more than three times the bytes that it had sent.
    /// Returns the bytes that the server has sent to others than the one that has a link.
    fn check(&self, seed: u64, linked: Option<&str>) -> usize {
        let linked = linked.map(|addr| addr.parse::<SocketAddr>().unwrap());
        let largest = self.trace.largest_amplification();
        let others = largest.into_iter().filter(|(addr, _)| Some(*addr) != linked);
        others.fold(0, |total, (addr, (received, sent))| {
            assert!(sent <= 3 * received, "seed {seed}: {sent} bytes to {addr}, which had sent {received}");
            total + sent
        })
    }
}

#[tokio::test(start_paused = true)]
async fn forged_handshakes_under_loss_are_answered_with_at_most_three_times_their_bytes() {
    for seed in seeds(SEED_COUNT) {
        let scene = Scene::new(seed);
        let _server = scene.serve();
        let mut rng = StdRng::seed_from_u64(seed);
        let forgers: Vec<_> = (0..60).map(|number| (scene.forger(number), scene.initial(number as u8))).collect();
        scene.network.set_conditions(Conditions::default().latency(ms(20)).jitter(ms(20)).loss(0.2).duplication(0.1));
        for _ in 0..200 {
            let (forger, initial) = &forgers[rng.random_range(0..forgers.len())];
            let mut datagram = initial.clone();
            match rng.random_range(0..4) {
                // Retransmissions.
                0 | 1 => {}
                2 => datagram.truncate(rng.random_range(1..1_200)),
                _ => {
                    let at = rng.random_range(1..1_200);
                    datagram[at] ^= 1 << rng.random_range(0..8);
                }
            }
            send(forger, scene.addr, &datagram);
            sleep(ms(rng.random_range(0..100))).await;
        }
        // A caller that is there gets through meanwhile.
        let caller = bind(&scene.network, CALLER, builder(2, &Runs::default()));
        let vault = VaultClient::secure(&caller, scene.addr, peer(1));
        assert_eq!(vault.repeat(1).await.unwrap(), 1, "seed {seed}");
        sleep(Duration::from_secs(30)).await;
        assert!(scene.check(seed, Some(CALLER)) > 0, "seed {seed}: the server responds to none");
    }
}

/// The packets of the server do not arrive, so the caller begins again and again.
#[tokio::test(start_paused = true)]
async fn caller_that_hears_nothing_is_sent_at_most_three_times_its_bytes() {
    for seed in seeds(SEED_COUNT) {
        let scene = Scene::new(seed);
        let _server = scene.serve();
        let caller = bind(&scene.network, CALLER, builder(2, &Runs::default()));
        let [caller_ip, server_ip] = [caller.local_addr().ip(), scene.addr.ip()];
        scene.network.set_link(caller_ip, server_ip, Conditions::default().latency(ms(20)).loss(0.5));
        scene.network.set_link(server_ip, caller_ip, Conditions::default().loss(1.0));
        let vault = VaultClient::secure(&caller, scene.addr, peer(1));
        let ended = vault.repeat(1).timeout(Duration::from_secs(100)).await;
        assert!(ended.is_err(), "seed {seed}");
        assert!(scene.check(seed, None) > 1_200, "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn garbage_gets_no_response_that_is_longer() {
    for seed in seeds(SEED_COUNT) {
        let scene = Scene::new(seed);
        let server = scene.serve();
        let mut rng = StdRng::seed_from_u64(seed);
        for number in 0..300 {
            let forger = scene.forger(number);
            let mut garbage = vec![0; rng.random_range(1..1_300)];
            rng.fill_bytes(&mut garbage);
            garbage[0] |= 0x40;
            if number % 3 == 0 && garbage.len() > 5 {
                // The header of a packet of version 1, or of one that the server does not know.
                garbage[0] |= 0x80;
                garbage[1..5].copy_from_slice(&[0, 0, 0, rng.random_range(1..4)]);
            }
            send(&forger, scene.addr, &garbage);
            if number % 10 == 0 {
                sleep(ms(1)).await;
            }
        }
        sleep(Duration::from_secs(30)).await;
        for (addr, (received, sent)) in scene.trace.largest_amplification() {
            assert!(sent <= received, "seed {seed}: {sent} bytes to {addr}, which had sent {received}");
        }
        assert_eq!((server.link_stats().handshaking, server.link_stats().panics), (0, 0), "seed {seed}");
    }
}

/// The packets of an earlier run get stateless resets.
#[tokio::test(start_paused = true)]
async fn reset_of_a_link_is_shorter_than_its_cause() {
    let scene = Scene::new(1);
    let server = scene.serve();
    let caller = bind(&scene.network, CALLER, builder(2, &Runs::default()));
    let vault = VaultClient::secure(&caller, scene.addr, peer(1));
    vault.repeat(1).await.unwrap();
    scene.network.partition([scene.addr.ip()]);
    server.close(ms(0)).await;
    let restarted = Scene { trace: Trace::new(), ..scene };
    let _server = restarted.serve();
    restarted.network.heal();
    let before = restarted.trace.entries().len();
    let error = vault.slow(1, 1).await.unwrap_err();
    assert!(matches!(error, rpcudp::CallError::Link { reason: rpcudp::LinkEnd::Lost, .. }), "{error}");
    assert_eq!(restarted.trace.entries().len() - before, 2, "the request and the reset");
    let (_, (received, sent)) = restarted.trace.largest_amplification().pop_first().unwrap();
    assert!(sent < received, "{sent} {received}");
}
