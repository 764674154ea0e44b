//! Calls to multicast and broadcast addresses.

mod caller;
mod members;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rpcudp::sim::{Conditions, Network};
use rpcudp::{All, CallError, Context, Endpoint, rpc_service};
use tokio::time::{Instant, sleep};

use crate::support::{CALLER, bind, ms};

const GROUP: &str = "239.1.2.3:7000";

#[rpc_service]
pub(crate) trait Member {
    fn number(&self) -> u32;
    async fn number_after(&self, millis: u64) -> u32;
    #[rpc(at_least_once)]
    fn repeat(&self) -> u32;
    #[rpc(at_most_once)]
    async fn once(&self) -> u32;
    #[rpc(oneway)]
    fn tell(&self);
    /// Returns the address that the request was sent to.
    fn called_at(&self, cx: &Context) -> SocketAddr;
    fn fails(&self) -> Result<(), u32>;
    /// Returns the entry `tag` of the request's metadata, and the time that its caller waits.
    fn tag(&self, cx: &Context) -> (Option<String>, Option<Duration>);
    fn bytes(&self, len: usize) -> Vec<u8>;
}

/// A contract that no member serves.
#[rpc_service]
trait Absent {
    fn absent(&self);
}

#[derive(Clone)]
struct Numbered {
    number: u32,
    runs: Arc<AtomicU32>,
}

impl Numbered {
    fn run(&self) -> u32 {
        self.runs.fetch_add(1, Ordering::Relaxed);
        self.number
    }
}

impl Member for Numbered {
    fn number(&self) -> u32 {
        self.run()
    }
    async fn number_after(&self, millis: u64) -> u32 {
        sleep(ms(millis)).await;
        self.run()
    }
    fn repeat(&self) -> u32 {
        self.run()
    }
    async fn once(&self) -> u32 {
        sleep(ms(1)).await;
        self.run()
    }
    fn tell(&self) {
        self.run();
    }
    fn called_at(&self, cx: &Context) -> SocketAddr {
        cx.local_addr()
    }
    fn tag(&self, cx: &Context) -> (Option<String>, Option<Duration>) {
        (cx.metadata("tag").map(str::to_owned), cx.remaining())
    }
    fn fails(&self) -> Result<(), u32> {
        Err(self.run())
    }
    fn bytes(&self, len: usize) -> Vec<u8> {
        vec![7; len]
    }
}

/// A caller and the members of a multicast group, with 5 ms between all hosts.
struct Lan {
    network: Network,
    members: Vec<Endpoint>,
    caller: Endpoint,
    runs: Arc<AtomicU32>,
}

impl Lan {
    fn new(seed: u64, count: u32) -> Self {
        let network = Network::new(seed);
        network.set_conditions(Self::quiet());
        let runs = Arc::<AtomicU32>::default();
        let member = |number| {
            let node = network.bind(Self::addr(number)).unwrap();
            node.join_multicast(GROUP.parse::<SocketAddr>().unwrap().ip());
            let service = MemberServer::new(Numbered { number, runs: Arc::clone(&runs) });
            Endpoint::builder().serve(service).bind_transport(node).unwrap()
        };
        let members = (0..count).map(member).collect();
        let caller = bind(&network, CALLER, Endpoint::builder());
        Self { members, caller, runs, network }
    }

    fn quiet() -> Conditions {
        Conditions::default().latency(ms(5))
    }

    fn addr(number: u32) -> SocketAddr {
        ([10, 1, (number / 250) as u8, (number % 250) as u8 + 1], 7_000).into()
    }

    fn client(&self) -> MemberClient {
        MemberClient::new(&self.caller, GROUP.parse().unwrap())
    }

    fn runs(&self) -> u32 {
        self.runs.load(Ordering::Relaxed)
    }
}

/// Returns the values of all members and the addresses that they come from, each with its time, and
/// the time of the end.
async fn collect<T, E>(mut all: All<T, E>) -> (Vec<(SocketAddr, Result<T, CallError<E>>, Duration)>, Duration) {
    let start = Instant::now();
    let mut results = Vec::new();
    while let Some((peer, result)) = all.next().await {
        results.push((peer, result, start.elapsed()));
    }
    (results, start.elapsed())
}
