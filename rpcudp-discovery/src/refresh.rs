use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use rand::rngs::{StdRng, SysRng};
use rand::{RngExt, SeedableRng};
use rpcudp::Change;
use rpcudp::transport::canonical;
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::SendError;
use tokio::time::sleep;

use crate::lookup_error::LookupError;

/// The time to the next lookup after one that failed. It doubles with each failure in a row, up to
/// the source's own interval.
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// The addresses of a name, and the time until they are looked up again.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) peers: BTreeSet<SocketAddr>,
    pub(crate) valid_for: Duration,
}

/// Looks a name up until the group is gone. Reports each address again each time, which renews its
/// age, and keeps the last addresses while lookups fail.
///
/// `longest` bounds the time between two lookups after failures.
pub(crate) async fn refresh<F>(changes: Sender<Change>, longest: Duration, resolve: impl Fn() -> F)
where
    F: Future<Output = Result<Resolved, LookupError>>,
{
    let mut random = StdRng::try_from_rng(&mut SysRng).expect("the system has random numbers");
    let mut peers = BTreeSet::new();
    let mut retry = FIRST_RETRY;
    loop {
        let (sent, wait) = match resolve().await {
            Ok(resolved) => {
                retry = FIRST_RETRY;
                let current = resolved.peers.into_iter().map(canonical).collect();
                (replace(&changes, &mut peers, current).await, resolved.valid_for)
            }
            Err(error) => {
                let wait = retry.min(longest);
                retry = retry.saturating_mul(2).min(longest);
                (changes.send(Change::failed(error)).await, wait)
            }
        };
        if sent.is_err() {
            return;
        }
        // Up to a tenth longer, so that programs that started together do not ask together.
        sleep(wait.mul_f64(random.random_range(1.0..1.1))).await;
    }
}

async fn replace(
    changes: &Sender<Change>,
    peers: &mut BTreeSet<SocketAddr>,
    current: BTreeSet<SocketAddr>,
) -> Result<(), SendError<Change>> {
    // New peers first, so that a group is not empty in between.
    for peer in &current {
        changes.send(Change::Insert(*peer)).await?;
    }
    for gone in peers.difference(&current) {
        changes.send(Change::Remove(*gone)).await?;
    }
    *peers = current;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use rpcudp::Peers;
    use tokio::time::Instant;

    use super::*;
    use crate::source;

    const INTERVAL: Duration = Duration::from_secs(10);

    /// Returns the peers of a resolver that gives these results in turn: ports, or a failure.
    fn scripted(script: &'static [Option<&'static [u16]>]) -> Peers {
        source::peers("a script", move |changes| {
            let step = AtomicUsize::new(0);
            refresh(changes, INTERVAL, move || {
                let result = script[step.fetch_add(1, Ordering::Relaxed).min(script.len() - 1)];
                let name: Arc<str> = "a script".into();
                async move {
                    let ports = result.ok_or_else(|| LookupError::no_addresses(&name))?;
                    let peers = ports.iter().map(|port| ([127, 0, 0, 1], *port).into()).collect();
                    Ok(Resolved { peers, valid_for: INTERVAL })
                }
            })
        })
    }

    /// Describes the next change: `+1`, `-1` or the error's text.
    async fn next(peers: &mut Peers) -> String {
        match peers.next_change().await {
            Some(Change::Insert(peer)) => format!("+{}", peer.port()),
            Some(Change::Remove(peer)) => format!("-{}", peer.port()),
            Some(Change::Failed(error)) => error.to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn peers_follow_the_resolver_and_are_renewed() {
        let mut peers = scripted(&[Some(&[1, 2]), Some(&[2, 3]), Some(&[3])]);
        let mut log = Vec::new();
        for _ in 0..7 {
            log.push(next(&mut peers).await);
        }
        assert_eq!(log, ["+1", "+2", "+2", "+3", "-1", "+3", "-2"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_removes_no_peer_and_is_retried_sooner_than_the_interval() {
        let mut peers = scripted(&[Some(&[1]), None, None, None, None, None, None, Some(&[2])]);
        let start = Instant::now();
        let mut log = Vec::new();
        let mut seconds = Vec::new();
        for _ in 0..9 {
            log.push(next(&mut peers).await);
            seconds.push(start.elapsed().as_secs());
        }
        let failed = "`a script` has no addresses";
        assert_eq!(log, ["+1", failed, failed, failed, failed, failed, failed, "+2", "-1"]);
        // The intervals are 10, 1, 2, 4, 8, 10 and 10 s, and up to a tenth longer.
        for (actual, least) in seconds.iter().zip([0, 10, 11, 13, 17, 25, 35, 45, 45]) {
            assert!((least..=least + least / 10 + 1).contains(actual), "{seconds:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_lookup_starts_after_the_peers_are_dropped() {
        let lookups = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&lookups);
        let mut peers = source::peers("a test", move |changes| {
            refresh(changes, INTERVAL, move || {
                counter.fetch_add(1, Ordering::Relaxed);
                async { Ok(Resolved { peers: [([127, 0, 0, 1], 1).into()].into(), valid_for: INTERVAL }) }
            })
        });
        assert_eq!(next(&mut peers).await, "+1");
        drop(peers);
        sleep(10 * INTERVAL).await;
        assert_eq!(lookups.load(Ordering::Relaxed), 1);
    }
}
