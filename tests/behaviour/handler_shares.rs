//! Async handlers are shared fairly among sources, and none runs for ever.

use std::future::pending;
use std::net::SocketAddr;
use std::time::Duration;

use rpcudp::sim::{Network, Node};
use rpcudp::transport::{Datagram, Transport};
use rpcudp::{Builder, CallError, Endpoint, Refusal, rpc_service};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

#[rpc_service]
trait Target {
    async fn quick(&self) -> u8;
    async fn sleeps(&self, millis: u32) -> u8;
    async fn hangs(&self);
    #[rpc(at_least_once)]
    async fn hangs_retransmitted(&self);
    #[rpc(at_most_once)]
    async fn hangs_once(&self);
    #[rpc(oneway)]
    async fn hangs_oneway(&self);
    fn ping(&self) -> u8;
}

struct Service;

impl Target for Service {
    async fn quick(&self) -> u8 {
        sleep(Duration::from_millis(100)).await;
        1
    }

    async fn sleeps(&self, millis: u32) -> u8 {
        sleep(Duration::from_millis(millis.into())).await;
        1
    }

    async fn hangs(&self) {
        pending::<()>().await;
    }

    async fn hangs_retransmitted(&self) {
        pending::<()>().await;
    }

    async fn hangs_once(&self) {
        pending::<()>().await;
    }

    async fn hangs_oneway(&self) {
        pending::<()>().await;
    }

    fn ping(&self) -> u8 {
        1
    }
}

struct Scene {
    network: Network,
    server: Endpoint,
}

impl Scene {
    fn new(configure: impl FnOnce(Builder) -> Builder) -> Self {
        let network = Network::new(1);
        let server = configure(Endpoint::builder().serve(TargetServer::new(Service)));
        let server = server.bind_transport(network.bind("10.0.0.1:7000").unwrap()).unwrap();
        Self { network, server }
    }

    fn node(&self, ip: [u8; 4]) -> Node {
        self.network.bind(SocketAddr::from((ip, 7_000))).unwrap()
    }

    fn client(&self, ip: [u8; 4]) -> TargetClient {
        let endpoint = Endpoint::builder().serve(TargetServer::new(Service)).bind_transport(self.node(ip)).unwrap();
        TargetClient::new(&endpoint, self.server.local_addr())
    }

    /// Sends a request without a deadline, as Python does, for a handler that runs for some time.
    fn request(&self, from: &Node, number: u32, millis: u32) {
        let id = [&number.to_be_bytes()[..], &[9; 16]].concat();
        let request = [b"\0", &*id, b"\x92\xa6sleeps\x91\xce", &millis.to_be_bytes()].concat();
        from.try_send(Datagram { destination: self.server.local_addr(), source: None, contents: &request }).unwrap();
    }

    /// Sends requests from these nodes in turn, at `rate` per second in all.
    async fn attack(&self, nodes: &[Node], rate: u32, seconds: u32, millis: u32) {
        for number in 0..rate * seconds {
            self.request(&nodes[number as usize % nodes.len()], number, millis);
            sleep(Duration::from_secs(1) / rate).await;
        }
    }
}

/// Calls again and again until the task is aborted. Returns the share of calls that succeeded.
async fn success(clients: Vec<TargetClient>, time: Duration) -> f64 {
    let until = Instant::now() + time;
    let mut tasks = JoinSet::new();
    for client in clients {
        tasks.spawn(async move {
            let (mut sent, mut succeeded) = (0, 0);
            while Instant::now() < until {
                sent += 1;
                succeeded += u32::from(client.quick().await.is_ok());
                sleep(Duration::from_millis(50)).await;
            }
            (sent, succeeded)
        });
    }
    let counts = tasks.join_all().await;
    let (sent, succeeded) = counts.iter().fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
    f64::from(succeeded) / f64::from(sent)
}

fn honest(scene: &Scene) -> Vec<TargetClient> {
    (1..=8).map(|host| scene.client([192, 0, 2, host])).collect()
}

#[tokio::test(start_paused = true)]
async fn one_source_leaves_handlers_to_honest_callers() {
    for (millis, warm_up, seconds) in [(5_000, 10, 10), (60_000, 30, 60)] {
        let scene = Scene::new(|builder| builder);
        let clients = honest(&scene);
        let attacker = [scene.node([198, 51, 100, 1])];
        scene.attack(&attacker, 205, warm_up, millis).await;
        let honest = success(clients, Duration::from_secs(seconds.into()));
        let ((), share) = tokio::join!(scene.attack(&attacker, 205, seconds, millis), honest);
        assert!(share >= 0.9, "{share} of the calls succeeded beside handlers of {millis} ms");
        assert!(scene.server.stats().requests.running <= 512);
    }
}

#[tokio::test(start_paused = true)]
async fn several_sources_leave_handlers_to_honest_callers() {
    for count in [2, 8, 32] {
        let scene = Scene::new(|builder| builder);
        let clients = honest(&scene);
        let attackers: Vec<_> = (1..=count).map(|host| scene.node([198, 51, 100, host])).collect();
        scene.attack(&attackers, 500, 5, 60_000).await;
        let ((), share) =
            tokio::join!(scene.attack(&attackers, 500, 5, 60_000), success(clients, Duration::from_secs(5)));
        assert!(share >= 0.9, "{share} of the calls succeeded beside {count} greedy sources");
    }
}

#[tokio::test(start_paused = true)]
async fn forged_sources_leave_handlers_to_validated_callers() {
    let scene = Scene::new(|builder| builder);
    let clients = honest(&scene);
    for client in &clients {
        TargetClient::new(&scene.server, client.endpoint().local_addr()).ping().await.unwrap();
    }
    let forged: Vec<_> = (0..2_000_u16).map(|host| scene.node([198, 18, (host >> 8) as u8, host as u8])).collect();
    scene.attack(&forged, 2_000, 1, 60_000).await;
    assert_eq!(scene.server.stats().requests.running, 896, "all but the last eighth");
    let share = success(clients, Duration::from_secs(5)).await;
    assert!(share >= 0.9, "{share} of the calls succeeded beside forged sources");
}

#[tokio::test(start_paused = true)]
async fn source_that_is_exempt_has_all_handlers() {
    let network = Network::new(1);
    let server = Endpoint::builder().serve(TargetServer::new(Service));
    let server = server.bind_transport(network.bind("127.0.0.1:7000").unwrap()).unwrap();
    let scene = Scene { network, server };
    let local = [scene.network.bind("127.0.0.1:7001").unwrap()];
    scene.attack(&local, 2_000, 1, 10_000).await;
    assert_eq!(scene.server.stats().requests.running, 1_024);
}

/// Returns the end of a call with a timeout of 100 s, and the seconds that it took.
async fn end_of<T>(call: rpcudp::Call<T>) -> (Result<T, CallError>, u64) {
    let start = Instant::now();
    let result = call.timeout(Duration::from_secs(100)).await;
    (result, start.elapsed().as_secs())
}

#[tokio::test(start_paused = true)]
async fn handler_is_aborted_after_its_timeout_if_its_delivery_allows_it() {
    let scene = Scene::new(|builder| builder.handler_timeout(Duration::from_secs(8)));
    let client = scene.client([192, 0, 2, 1]);
    // A deadline of 100 s counts up to ten times the handler timeout.
    for call in [client.hangs(), client.hangs_retransmitted().without_delivery()] {
        let (result, seconds) = end_of(call).await;
        let Err(CallError::Refused { reason, .. }) = result else { panic!("{result:?}") };
        assert_eq!(reason, Refusal::Stopped);
        assert!((80..=82).contains(&seconds), "{seconds} s");
    }

    // Requests that name no deadline.
    let scene = Scene::new(|builder| builder.handler_timeout(Duration::from_secs(8)));
    let client = scene.client([192, 0, 2, 1]);
    let node = scene.node([192, 0, 2, 2]);
    for number in 0..10 {
        scene.request(&node, number, 1_000_000);
    }
    sleep(Duration::from_secs(1)).await;
    assert_eq!(scene.server.stats().requests.running, 10);
    sleep(Duration::from_secs(6)).await;
    assert_eq!(scene.server.stats().requests.running, 10);
    sleep(Duration::from_secs(4)).await;
    assert_eq!(scene.server.stats().requests.running, 0);

    let (result, _) = end_of(client.hangs_once()).await;
    assert!(result.unwrap_err().is_timeout());
    client.hangs_oneway().await.unwrap();
    sleep(Duration::from_secs(100)).await;
    assert_eq!(scene.server.stats().requests.running, 2, "neither is ever aborted");
}

#[tokio::test(start_paused = true)]
async fn handler_of_an_exempt_source_is_never_aborted() {
    let scene = Scene::new(Builder::trusted_network);
    let node = scene.node([192, 0, 2, 2]);
    scene.request(&node, 1, 3_600_000);
    sleep(Duration::from_secs(3_000)).await;
    assert_eq!(scene.server.stats().requests.running, 1);
}
