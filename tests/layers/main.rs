//! Layers of tower between the network and a service: what they stop, and what the caller hears.

#![allow(missing_docs, reason = "contracts of a test")]

mod failures;
mod limits;
mod passing;
mod promises;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpcudp::sim::Network;
use rpcudp::{Builder, CallError, Context, Endpoint, Refusal, rpc_service};
use tokio::time::sleep;

#[rpc_service]
trait Works {
    fn add(&self, text: &str, bytes: &[u8]) -> u64;
    fn fails(&self) -> Result<u8, String>;
    fn panics(&self);
    async fn panics_later(&self);
    fn big(&self) -> Vec<u8>;
    fn sender(&self, cx: &Context) -> String;
    async fn slow(&self, text: &str, millis: u64) -> String;
    #[rpc(at_most_once)]
    fn once(&self) -> u64;
    #[rpc(at_most_once)]
    async fn once_slowly(&self, millis: u64) -> u64;
    #[rpc(oneway)]
    fn note(&self, text: String);
}

/// What ran, how often it began, and how often it ended.
#[derive(Clone, Default)]
struct Runs(Arc<Mutex<BTreeMap<&'static str, [u64; 2]>>>);

impl Runs {
    fn begin(&self, method: &'static str) -> u64 {
        let mut runs = self.0.lock().unwrap();
        let [begun, _] = runs.entry(method).or_default();
        *begun += 1;
        *begun
    }

    fn end(&self, method: &'static str) {
        self.0.lock().unwrap().entry(method).or_default()[1] += 1;
    }

    fn of(&self, method: &'static str) -> [u64; 2] {
        self.0.lock().unwrap().get(method).copied().unwrap_or_default()
    }
}

impl Works for Runs {
    fn add(&self, text: &str, bytes: &[u8]) -> u64 {
        self.begin("add");
        (text.len() + bytes.len()) as u64
    }
    fn fails(&self) -> Result<u8, String> {
        Err("as it should".into())
    }
    fn panics(&self) {
        panic!("told by the panic hook")
    }
    async fn panics_later(&self) {
        tokio::task::yield_now().await;
        panic!("told by the panic hook")
    }
    fn big(&self) -> Vec<u8> {
        vec![0; 100_000]
    }
    fn sender(&self, cx: &Context) -> String {
        cx.sender().to_string()
    }
    async fn slow(&self, text: &str, millis: u64) -> String {
        self.begin("slow");
        sleep(ms(millis)).await;
        self.end("slow");
        text.to_uppercase()
    }
    fn once(&self) -> u64 {
        self.begin("once")
    }
    async fn once_slowly(&self, millis: u64) -> u64 {
        let count = self.begin("once_slowly");
        sleep(ms(millis)).await;
        self.end("once_slowly");
        count
    }
    fn note(&self, text: String) {
        assert_eq!(text, "noted");
        self.begin("note");
    }
}

struct World {
    network: Network,
    runs: Runs,
    server: Endpoint,
    caller: Endpoint,
}

impl World {
    /// A server with what `layered` puts around it, and a caller.
    fn new(layered: impl FnOnce(Builder) -> Builder) -> Self {
        let (network, runs) = (Network::new(1), Runs::default());
        let server = layered(Endpoint::builder().serve(WorksServer::new(runs.clone())));
        let server = server.bind_transport(network.bind("10.0.0.1:7000").unwrap()).unwrap();
        let caller = Endpoint::builder().bind_transport(network.bind("10.0.0.2:7000").unwrap()).unwrap();
        Self { network, runs, server, caller }
    }

    fn works(&self) -> WorksClient {
        WorksClient::new(&self.caller, self.server.local_addr())
    }
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Why the peer refused, and what it said.
#[track_caller]
fn refusal<T: std::fmt::Debug, E: std::fmt::Debug>(result: Result<T, CallError<E>>) -> (Refusal, String) {
    match result {
        Err(CallError::Refused { reason, message, .. }) => (reason, message.into()),
        other => panic!("not refused: {other:?}"),
    }
}
