use std::pin::Pin;
use std::task::{Context, Poll};

use rpcudp::{Change, PeerSource, Peers};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// The number of changes that a source may have ahead of its group.
const CHANGES_AHEAD: usize = 16;

/// A source that is driven by the group that polls it: no task of its own, and no work after the
/// group is gone.
struct Driven {
    /// The work that sends changes, until it ends.
    work: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    changes: Receiver<Change>,
}

/// Returns the peers that a future reports, which ends when it returns.
pub(crate) fn peers<F>(name: &str, work: impl FnOnce(Sender<Change>) -> F) -> Peers
where
    F: Future<Output = ()> + Send + 'static,
{
    let (sender, changes) = channel(CHANGES_AHEAD);
    Peers::changes(Driven { work: Some(Box::pin(work(sender))), changes }).named(name)
}

impl PeerSource for Driven {
    fn poll_change(&mut self, cx: &mut Context<'_>) -> Poll<Option<Change>> {
        // A change that waits goes first, which makes room for the work to send more.
        if let Poll::Ready(Some(change)) = self.changes.poll_recv(cx) {
            return Poll::Ready(Some(change));
        }
        if let Some(work) = &mut self.work
            && work.as_mut().poll(cx).is_ready()
        {
            // Drops the sender, so that the channel ends after its last change.
            self.work = None;
        }
        self.changes.poll_recv(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_changes_of_a_source_arrive_and_then_its_end() {
        let mut peers = peers("a test", async |changes: Sender<Change>| {
            for port in 1..=100 {
                changes.send(Change::Insert(([127, 0, 0, 1], port).into())).await.unwrap();
            }
        });
        for port in 1..=100 {
            let change = peers.next_change().await;
            assert!(matches!(change, Some(Change::Insert(addr)) if addr.port() == port), "{change:?}");
        }
        assert!(peers.next_change().await.is_none());
    }
}
