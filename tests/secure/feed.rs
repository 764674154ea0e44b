//! A contract with streams, and its server.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use futures_core::Stream;
use rpcudp::sim::Network;
use rpcudp::{Context, Endpoint, Outflow, OutflowError, rpc_service};
use tokio::time::sleep;

use crate::fixture::{Runs, bind, builder, peer};
use crate::support::{CALLER, SERVER};

#[rpc_service]
pub(crate) trait Feed {
    /// Counts down from a number.
    async fn count(&self, from: u64) -> Outflow<u64>;
    /// Sends chunks of this length, as fast as they are read.
    fn chunks(&self, len: usize) -> Outflow<Vec<u8>>;
    /// Sends a number each second, from 1.
    async fn ticks(&self) -> Outflow<u64>;
    /// Sends some items, and fails with a text.
    async fn fails(&self, after: u64, how: Failure) -> Result<Outflow<u64, String>, String>;
    /// Never responds.
    async fn hangs(&self, cx: &Context) -> Outflow<u64>;
    fn plain(&self) -> u64;
}

#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) enum Failure {
    OfTheCall,
    OfTheStream,
    Dropped,
    Panic,
    Unencodable,
    PanicOfTheHandler,
}

/// The service, and the number of its streams that are not dropped.
#[derive(Clone, Debug, Default)]
pub(crate) struct Source {
    live: Arc<AtomicUsize>,
    pub(crate) made: Arc<AtomicUsize>,
}

/// An item of [`Source`], which counts while it lives.
struct Live(Arc<AtomicUsize>);

impl Source {
    pub(crate) fn live(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }

    /// Returns a stream of what a function makes, until it returns `None`.
    fn stream<T>(&self, mut next: impl FnMut(u64) -> Option<T> + Send + Unpin + 'static) -> Generated<T> {
        self.live.fetch_add(1, Ordering::Relaxed);
        let made = Arc::clone(&self.made);
        let mut number = 0;
        let next = move || {
            made.fetch_add(1, Ordering::Relaxed);
            number += 1;
            next(number)
        };
        Generated { next: Box::new(next), _live: Live(Arc::clone(&self.live)) }
    }
}

struct Generated<T> {
    next: Box<dyn FnMut() -> Option<T> + Send>,
    _live: Live,
}

impl<T> Stream for Generated<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<Option<T>> {
        Poll::Ready((self.next)())
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Feed for Source {
    async fn count(&self, from: u64) -> Outflow<u64> {
        Outflow::from_stream(self.stream(move |number| (from + 1).checked_sub(number).filter(|left| *left > 0)))
    }

    fn chunks(&self, len: usize) -> Outflow<Vec<u8>> {
        Outflow::from_stream(self.stream(move |number| Some(vec![number as u8; len])))
    }

    async fn ticks(&self) -> Outflow<u64> {
        let (sender, items) = Outflow::channel(1);
        self.live.fetch_add(1, Ordering::Relaxed);
        let live = Live(Arc::clone(&self.live));
        tokio::spawn(async move {
            let _live = live;
            for number in 1.. {
                tokio::select! {
                    () = sleep(Duration::from_secs(1)) => sender.send(number).await?,
                    () = sender.closed() => break,
                }
            }
            Ok::<(), OutflowError>(())
        });
        items
    }

    async fn fails(&self, after: u64, how: Failure) -> Result<Outflow<u64, String>, String> {
        let (sender, items) = Outflow::channel(100);
        for number in 1..=after {
            sender.send(number).await.unwrap();
        }
        match how {
            Failure::OfTheCall => return Err("not now".into()),
            Failure::OfTheStream => sender.fail("no more".into()).await.unwrap(),
            Failure::Dropped => drop(sender),
            Failure::Panic => {
                let panics = move |number| if number <= after { Some(number) } else { panic!("a test wants this") };
                return Ok(Outflow::from_stream(self.stream(panics)));
            }
            Failure::PanicOfTheHandler => panic!("a test wants this"),
            Failure::Unencodable => {
                let error = sender.fail("x".repeat(2 << 20)).await.unwrap_err();
                assert!(matches!(error, OutflowError::TooLarge { limit: 1_048_576, .. }), "{error}");
            }
        }
        Ok(items)
    }

    async fn hangs(&self, _: &Context) -> Outflow<u64> {
        self.live.fetch_add(1, Ordering::Relaxed);
        let _live = Live(Arc::clone(&self.live));
        std::future::pending().await
    }

    fn plain(&self) -> u64 {
        7
    }
}

/// A server with the identity 1 and a caller with the identity 2.
pub(crate) struct World {
    pub(crate) network: Network,
    pub(crate) server: Endpoint,
    pub(crate) caller: Endpoint,
    pub(crate) source: Source,
    pub(crate) feed: FeedClient,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        println!("seed {seed}");
        let network = Network::new(seed);
        let source = Source::default();
        let server = bind(&network, SERVER, builder(1, &Runs::default()).serve(FeedServer::new(source.clone())));
        let caller = bind(&network, CALLER, builder(2, &Runs::default()));
        let feed = FeedClient::secure(&caller, server.local_addr(), peer(1));
        Self { network, server, caller, source, feed }
    }
}
