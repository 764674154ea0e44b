//! Layers of tower between the network and a service: the requests that they stop, and the refusals
//! that callers get.

mod blocking;
mod discover;
mod dynamic;
mod failures;
mod limits;
mod passing;
mod promises;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, Once};

use rpcudp::sim::Network;
use rpcudp::{Builder, Context, Endpoint, rpc_service};
use tokio::time::sleep;

use crate::support::{Pair, ms};

#[rpc_service]
trait Works {
    fn add(&self, text: &str, bytes: &[u8]) -> u64;
    fn fails(&self) -> Result<u8, String>;
    fn panics(&self);
    async fn panics_later(&self);
    fn big(&self) -> Vec<u8>;
    fn sender(&self, cx: &Context) -> String;
    fn tenant(&self, cx: &Context) -> Option<String>;
    async fn tenant_later(&self, cx: &Context) -> Option<String>;
    async fn slow(&self, text: &str, millis: u64) -> String;
    #[rpc(at_most_once)]
    fn once(&self) -> u64;
    #[rpc(at_most_once)]
    async fn once_slowly(&self, millis: u64) -> u64;
    #[rpc(oneway)]
    fn note(&self, text: String);
}

/// The number of runs of each method that began and that ended. A clone shares the counts.
#[derive(Clone, Default)]
struct Runs(Arc<Mutex<BTreeMap<&'static str, [u64; 2]>>>);

impl Runs {
    /// Counts the begin of a run, and returns how many began.
    fn begin(&self, method: &'static str) -> u64 {
        let mut runs = self.0.lock().unwrap();
        let [begun, _] = runs.entry(method).or_default();
        *begun += 1;
        *begun
    }

    /// Counts the end of a run.
    fn end(&self, method: &'static str) {
        self.0.lock().unwrap().entry(method).or_default()[1] += 1;
    }

    /// Returns how many runs of a method began and ended.
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
        panic!("an expected panic of the handler")
    }
    async fn panics_later(&self) {
        tokio::task::yield_now().await;
        panic!("an expected panic of the handler")
    }
    fn big(&self) -> Vec<u8> {
        vec![0; 100_000]
    }
    fn tenant(&self, cx: &Context) -> Option<String> {
        cx.metadata("tenant").map(str::to_owned)
    }
    async fn tenant_later(&self, cx: &Context) -> Option<String> {
        cx.metadata("tenant").map(str::to_owned)
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

/// Installs a subscriber for the whole process that formats every event.
///
/// Each test must call this first, which [`pair`] does. On a thread without a subscriber, `tracing`
/// may cache for the whole process that no subscriber is interested in an event, and a test that
/// needs the event would fail.
fn install_subscriber() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| tracing_subscriber::fmt().with_writer(io::sink).init());
}

/// Binds a server with layers and a caller, and returns them with a client and the record of runs.
fn pair(layered: impl FnOnce(Builder) -> Builder) -> (Pair, WorksClient, Runs) {
    install_subscriber();
    let runs = Runs::default();
    let server = layered(Endpoint::builder().serve(WorksServer::new(runs.clone())));
    let pair = Pair::new(Network::new(1), server, Endpoint::builder());
    let works = pair.client();
    (pair, works, runs)
}
