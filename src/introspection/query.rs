use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use rpcudp_core::codec::DecodeError;
use rpcudp_core::contract::Contract;
use rpcudp_core::description::Assembly;

use crate::block_on::block_on;
use crate::endpoint::shared::now;
use crate::introspection::service::IntrospectClient;
use crate::{Call, CallError, Endpoint};

/// What a peer is asked about its contracts, in one call or several: `.await` it, or [`wait`](Self::wait) for it outside
/// async code.
///
/// [`Endpoint::describe`] and [`Endpoint::compare`] make one. As a [call](Call) it may be polled on any executor, and
/// dropping it ends it.
#[must_use = "nobody is asked until this is awaited or waited for"]
pub struct ContractQuery<T> {
    peer: SocketAddr,
    asking: Pin<Box<dyn Future<Output = Result<T, CallError>> + Send>>,
}

/// In what a contract differs from what a peer serves: wire names of the contract's methods.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Differences {
    /// Methods that the peer does not tell of.
    pub missing: Vec<String>,
    /// Methods with another [fingerprint](crate::contract::Method::fingerprint): other arguments, another answer or another
    /// delivery.
    pub changed: Vec<String>,
}

impl Differences {
    /// Whether there are none: the peer serves every method of the contract as it is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.changed.is_empty()
    }
}

impl<T> ContractQuery<T> {
    /// Asks and blocks the thread until all has been answered.
    ///
    /// # Errors
    ///
    /// As for awaiting it.
    ///
    /// # Panics
    ///
    /// In async code, which is to await it.
    #[track_caller]
    pub fn wait(self) -> Result<T, CallError> {
        block_on(self)
    }
}

impl ContractQuery<Vec<Contract>> {
    pub(crate) fn describe(endpoint: &Endpoint, peer: SocketAddr) -> Self {
        let client = IntrospectClient::new(endpoint, peer);
        Self { peer, asking: Box::pin(async move { Asking::new(client).contracts().await }) }
    }
}

impl ContractQuery<Differences> {
    pub(crate) fn compare(endpoint: &Endpoint, peer: SocketAddr, contract: &Contract) -> Self {
        let client = IntrospectClient::new(endpoint, peer);
        let methods = contract.methods.iter();
        let methods = methods.map(|method| (method.wire_name.as_ref().to_owned(), method.fingerprint())).collect();
        Self { peer, asking: Box::pin(async move { Asking::new(client).differences(methods).await }) }
    }
}

impl<T> Future for ContractQuery<T> {
    type Output = Result<T, CallError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.asking.as_mut().poll(cx)
    }
}

impl<T> fmt::Debug for ContractQuery<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContractQuery").field("peer", &self.peer).finish_non_exhaustive()
    }
}

/// One call after the other, all of which end in time together: a peer may have no end of answers.
struct Asking {
    client: IntrospectClient,
    /// How long the first call waits, which finds out whether anybody is there.
    timeout: Duration,
    started: Instant,
    has_answered: bool,
}

impl Asking {
    /// How much longer all calls together may wait than the first.
    const PATIENCE: u32 = 12;

    /// How often a description is read anew that changes meanwhile.
    const MAX_CHANGES: usize = 3;

    /// How many bytes of names are asked about at once: what travels in one piece, as does the answer, where names have
    /// seven bytes or more.
    const MAX_NAMES_LEN: usize = 1_000;

    fn new(client: IntrospectClient) -> Self {
        let timeout = client.endpoint().shared().config.timeout;
        Self { client, timeout, started: now(), has_answered: false }
    }

    async fn contracts(mut self) -> Result<Vec<Contract>, CallError> {
        let mut assembly = Assembly::default();
        let mut changes = 0;
        while let Some(from) = assembly.wanted() {
            let page = self.answer("rpc.describe", self.client.describe(Some(from))).await?;
            if assembly.is_of_another(&page) && changes < Self::MAX_CHANGES {
                assembly = Assembly::default();
                changes += 1;
                continue;
            }
            assembly.add(page).map_err(|source| self.undecodable("rpc.describe", source))?;
        }
        Ok(assembly.finish())
    }

    async fn differences(mut self, methods: Vec<(String, u64)>) -> Result<Differences, CallError> {
        let mut differences = Differences::default();
        let mut rest = methods.as_slice();
        // A contract without methods is asked about too: whoever answers nothing is not to be taken for one that agrees.
        loop {
            let (asked, others) = rest.split_at(count_at_once(rest));
            let names = asked.iter().map(|(name, _)| &**name).collect();
            let answers = self.answer("rpc.fingerprints", self.client.fingerprints(names)).await?;
            if answers.len() != asked.len() {
                let reason = format!("it has {} elements, and {} names were sent", answers.len(), asked.len());
                return Err(self.undecodable("rpc.fingerprints", DecodeError::new("list of fingerprints", reason)));
            }
            for ((name, fingerprint), answer) in asked.iter().zip(answers) {
                match answer {
                    None => differences.missing.push(name.clone()),
                    Some(answer) if answer == *fingerprint => {}
                    Some(_) => differences.changed.push(name.clone()),
                }
            }
            rest = others;
            if rest.is_empty() {
                return Ok(differences);
            }
        }
    }

    /// What came of a call. Once the peer has answered one, the others may take what is left: they are many, and each is
    /// lost as easily as one that stands alone.
    async fn answer<T>(&mut self, method: &'static str, call: Call<T>) -> Result<T, CallError> {
        if !self.has_answered {
            let answer = call.timeout(self.timeout).await?;
            self.has_answered = true;
            return Ok(answer);
        }
        let patience = self.timeout.saturating_mul(Self::PATIENCE);
        let left = patience.saturating_sub(now().saturating_duration_since(self.started));
        let peer = self.client.peer();
        call.timeout(left).await.map_err(|error| match error {
            CallError::Timeout { .. } => CallError::Timeout { method, peer, after: patience },
            error => error,
        })
    }

    fn undecodable(&self, method: &'static str, source: DecodeError) -> CallError {
        CallError::Decode { method, peer: self.client.peer(), source }
    }
}

/// How many of these methods are asked about at once: at least one, if there is one.
fn count_at_once(methods: &[(String, u64)]) -> usize {
    let mut room = Asking::MAX_NAMES_LEN;
    let fitting = methods.iter().take_while(|(name, _)| {
        // A name has up to five bytes before it.
        let left = room.checked_sub(name.len() + 5);
        room = left.unwrap_or(0);
        left.is_some()
    });
    fitting.count().max(1).min(methods.len())
}
