//! Peers of a group from a `Discover` of tower.

use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use rpcudp::{CallError, Peers};
use tokio::sync::mpsc::{Receiver, channel};
use tokio::time::sleep;
use tower::discover::Change;

use super::{WorksClient, ms};

/// A registry whose changes a test sends.
struct Registry(Receiver<Result<Change<SocketAddr, ()>, &'static str>>);

impl Stream for Registry {
    type Item = Result<Change<SocketAddr, ()>, &'static str>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx)
    }
}

#[tokio::test(start_paused = true)]
async fn a_discover_of_tower_names_the_peers_of_a_group() {
    let (pair, ..) = super::pair(|builder| builder);
    let (changes, receiver) = channel(8);
    let peers = Peers::discover(Registry(receiver)).named("the registry");
    let works = WorksClient::group(&pair.caller, peers);
    changes.send(Err("the registry is down")).await.unwrap();
    let error = works.add("a", b"").await.unwrap_err();
    assert!(
        matches!(&error, CallError::NoPeers { source: Some(source), .. } if source.to_string() == "the registry is down")
    );
    changes.send(Ok(Change::Insert(pair.server.local_addr(), ()))).await.unwrap();
    sleep(ms(1)).await;
    assert_eq!(works.add("a", b"").await.unwrap(), 1);
    changes.send(Ok(Change::Remove(pair.server.local_addr()))).await.unwrap();
    sleep(ms(1)).await;
    assert!(matches!(works.add("a", b"").await, Err(CallError::NoPeers { .. })));
}
