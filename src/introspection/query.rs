use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use rpcudp_core::codec::DecodeError;
use rpcudp_core::contract::Contract;
use rpcudp_core::description::Assembly;

use super::service::{IntrospectClient, Names};
use crate::block_on::block_on;
use crate::client::call::Call;
use crate::client::error::CallError;
use crate::client::no_error::NoError;
use crate::clock::now;
use crate::endpoint::Endpoint;

/// A query of a peer's contracts, in one call or several.
///
/// Returned by [`Endpoint::describe`] and [`Endpoint::compare`]. `.await` it, or call
/// [`wait`](Self::wait) outside async code. Like a [call](Call), it may be polled on any executor.
///
/// # Cancel safety
///
/// Dropping the query drops its call in flight.
#[must_use = "the peer is not queried until this is awaited or waited for"]
pub struct ContractQuery<T> {
    peer: SocketAddr,
    /// The client and the calls to make, until the first poll.
    begin: Option<(IntrospectClient, Begin<T>)>,
    calls: Option<Calls<T>>,
}

/// The calls of a query.
type Calls<T> = Pin<Box<dyn Future<Output = Result<T, CallError>> + Send>>;

type Begin<T> = Box<dyn FnOnce(Exchange) -> Calls<T> + Send>;

/// The differences between a contract and the methods that a peer serves, as wire names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Differences {
    /// Methods of the contract that the peer does not publish.
    pub missing: Vec<String>,
    /// Methods with another [fingerprint](crate::contract::Method::fingerprint): other arguments,
    /// another response or another delivery.
    pub changed: Vec<String>,
}

impl Differences {
    /// Returns whether the peer serves every method of the contract unchanged.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.changed.is_empty()
    }
}

impl<T> ContractQuery<T> {
    fn new(endpoint: &Endpoint, peer: SocketAddr, begin: impl FnOnce(Exchange) -> Calls<T> + Send + 'static) -> Self {
        Self { peer, begin: Some((IntrospectClient::new(endpoint, peer), Box::new(begin))), calls: None }
    }

    /// Queries the peer over a link to the expected key, as [`Call::secure`] does for a call. No
    /// effect on a query that has begun.
    ///
    /// ```
    /// # #[rpcudp::rpc_service]
    /// # trait Clock {
    /// #     fn hour(&self) -> u8;
    /// # }
    /// # struct Noon;
    /// # impl Clock for Noon {
    /// #     fn hour(&self) -> u8 {
    /// #         12
    /// #     }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use rpcudp::{AnyPeer, Endpoint, Identity, Plain};
    ///
    /// let server = Endpoint::builder().identity(Identity::generate()).plain(Plain::Off);
    /// let server = server.serve_described(ClockServer::new(Noon)).bind("127.0.0.1:0").await?;
    ///
    /// let endpoint = Endpoint::builder().identity(Identity::generate()).bind("127.0.0.1:0").await?;
    /// let contracts = endpoint.describe(server.local_addr()).secure(AnyPeer).await?;
    /// assert_eq!(contracts[0].name, "Clock");
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "secure")]
    #[cfg_attr(docsrs, doc(cfg(feature = "secure")))]
    pub fn secure(mut self, expected: impl Into<rpcudp_secure::Expected>) -> Self {
        if let Some((client, _)) = &mut self.begin {
            *client = crate::client::Client::secure(client.endpoint(), self.peer, expected);
        }
        self
    }

    /// Queries the peer and blocks the thread until the query has ended.
    ///
    /// # Errors
    ///
    /// As for awaiting the query.
    ///
    /// # Panics
    ///
    /// In async code. Await the query there.
    #[track_caller]
    pub fn wait(self) -> Result<T, CallError> {
        block_on(self)
    }
}

impl ContractQuery<Vec<Contract>> {
    pub(crate) fn describe(endpoint: &Endpoint, peer: SocketAddr) -> Self {
        Self::new(endpoint, peer, |exchange| Box::pin(exchange.contracts()))
    }
}

impl ContractQuery<Differences> {
    pub(crate) fn compare(endpoint: &Endpoint, peer: SocketAddr, contract: &Contract) -> Self {
        let methods = contract.methods.iter();
        let methods = methods.map(|method| (method.wire_name.as_ref().to_owned(), method.fingerprint())).collect();
        Self::new(endpoint, peer, |exchange| Box::pin(exchange.differences(methods)))
    }
}

impl<T> Future for ContractQuery<T> {
    type Output = Result<T, CallError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some((client, begin)) = self.begin.take() {
            self.calls = Some(begin(Exchange::new(client)));
        }
        self.calls.as_mut().expect("the calls begin at the first poll").as_mut().poll(cx)
    }
}

impl<T> fmt::Debug for ContractQuery<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContractQuery").field("peer", &self.peer).finish_non_exhaustive()
    }
}

/// Calls one after another with a common deadline, because a hostile peer may send pages without
/// end.
struct Exchange {
    client: IntrospectClient,
    /// The timeout of the first call, which finds out whether the peer responds.
    timeout: Duration,
    started: Instant,
    has_response: bool,
}

impl Exchange {
    /// The timeout of all calls together, as a multiple of the first call's.
    const TOTAL_TIMEOUTS: u32 = 12;

    /// Restarts after the description has changed between two pages.
    const MAX_RESTARTS: usize = 3;

    /// Bytes of names in one call. Such a request is not fragmented, and neither is its response if
    /// names have seven bytes or more.
    const MAX_NAMES_LEN: usize = 1_000;

    fn new(client: IntrospectClient) -> Self {
        let timeout = client.endpoint().shared().config.timeout;
        Self { client, timeout, started: now(), has_response: false }
    }

    async fn contracts(mut self) -> Result<Vec<Contract>, CallError> {
        let mut assembly = Assembly::default();
        let mut restarts = 0;
        while let Some(from) = assembly.wanted() {
            let page = self.call("rpc.describe", self.client.describe(Some(from))).await?;
            if assembly.is_of_another(&page) && restarts < Self::MAX_RESTARTS {
                assembly = Assembly::default();
                restarts += 1;
                continue;
            }
            assembly.add(page).map_err(|source| self.undecodable("rpc.describe", source))?;
        }
        Ok(assembly.finish())
    }

    async fn differences(mut self, methods: Vec<(String, u64)>) -> Result<Differences, CallError> {
        let mut differences = Differences::default();
        let mut rest = methods.as_slice();
        // A contract without methods needs a call too: a peer that does not respond must not pass
        // as equal.
        loop {
            let (batch, others) = rest.split_at(batch_len(rest));
            let names = Names(batch.iter().map(|(name, _)| &**name).collect());
            let fingerprints = self.call("rpc.fingerprints", self.client.fingerprints(names)).await?;
            if fingerprints.len() != batch.len() {
                let reason = format!("it has {} elements, and {} names were sent", fingerprints.len(), batch.len());
                return Err(self.undecodable("rpc.fingerprints", DecodeError::new("list of fingerprints", reason)));
            }
            for ((name, expected), fingerprint) in batch.iter().zip(fingerprints) {
                match fingerprint {
                    None => differences.missing.push(name.clone()),
                    Some(fingerprint) if fingerprint == *expected => {}
                    Some(_) => differences.changed.push(name.clone()),
                }
            }
            rest = others;
            if rest.is_empty() {
                return Ok(differences);
            }
        }
    }

    /// Awaits a call. After the first response, each call may take all of the remaining time: there
    /// are many, and each can be lost as easily as a single call.
    async fn call<T, D>(&mut self, method: &'static str, call: Call<T, NoError, D>) -> Result<T, CallError> {
        if !self.has_response {
            let response = call.timeout(self.timeout).await?;
            self.has_response = true;
            return Ok(response);
        }
        let total = self.timeout.saturating_mul(Self::TOTAL_TIMEOUTS);
        let left = total.saturating_sub(now().saturating_duration_since(self.started));
        let peer = self.client.peer();
        call.timeout(left).await.map_err(|error| match error {
            CallError::Timeout { source, .. } => CallError::Timeout { method, peer, after: total, source },
            error => error,
        })
    }

    fn undecodable(&self, method: &'static str, source: DecodeError) -> CallError {
        CallError::Decode { method, peer: self.client.peer(), source }
    }
}

/// Returns the number of methods in the next call: at least one, if there is one, and no more than
/// a peer accepts.
fn batch_len(methods: &[(String, u64)]) -> usize {
    let mut room = Exchange::MAX_NAMES_LEN;
    let fitting = methods.iter().take_while(|(name, _)| {
        // A name has a header of up to five bytes.
        let left = room.checked_sub(name.len() + 5);
        room = left.unwrap_or(0);
        left.is_some()
    });
    fitting.count().clamp(1, Names::MAX_COUNT).min(methods.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn call_has_no_more_names_than_a_peer_accepts() {
        let methods = |count: usize, name: &str| vec![(name.to_owned(), 0); count];
        assert_eq!(batch_len(&methods(500, "m")), 150);
        assert_eq!(batch_len(&methods(500, "a.method.of.some.length")), 35);
        assert_eq!(batch_len(&methods(500, &"m".repeat(2_000))), 1);
        assert_eq!(batch_len(&methods(2, "m")), 2);
        assert_eq!(batch_len(&[]), 0);
    }
}
