use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use rpcudp::sim::Network;
use rpcudp::{Builder, Context, Endpoint, Identity, PeerId, Plain, rpc_service};
use tokio::time::sleep;

use crate::support::{CALLER, CheckedWire, SERVER, ms};

#[rpc_service]
pub(crate) trait Vault {
    fn whoami(&self, cx: &Context) -> Option<String>;
    fn echo(&self, bytes: Vec<u8>) -> Vec<u8>;
    #[rpc(at_least_once, timeout = "60s")]
    fn repeat(&self, number: u64) -> u64;
    #[rpc(at_most_once, timeout = "60s")]
    fn once(&self, number: u64, payload: Vec<u8>) -> u64;
    #[rpc(at_most_once, timeout = "60s")]
    async fn once_slowly(&self, number: u64, millis: u64) -> u64;
    async fn slow(&self, number: u64, millis: u64) -> u64;
    /// Returns this many bytes after a time.
    async fn padded(&self, number: u64, millis: u64, len: usize) -> Vec<u8>;
    #[rpc(oneway)]
    fn note(&self, number: u64);
    /// Calls the caller back, over its link.
    async fn mirror(&self, cx: &Context, bytes: Vec<u8>) -> Result<Vec<u8>, String>;
}

/// The runs of each method with a number, and the methods that were dropped before they returned.
#[derive(Clone, Debug, Default)]
pub(crate) struct Runs {
    pub(crate) begun: Arc<Mutex<BTreeMap<u64, u64>>>,
    pub(crate) ended: Arc<Mutex<BTreeMap<u64, u64>>>,
}

impl Runs {
    fn record(&self, number: u64) -> u64 {
        *self.begun.lock().unwrap().entry(number).or_default() += 1;
        number
    }

    pub(crate) fn begun(&self, number: u64) -> u64 {
        self.begun.lock().unwrap().get(&number).copied().unwrap_or(0)
    }

    pub(crate) fn ended(&self, number: u64) -> u64 {
        self.ended.lock().unwrap().get(&number).copied().unwrap_or(0)
    }

    async fn run_slowly(&self, number: u64, millis: u64) -> u64 {
        self.record(number);
        sleep(ms(millis)).await;
        *self.ended.lock().unwrap().entry(number).or_default() += 1;
        number
    }
}

impl Vault for Runs {
    fn whoami(&self, cx: &Context) -> Option<String> {
        cx.peer_id().map(|peer| peer.to_string())
    }
    fn echo(&self, bytes: Vec<u8>) -> Vec<u8> {
        bytes
    }
    fn repeat(&self, number: u64) -> u64 {
        self.record(number)
    }
    fn once(&self, number: u64, _: Vec<u8>) -> u64 {
        self.record(number)
    }
    async fn once_slowly(&self, number: u64, millis: u64) -> u64 {
        self.run_slowly(number, millis).await
    }
    async fn slow(&self, number: u64, millis: u64) -> u64 {
        self.run_slowly(number, millis).await
    }
    async fn padded(&self, number: u64, millis: u64, len: usize) -> Vec<u8> {
        self.run_slowly(number, millis).await;
        vec![7; len]
    }
    fn note(&self, number: u64) {
        self.record(number);
    }
    async fn mirror(&self, cx: &Context, bytes: Vec<u8>) -> Result<Vec<u8>, String> {
        VaultClient::back(cx).echo(bytes).await.map_err(|error| error.to_string())
    }
}

pub(crate) fn identity(number: u8) -> Identity {
    Identity::from_seed([number; 32])
}

pub(crate) fn peer(number: u8) -> PeerId {
    identity(number).peer_id()
}

/// Returns a builder with the identity of a number, which neither serves nor calls in the clear.
pub(crate) fn builder(number: u8, runs: &Runs) -> Builder {
    Endpoint::builder().identity(identity(number)).plain(Plain::Off).serve(VaultServer::new(runs.clone()))
}

/// Binds an endpoint that sends nothing in the clear.
pub(crate) fn bind(network: &Network, addr: &str, builder: Builder) -> Endpoint {
    builder.bind_transport(CheckedWire::links(network.bind(addr).expect("the address is free"))).unwrap()
}

/// Binds an endpoint with a plain wire too.
pub(crate) fn bind_both(network: &Network, addr: &str, builder: Builder) -> Endpoint {
    builder.bind_transport(CheckedWire::both(network.bind(addr).expect("the address is free"))).unwrap()
}

/// A server with the identity 1 and a caller with the identity 2, which both serve.
pub(crate) struct World {
    pub(crate) network: Network,
    pub(crate) server: Endpoint,
    pub(crate) caller: Endpoint,
    pub(crate) runs: Runs,
    /// A client of the server, which pins its key.
    pub(crate) vault: VaultClient,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        println!("seed {seed}");
        let network = Network::new(seed);
        let runs = Runs::default();
        let server = bind(&network, SERVER, builder(1, &runs));
        let caller = bind(&network, CALLER, builder(2, &Runs::default()));
        let vault = VaultClient::secure(&caller, server.local_addr(), peer(1));
        Self { network, server, caller, runs, vault }
    }

    /// Replaces the server by another process with the same identity.
    pub(crate) async fn restart(&mut self) {
        self.server.close(ms(0)).await;
        self.server = bind(&self.network, SERVER, builder(1, &self.runs));
    }
}
