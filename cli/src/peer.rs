//! The called peer: its address, its dialect, and the endpoint that calls it.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rpcudp::transport::canonical;
use rpcudp::{BindError, Call, CallError, Dialect, DynamicMethod, Endpoint};

use crate::args::PeerArguments;
use crate::exit::{Failure, FailureKind, is_unreachable};
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
        let arguments = parse_arguments(arguments)?;
        Ok(Self { target: Target::new(peer).await?, method: DynamicMethod::new(method), arguments })
    }

    pub(crate) fn call(&self) -> Call<Value, Value> {
        self.method.fallible_call(&self.target.endpoint, self.target.addr, &self.arguments)
    }

    /// Makes a call to the first address of the peer that can be reached.
    pub(crate) async fn call_first_reachable(&mut self, retransmit: bool) -> Result<Value, CallError<Value>> {
        loop {
            match self.call().retransmit(retransmit).await {
                Err(error) if self.target.try_next(&error).await => {}
                result => return result,
            }
        }
    }
}

/// An address of the peer, and an endpoint that can call it.
pub(crate) struct Target {
    pub(crate) addr: SocketAddr,
    pub(crate) endpoint: Endpoint,
    settings: Settings,
    /// The address that the user chose to bind to.
    bind: Option<SocketAddr>,
    /// Further addresses to which the peer's name resolves.
    others: VecDeque<SocketAddr>,
}

#[derive(Clone, Copy)]
struct Settings {
    dialect: Dialect,
    timeout: Duration,
    any_source: bool,
}

impl Settings {
    async fn bind(self, addr: SocketAddr) -> Result<Endpoint, BindError> {
        let Self { dialect, timeout, any_source } = self;
        Endpoint::builder().dialect(dialect).timeout(timeout).any_source(any_source).bind(addr).await
    }
}

impl Target {
    /// Resolves the peer's name and binds an endpoint for calls to its first address.
    pub(crate) async fn new(peer: &PeerArguments) -> Result<Self, Failure> {
        let PeerArguments { peer: name, storj, timeout, bind, any_source, ipv4, ipv6 } = peer;
        let mut others: VecDeque<_> = resolve_peer(name, Family::new(*ipv4, *ipv6)).await?.into();
        let bind = match bind {
            Some(from) => Some(resolve(from, Family::Any).await?[0]),
            None => None,
        };
        if bind.is_some_and(|from| from.is_ipv4()) && others.iter().any(SocketAddr::is_ipv4) {
            others.retain(SocketAddr::is_ipv4);
        }
        let settings = Settings { dialect: dialect(*storj), timeout: *timeout, any_source: *any_source };
        let addr = others.pop_front().expect("a name resolves to at least one address");
        let endpoint = settings.bind(bind.unwrap_or_else(|| unspecified(addr))).await?;
        Ok(Self { addr, endpoint, settings, bind, others })
    }

    /// Goes on to the next address of the peer, if a call could not reach this one. Returns `false`
    /// if the call failed otherwise, or if no address is left.
    pub(crate) async fn try_next<E>(&mut self, error: &CallError<E>) -> bool {
        if !is_unreachable(error) {
            return false;
        }
        while let Some(addr) = self.others.pop_front() {
            if self.bind.is_none() {
                // Without this family on the machine, another address may do.
                let Ok(endpoint) = self.settings.bind(unspecified(addr)).await else { continue };
                self.endpoint = endpoint;
            }
            self.addr = addr;
            return true;
        }
        false
    }
}

pub(crate) fn dialect(storj: bool) -> Dialect {
    if storj { Dialect::Storj } else { Dialect::Rpcudp }
}

/// Returns the name of the Python package that defines a dialect.
pub(crate) fn dialect_name(dialect: Dialect) -> &'static str {
    if dialect == Dialect::Storj { "storjrpcudp" } else { "rpcudp" }
}

/// The address family to which a name is resolved.
#[derive(Clone, Copy)]
pub(crate) enum Family {
    Any,
    V4,
    V6,
}

impl Family {
    pub(crate) fn new(ipv4: bool, ipv6: bool) -> Self {
        match (ipv4, ipv6) {
            (true, _) => Self::V4,
            (_, true) => Self::V6,
            _ => Self::Any,
        }
    }

    fn contains(self, addr: &SocketAddr) -> bool {
        match self {
            Self::Any => true,
            Self::V4 => addr.is_ipv4(),
            Self::V6 => addr.is_ipv6(),
        }
    }
}

/// Resolves the name of a peer to at least one address that can be called.
pub(crate) async fn resolve_peer(name: &str, family: Family) -> Result<Vec<SocketAddr>, Failure> {
    let addrs = resolve(name, family).await?;
    match addrs.iter().find(|addr| addr.ip().is_unspecified() || addr.port() == 0) {
        Some(addr) => Err(Failure::usage(format!("{addr} cannot be called: a peer has a specific address and a port"))),
        None => Ok(addrs),
    }
}

/// Resolves a name to at least one address.
pub(crate) async fn resolve(name: &str, family: Family) -> Result<Vec<SocketAddr>, Failure> {
    let unresolved = |why: String| Failure::new(FailureKind::NotResolved, format!("{name} does not resolve: {why}"));
    let has_port = name.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    if !has_port {
        return Err(Failure::usage(format!(
            "`{name}` is not an address: write HOST:PORT, as in 127.0.0.1:1234 or [::1]:1234"
        )));
    }
    let found = tokio::net::lookup_host(name).await.map_err(|error| unresolved(resolver_message(&error)))?;
    let addrs: Vec<_> = found.map(canonical).filter(|addr| family.contains(addr)).collect();
    if addrs.is_empty() {
        return Err(unresolved("it has no address of the requested family".into()));
    }
    Ok(addrs)
}

/// Returns the resolver's message, without the prefix that Rust's standard library adds.
fn resolver_message(error: &io::Error) -> String {
    let text = error.to_string();
    text.strip_prefix("failed to lookup address information: ").unwrap_or(&text).to_owned()
}

/// Returns the unspecified address and port of the family of `peer`.
pub(crate) fn unspecified(peer: SocketAddr) -> SocketAddr {
    if peer.is_ipv4() { ([0; 4], 0).into() } else { ([0_u16; 8], 0).into() }
}

/// Parses the arguments of a method.
pub(crate) fn parse_arguments(words: &[String]) -> Result<Vec<Value>, Failure> {
    let values = words.iter().enumerate().map(|(index, word)| {
        let position = index + 1;
        argument::parse(word)
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

    #[tokio::test]
    async fn call_goes_on_to_the_next_address_while_the_peer_is_unreachable() {
        for (host, closed) in [("127.0.0.1:0", "[::1]:9"), ("[::1]:0", "127.0.0.1:9")] {
            let server = Endpoint::bind(host).await.unwrap();
            let settings = Settings { dialect: Dialect::Rpcudp, timeout: Duration::from_secs(5), any_source: false };
            let addr: SocketAddr = closed.parse().unwrap();
            let endpoint = settings.bind(unspecified(addr)).await.unwrap();
            let others = [addr, server.local_addr()].into();
            let target = Target { addr, endpoint, settings, bind: None, others };
            let mut prepared = PreparedCall { target, method: DynamicMethod::new("m"), arguments: Vec::new() };
            let error = prepared.call_first_reachable(false).await.unwrap_err();
            assert!(matches!(error, CallError::Refused { reason: Refusal::UnknownMethod, .. }), "{error}");
            assert_eq!(prepared.target.addr, server.local_addr());

            server.close(Duration::ZERO).await;
            let error = prepared.call_first_reachable(false).await.unwrap_err();
            assert!(is_unreachable(&error), "{error}");
        }
    }
}
