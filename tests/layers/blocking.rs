//! Methods that block their thread, behind layers.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use rpcudp::sim::Network;
use rpcudp::tower::Response;
use rpcudp::{Builder, Endpoint, Refusal, rpc_service};
use tower::timeout::TimeoutLayer;
use tower::util::MapResponseLayer;

use crate::install_subscriber;
use crate::support::{Pair, ms, refusal};

#[rpc_service]
trait Files {
    #[rpc(blocking)]
    fn upper(&self, text: &str) -> String;
    #[rpc(blocking)]
    fn panics(&self);
    /// Blocks until the test releases it.
    #[rpc(blocking)]
    fn wait(&self) -> u8;
}

struct Disk(Mutex<Receiver<()>>);

impl Files for Disk {
    fn upper(&self, text: &str) -> String {
        text.to_uppercase()
    }
    fn panics(&self) {
        panic!("an expected panic of the handler")
    }
    fn wait(&self) -> u8 {
        self.0.lock().unwrap().recv().expect("the test has the sender");
        1
    }
}

/// Binds a server with layers and a caller. The sender releases one run of `wait`.
fn pair(layered: impl FnOnce(Builder) -> Builder) -> (Pair, FilesClient, Sender<()>) {
    install_subscriber();
    let (release, released) = channel();
    let server = layered(Endpoint::builder().serve(FilesServer::new(Disk(Mutex::new(released)))));
    let pair = Pair::new(Network::new(1), server, Endpoint::builder());
    let client = pair.client();
    (pair, client, release)
}

async fn until_blocking(pair: &Pair, count: u64) {
    while pair.server.stats().requests.blocking != count {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn layers_see_the_responses_of_blocking_methods() {
    let outcomes = Arc::new(Mutex::new(Vec::new()));
    let recorded = Arc::clone(&outcomes);
    let layer = MapResponseLayer::new(move |response: Response| {
        recorded.lock().unwrap().push(response.outcome());
        response
    });
    let (pair, files, release) = pair(|builder| builder.max_blocking_handlers(1).layer(layer));
    assert_eq!(files.upper("aloud").await.unwrap(), "ALOUD");
    assert_eq!(refusal(files.panics().await).0, Refusal::Panicked);
    let waiting = tokio::spawn(files.wait().into_future());
    until_blocking(&pair, 1).await;
    assert_eq!(refusal(files.upper("").await), (Refusal::Busy, "upper".into()));
    release.send(()).unwrap();
    assert_eq!(waiting.await.unwrap().unwrap(), 1);
    assert_eq!(*outcomes.lock().unwrap(), ["answered", "panicked", "busy", "answered"]);
    let stats = pair.server.stats().requests;
    assert_eq!((stats.blocking, stats.completed, stats.refused), (0, 2, 2));
}

/// In real time, because a paused clock stands still while a method blocks.
#[tokio::test]
async fn timeout_layer_does_not_end_a_method_that_blocks() {
    let (pair, files, release) = pair(|builder| builder.layer(TimeoutLayer::new(ms(20))));
    assert_eq!(refusal(files.wait().await).0, Refusal::Stopped);
    let stats = pair.server.stats().requests;
    assert_eq!((stats.running, stats.blocking), (0, 1), "the method blocks its thread still");
    release.send(()).unwrap();
    until_blocking(&pair, 0).await;
}
