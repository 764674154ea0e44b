//! The called peer: its address, its dialect, and the endpoint that calls it.

use std::io;
use std::net::SocketAddr;

use rpcudp::transport::canonical;
use rpcudp::{Call, Dialect, DynamicMethod, Endpoint};

use crate::args::PeerArguments;
use crate::exit::{Failure, FailureKind};
use crate::value::{Value, argument};

/// A call whose arguments are parsed and whose endpoint is bound; it can be made repeatedly.
pub(crate) struct PreparedCall {
    pub(crate) addr: SocketAddr,
    pub(crate) method: DynamicMethod,
    endpoint: Endpoint,
    arguments: Vec<Value>,
}

impl PreparedCall {
    pub(crate) async fn new(peer: &PeerArguments, method: &str, arguments: &[String]) -> Result<Self, Failure> {
        // Errors in the arguments are reported before any use of the network.
        let arguments = parse_arguments(arguments)?;
        let (addr, endpoint) = resolve_and_bind(peer).await?;
        Ok(Self { addr, method: DynamicMethod::new(method), endpoint, arguments })
    }

    pub(crate) fn call(&self) -> Call<Value, Value> {
        self.method.fallible_call(&self.endpoint, self.addr, &self.arguments)
    }
}

/// Resolves the peer's address and binds an endpoint for calls to it.
pub(crate) async fn resolve_and_bind(peer: &PeerArguments) -> Result<(SocketAddr, Endpoint), Failure> {
    let PeerArguments { peer: name, storj, timeout, bind, any_source, ipv4, ipv6 } = peer;
    let addr = resolve_peer(name, Family::new(*ipv4, *ipv6)).await?[0];
    let from = match bind {
        Some(from) => resolve(from, Family::Any).await?[0],
        None => unspecified(addr),
    };
    let builder = Endpoint::builder().dialect(dialect(*storj)).timeout(*timeout).any_source(*any_source);
    Ok((addr, builder.bind(from).await?))
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
