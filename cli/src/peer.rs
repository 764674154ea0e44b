//! The called peer: its address, its dialect, and the endpoint that calls it.

use std::collections::VecDeque;
use std::future::pending;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use rpcudp::{BindError, Builder, Call, CallError, Dialect, DynamicMethod, Endpoint, Refusal, UdpOptions};
use rpcudp_core::limits::MAX_DATAGRAM_LEN;
use tokio::time::sleep;

use crate::address::{Family, PeerAddr, has_key, resolve, resolve_peer, resolve_peers, unspecified};
use crate::args::PeerArguments;
use crate::exit::{Failure, is_unreachable};
use crate::links::{self, LinkIdentity};
use crate::method_advice::advice_on_method;
use crate::value::{Value, argument};

/// A call whose arguments are parsed and whose endpoint is bound; it can be made repeatedly.
pub(crate) struct PreparedCall {
    pub(crate) target: Target,
    pub(crate) method: DynamicMethod,
    arguments: Vec<Value>,
}

impl PreparedCall {
    pub(crate) async fn new(peer: &PeerArguments, method: &str, arguments: &[String]) -> Result<Self, Failure> {
        // Errors in the arguments are reported before any use of the network.
        let arguments = parse_arguments(arguments, &peer.peer)?;
        Ok(Self { target: Target::new(peer).await?, method: DynamicMethod::new(method), arguments })
    }

    pub(crate) fn call(&self) -> Call<Value, Value> {
        let Target { peer: PeerAddr { addr, wire }, endpoint, .. } = &self.target;
        wire.call(self.method.fallible_call(endpoint, *addr, &self.arguments))
    }

    /// Prepares the same call for each of several peers.
    pub(crate) async fn for_each_peer(
        peer: &PeerArguments,
        method: &str,
        arguments: &[String],
    ) -> Result<Vec<Self>, Failure> {
        let arguments = parse_arguments(arguments, &peer.peer)?;
        let mut prepared = Vec::new();
        for addrs in resolve_peers(&peer.peer, Family::new(peer.ipv4, peer.ipv6)).await? {
            let target = Target::of_addrs(peer, addrs).await?;
            prepared.push(Self { target, method: DynamicMethod::new(method), arguments: arguments.clone() });
        }
        Ok(prepared)
    }

    /// Makes a call, with the options that `configure` sets, to one of several peers. Goes on to
    /// the next one if a peer has not run the method: it is unreachable, busy or closing. If the
    /// call is idempotent, it also leaves a peer that is silent for its share of the timeout. It
    /// leaves an address to which no link comes up in a second, if there are others.
    pub(crate) async fn call_any(
        &mut self,
        is_idempotent: bool,
        configure: impl Fn(Call<Value, Value>) -> Call<Value, Value>,
    ) -> Result<Value, CallError<Value>> {
        let mut remaining = self.target.settings.timeout;
        loop {
            let share = if is_idempotent { remaining / self.target.count() } else { remaining };
            let started = Instant::now();
            let call = configure(self.call()).timeout(share);
            let result = tokio::select! {
                result = call => result,
                () = self.target.without_link() => {
                    remaining = remaining.saturating_sub(started.elapsed());
                    self.target.advance().await;
                    continue;
                }
            };
            let error = match result {
                Err(error) if is_unreachable(&error) => error,
                Err(error @ CallError::Refused { reason: Refusal::Busy | Refusal::Closing, .. }) => error,
                Err(error @ CallError::Timeout { .. }) if is_idempotent => error,
                result => return result,
            };
            remaining = remaining.saturating_sub(started.elapsed());
            if remaining.is_zero() || !self.target.advance().await {
                return Err(error);
            }
        }
    }

    /// Makes a call to the first address of the peer that can be reached.
    pub(crate) async fn call_first_reachable(&mut self) -> Result<Value, CallError<Value>> {
        loop {
            match self.call().await {
                Err(error) if self.target.try_next(&error).await => {}
                result => return result,
            }
        }
    }

    /// Returns the failure of a call, with advice if the peer has other methods than the called
    /// one.
    pub(crate) async fn failure_of(&self, error: CallError<Value>) -> Failure {
        let is_unknown = matches!(error, CallError::Refused { reason: Refusal::UnknownMethod, .. });
        let advice = if is_unknown { self.advice_on_method().await } else { None };
        let failure = Failure::from(error);
        match advice {
            Some(advice) => failure.advise(&advice),
            None => failure,
        }
    }

    /// Returns advice for a method that the peer does not have, if it publishes those that it has.
    pub(crate) fn advice_on_method(&self) -> impl Future<Output = Option<String>> + Send + use<> {
        advice_on_method(self.target.endpoint.clone(), self.target.peer, self.method.name())
    }
}

/// An address of the peer, and an endpoint that can call it.
pub(crate) struct Target {
    pub(crate) peer: PeerAddr,
    pub(crate) endpoint: Endpoint,
    settings: Settings,
    /// The address that the user chose to bind to.
    bind: Option<SocketAddr>,
    /// Further addresses to which the peer's name resolves.
    others: VecDeque<PeerAddr>,
}

#[derive(Clone)]
struct Settings {
    dialect: Dialect,
    timeout: Duration,
    any_source: bool,
    identity: LinkIdentity,
}

impl Settings {
    fn new(arguments: &PeerArguments) -> Result<Self, Failure> {
        let PeerArguments { storj, timeout, any_source, ref identity, ref peer, .. } = *arguments;
        let identity = LinkIdentity::of_caller(identity.as_deref(), has_key(peer))?;
        Ok(Self { dialect: dialect(storj), timeout, any_source, identity })
    }

    async fn bind(&self, addr: SocketAddr) -> Result<Endpoint, BindError> {
        self.builder().bind(addr).await
    }

    fn builder(&self) -> Builder {
        let Self { dialect, timeout, any_source, identity } = self;
        let builder = Endpoint::builder().dialect(*dialect).timeout(*timeout).any_source(*any_source);
        identity.add_to_caller(builder)
    }
}

/// Binds an endpoint that can call `addr`, also if that is a multicast or broadcast address.
pub(crate) async fn bind_for(peer: &PeerArguments, addr: SocketAddr) -> Result<Endpoint, Failure> {
    let bound = bound_addr(peer).await?.unwrap_or_else(|| unspecified(addr));
    let mut udp = UdpOptions::default().broadcast(true);
    if let IpAddr::V4(ip) = bound.ip()
        && !ip.is_unspecified()
    {
        udp = udp.multicast_interface_v4(ip);
    }
    Ok(Settings::new(peer)?.builder().udp(udp).bind(bound).await?)
}

/// Returns the address that the user chose to bind to.
async fn bound_addr(peer: &PeerArguments) -> Result<Option<SocketAddr>, Failure> {
    match &peer.bind {
        Some(from) => Ok(Some(resolve(from, Family::Any).await?[0])),
        None => Ok(None),
    }
}

impl Target {
    /// The time in which a link to one of several addresses must come up.
    const LINK_TIME: Duration = Duration::from_secs(1);

    /// Resolves the peer's name and binds an endpoint for calls to its first address.
    pub(crate) async fn new(peer: &PeerArguments) -> Result<Self, Failure> {
        let addrs = resolve_peer(&peer.peer, Family::new(peer.ipv4, peer.ipv6)).await?;
        Self::of_addrs(peer, addrs).await
    }

    /// Binds an endpoint for calls to the first of these addresses.
    async fn of_addrs(peer: &PeerArguments, addrs: Vec<PeerAddr>) -> Result<Self, Failure> {
        let mut others = VecDeque::from(addrs);
        let bind = bound_addr(peer).await?;
        // A socket on `[::]` reaches both families, and any other only its own.
        let reaches = |PeerAddr { addr, .. }: &PeerAddr| {
            bind.is_none_or(|from| from.is_ipv4() == addr.is_ipv4() || from.ip() == Ipv6Addr::UNSPECIFIED)
        };
        if others.iter().any(reaches) {
            others.retain(reaches);
        }
        let settings = Settings::new(peer)?;
        loop {
            let peer = others.pop_front().expect("a name resolves to at least one address");
            match settings.bind(bind.unwrap_or_else(|| unspecified(peer.addr))).await {
                Ok(endpoint) => return Ok(Self { peer, endpoint, settings, bind, others }),
                // Without this family on the machine, another address may do.
                Err(_) if bind.is_none() && !others.is_empty() => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Goes on to the next address of the peer, if a call could not reach this one. Returns `false`
    /// if the call failed otherwise, or if no address is left.
    pub(crate) async fn try_next<E>(&mut self, error: &CallError<E>) -> bool {
        is_unreachable(error) && self.advance().await
    }

    /// Returns the number of addresses from the present one on.
    fn count(&self) -> u32 {
        u32::try_from(self.others.len() + 1).unwrap_or(u32::MAX)
    }

    /// Goes on to the next address. Returns `false` if none is left.
    async fn advance(&mut self) -> bool {
        while let Some(peer) = self.others.pop_front() {
            if self.bind.is_none() {
                let Ok(endpoint) = self.settings.bind(unspecified(peer.addr)).await else { continue };
                self.endpoint = endpoint;
            }
            self.peer = peer;
            return true;
        }
        false
    }

    /// Completes if no link to the peer has come up in time, and there are other addresses.
    async fn without_link(&self) {
        if self.peer.wire.is_link() && !self.others.is_empty() {
            sleep(Self::LINK_TIME).await;
            if !links::is_up(&self.endpoint) {
                return;
            }
        }
        pending::<()>().await;
    }
}

pub(crate) fn dialect(storj: bool) -> Dialect {
    if storj { Dialect::Storj } else { Dialect::Rpcudp }
}

/// Returns the name of the Python package that defines a dialect.
pub(crate) fn dialect_name(dialect: Dialect) -> &'static str {
    if dialect == Dialect::Storj { "storjrpcudp" } else { "rpcudp" }
}

/// Parses the arguments of a method that is called at a peer with these names.
pub(crate) fn parse_arguments(words: &[String], peer: &str) -> Result<Vec<Value>, Failure> {
    let max_file_len = if has_key(peer) { links::MAX_FILE_LEN } else { MAX_DATAGRAM_LEN };
    let values = words.iter().enumerate().map(|(index, word)| {
        let position = index + 1;
        argument::parse(word, max_file_len)
            .map_err(|error| Failure::usage(format!("argument {position} `{}` {error}", excerpt(word).escape_debug())))
    });
    values.collect()
}

/// Returns the beginning of a word, short enough for an error line.
fn excerpt(word: &str) -> String {
    const MAX_LEN: usize = 40;
    match word.char_indices().nth(MAX_LEN) {
        Some((end, _)) => format!("{}…", &word[..end]),
        None => word.into(),
    }
}

#[cfg(test)]
mod tests {
    use rpcudp::Refusal;

    use super::*;
    use crate::links::Wire;

    #[tokio::test]
    async fn call_goes_on_to_the_next_address_while_the_peer_is_unreachable() {
        for (host, closed) in [("127.0.0.1:0", "[::1]:9"), ("[::1]:0", "127.0.0.1:9")] {
            let server = Endpoint::bind(host).await.unwrap();
            let identity = LinkIdentity::of_caller(None, false).unwrap();
            let settings =
                Settings { dialect: Dialect::Rpcudp, timeout: Duration::from_secs(5), any_source: false, identity };
            let [peer, other] =
                [closed.parse().unwrap(), server.local_addr()].map(|addr| PeerAddr { addr, wire: Wire::Plain });
            let endpoint = settings.bind(unspecified(peer.addr)).await.unwrap();
            let target = Target { peer, endpoint, settings, bind: None, others: [peer, other].into() };
            let mut prepared = PreparedCall { target, method: DynamicMethod::new("m"), arguments: Vec::new() };
            let error = prepared.call_first_reachable().await.unwrap_err();
            assert!(matches!(error, CallError::Refused { reason: Refusal::UnknownMethod, .. }), "{error}");
            assert_eq!(prepared.target.peer.addr, server.local_addr());

            server.close(Duration::ZERO).await;
            let error = prepared.call_first_reachable().await.unwrap_err();
            assert!(is_unreachable(&error), "{error}");
        }
    }
}
