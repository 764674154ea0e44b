use std::error;
use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::all::All;
use super::call::Call;
use super::error::CallError;
use super::no_error::NoError;

/// A call to all peers of a group that ends when enough of them agree on a value. Returned by
/// [`Call::quorum`] and [`All::quorum`].
///
/// # Cancel safety
///
/// Dropping the future drops its calls in flight.
#[must_use = "the peers are called when the quorum is awaited"]
pub struct Quorum<T, E = NoError> {
    all: All<T, E>,
    needed: usize,
    responses: Vec<(SocketAddr, Result<T, CallError<E>>)>,
    /// For each distinct value, the index of the first response with it, and their number.
    votes: Vec<(usize, usize)>,
}

/// The error of a [`Quorum`] that cannot be reached.
#[derive(Debug)]
#[non_exhaustive]
pub struct QuorumError<T, E = NoError> {
    /// The number of peers that must agree.
    pub needed: usize,
    /// The number of peers in the group.
    pub peers: usize,
    /// The results so far, in the order of their arrival. Peers whose results could not make a
    /// difference any more are missing.
    pub responses: Vec<(SocketAddr, Result<T, CallError<E>>)>,
    /// The number of peers that agree on the most frequent value.
    pub agreeing: usize,
}

impl<T: PartialEq, E, D> Call<T, E, D> {
    /// Calls all peers of the group until `needed` of them agree on a value, which is the result.
    ///
    /// Ends early if no value can get as many votes any more, with all results so far. Errors of
    /// the application and failed calls are no votes. The remaining calls are dropped when the
    /// value is known. Zero counts as one.
    ///
    /// ```
    /// use rpcudp::{QuorumError, rpc_service};
    ///
    /// #[rpc_service]
    /// trait Ledger {
    ///     #[rpc(at_least_once)]
    ///     fn height(&self) -> u64;
    /// }
    ///
    /// /// The height that two of three ledgers agree on.
    /// async fn height(ledgers: &LedgerClient) -> Result<u64, QuorumError<u64>> {
    ///     ledgers.height().quorum(2).await
    /// }
    /// ```
    ///
    /// # Panics
    ///
    /// If the call was polled before.
    pub fn quorum(self, needed: usize) -> Quorum<T, E> {
        self.all().quorum(needed)
    }
}

impl<T: PartialEq, E> All<T, E> {
    /// Waits until `needed` peers agree on a value, as [`Call::quorum`] does, within the window of
    /// this stream.
    pub fn quorum(self, needed: usize) -> Quorum<T, E> {
        Quorum { all: self, needed: needed.max(1), responses: Vec::new(), votes: Vec::new() }
    }
}

impl<T: PartialEq, E> Quorum<T, E> {
    /// Counts a response. Returns the index of its value in the votes.
    fn count(&mut self, peer: SocketAddr, result: Result<T, CallError<E>>) {
        if let Ok(value) = &result {
            let is_equal = |first: &usize| matches!(&self.responses[*first].1, Ok(other) if other == value);
            match self.votes.iter_mut().find(|(first, _)| is_equal(first)) {
                Some((_, count)) => *count += 1,
                None => self.votes.push((self.responses.len(), 1)),
            }
        }
        self.responses.push((peer, result));
    }

    /// Returns the number of votes for the most frequent value.
    fn agreeing(&self) -> usize {
        self.votes.iter().map(|(_, count)| *count).max().unwrap_or(0)
    }
}

impl<T: PartialEq + Unpin, E: Unpin> Future for Quorum<T, E> {
    type Output = Result<T, QuorumError<T, E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        loop {
            let next = match this.all.outstanding() {
                // The first poll decides about the peers, before any is called.
                None => {
                    if !this.all.start(cx) {
                        return Poll::Pending;
                    }
                    continue;
                }
                Some(outstanding) if this.agreeing() + outstanding < this.needed => None,
                Some(_) => ready!(this.all.poll_next(cx)),
            };
            let Some((peer, result)) = next else {
                let peers = this.responses.len() + this.all.outstanding().unwrap_or(0);
                let (needed, agreeing) = (this.needed, this.agreeing());
                let responses = std::mem::take(&mut this.responses);
                this.all.end();
                return Poll::Ready(Err(QuorumError { needed, peers, responses, agreeing }));
            };
            this.count(peer, result);
            if let Some((first, _)) = this.votes.iter().find(|(_, count)| *count >= this.needed) {
                let (_, value) = this.responses.swap_remove(*first);
                this.all.end();
                return Poll::Ready(value.map_err(|_| unreachable!("only values have votes")));
            }
        }
    }
}

impl<T, E> fmt::Debug for Quorum<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Quorum").field("all", &self.all).field("needed", &self.needed).finish_non_exhaustive()
    }
}

impl<T, E> fmt::Display for QuorumError<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { needed, peers, responses, agreeing } = self;
        let failed = responses.iter().filter(|(_, result)| result.is_err()).count();
        let responded = responses.len() - failed;
        write!(
            f,
            "{needed} of {peers} peers must agree: {responded} responded, at most {agreeing} with the same value"
        )?;
        if failed > 0 { write!(f, ", and {failed} failed") } else { Ok(()) }
    }
}

impl<T: fmt::Debug, E: fmt::Debug> error::Error for QuorumError<T, E> {}
