//! Servers of one group on a simulated network.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpcudp::sim::{Conditions, Network};
use rpcudp::{Builder, Endpoint, Peers, rpc_service};
use tokio::time::sleep;

use crate::support::{CALLER, bind, ms};

#[rpc_service]
pub(crate) trait Work {
    fn maybe(&self, number: u64) -> u64;
    async fn maybe_slowly(&self, number: u64, millis: u64) -> u64;
    #[rpc(at_least_once)]
    fn repeat(&self, number: u64) -> u64;
    #[rpc(at_least_once)]
    async fn repeat_slowly(&self, number: u64, millis: u64) -> u64;
    #[rpc(at_most_once)]
    fn once(&self, number: u64) -> u64;
    #[rpc(at_most_once)]
    async fn once_slowly(&self, number: u64, millis: u64) -> u64;
    #[rpc(oneway)]
    fn tell(&self, number: u64);
    /// Returns the number of the server.
    #[rpc(at_least_once)]
    fn name(&self) -> u64;
    #[rpc(at_least_once)]
    fn fails(&self) -> Result<u64, String>;
}

/// The runs of each call at all servers, by the call's number, and at each server.
#[derive(Clone, Default)]
pub(crate) struct Log {
    by_number: Arc<Mutex<BTreeMap<u64, u64>>>,
    by_server: Arc<Mutex<BTreeMap<u64, u64>>>,
}

impl Log {
    pub(crate) fn runs_of(&self, number: u64) -> u64 {
        self.by_number.lock().unwrap().get(&number).copied().unwrap_or(0)
    }

    pub(crate) fn runs_at(&self, server: u64) -> u64 {
        self.by_server.lock().unwrap().get(&server).copied().unwrap_or(0)
    }
}

/// A server with a number and a delay of each handler.
pub(crate) struct Server {
    log: Log,
    number: u64,
    delay: Duration,
}

impl Server {
    fn record(&self, number: u64) -> u64 {
        *self.log.by_number.lock().unwrap().entry(number).or_default() += 1;
        *self.log.by_server.lock().unwrap().entry(self.number).or_default() += 1;
        number
    }
}

impl Work for Server {
    fn maybe(&self, number: u64) -> u64 {
        self.record(number)
    }
    async fn maybe_slowly(&self, number: u64, millis: u64) -> u64 {
        self.record(number);
        sleep(ms(millis) + self.delay).await;
        number
    }
    fn repeat(&self, number: u64) -> u64 {
        self.record(number)
    }
    async fn repeat_slowly(&self, number: u64, millis: u64) -> u64 {
        self.record(number);
        sleep(ms(millis) + self.delay).await;
        number
    }
    fn once(&self, number: u64) -> u64 {
        self.record(number)
    }
    async fn once_slowly(&self, number: u64, millis: u64) -> u64 {
        self.record(number);
        sleep(ms(millis) + self.delay).await;
        number
    }
    fn tell(&self, number: u64) {
        self.record(number);
    }
    fn name(&self) -> u64 {
        self.record(u64::MAX);
        self.number
    }
    fn fails(&self) -> Result<u64, String> {
        self.record(u64::MAX);
        Err(format!("server {}", self.number))
    }
}

/// A caller and several servers, with addresses that end in 1, 2, 3 and so on.
pub(crate) struct Group {
    pub(crate) network: Network,
    pub(crate) servers: Vec<Option<Endpoint>>,
    pub(crate) caller: Endpoint,
    pub(crate) log: Log,
}

/// Returns the address of a server, counted from 0.
pub(crate) fn addr(server: usize) -> SocketAddr {
    ([10, 0, 1 + (server / 250) as u8, (server % 250) as u8 + 1], 7_000).into()
}

impl Group {
    /// Binds servers with a latency of 5 ms between all hosts.
    pub(crate) fn new(seed: u64, count: usize) -> Self {
        let network = Network::new(seed);
        network.set_conditions(Conditions::default().latency(ms(5)));
        network.return_undeliverable(true);
        let caller = bind(&network, CALLER, Endpoint::builder());
        let mut group = Self { network, servers: (0..count).map(|_| None).collect(), caller, log: Log::default() };
        (0..count).for_each(|server| group.start(server, Duration::ZERO, |builder| builder));
        group
    }

    /// Starts a server whose handlers take `delay` longer.
    pub(crate) fn start(&mut self, server: usize, delay: Duration, configure: impl FnOnce(Builder) -> Builder) {
        let service = Server { log: self.log.clone(), number: server as u64, delay };
        let builder = configure(Endpoint::builder().serve(WorkServer::new(service)));
        self.servers[server] = Some(bind(&self.network, addr(server), builder));
    }

    /// Kills a server, without a grace for what runs.
    pub(crate) async fn kill(&mut self, server: usize) {
        let endpoint = self.servers[server].take().expect("the server runs");
        endpoint.close(Duration::ZERO).await;
    }

    pub(crate) fn addrs(&self) -> Vec<SocketAddr> {
        (0..self.servers.len()).map(addr).collect()
    }

    /// Returns a client of all servers.
    pub(crate) fn client(&self) -> WorkClient {
        WorkClient::group(&self.caller, Peers::fixed(self.addrs()))
    }
}
