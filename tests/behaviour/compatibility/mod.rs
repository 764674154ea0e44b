//! Changes of a contract, and their effect on callers and servers that have the other version.
//!
//! A caller of each version calls a server of the other. The table in the documentation of
//! `#[rpc_service]` has a row for each change with the outcomes of both calls.

mod contracts;

use std::fmt::{self, Display, Formatter};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rpcudp::contract::{Contract, Method};
use rpcudp::session::Sessions;
use rpcudp::sim::{Conditions, Network};
use rpcudp::{CallError, Endpoint, Refusal, Service, rpc_service};

use crate::support::{Pair, ms};
use contracts::{
    described, described_grown, described_grown_by_default, described_renamed, item, item_grown, item_grown_by_default,
};

/// One version of a contract: a server, and a call with its expected value.
struct Version<S, C> {
    server: S,
    contract: &'static Contract,
    call: C,
}

/// Makes a version from a module of `contracts`.
macro_rules! version {
    ($name:ident: $method:ident($($argument:expr),*) => $expected:expr) => {
        Version {
            server: contracts::$name::CaseServer::new(contracts::Served),
            contract: contracts::$name::CaseClient::CONTRACT,
            call: async |via: &Endpoint, peer| {
                outcome(contracts::$name::CaseClient::new(via, peer).$method($($argument),*).await, $expected)
            },
        }
    };
}

/// Makes a version whose caller joins the server first.
macro_rules! joined_version {
    ($name:ident: $method:ident($($argument:expr),*) => $expected:expr) => {
        Version {
            server: contracts::$name::CaseServer::new(contracts::Served),
            contract: contracts::$name::CaseClient::CONTRACT,
            call: async |via: &Endpoint, peer| {
                let session = via.join(peer).await.unwrap();
                let client: contracts::$name::CaseClient = session.client();
                outcome(client.$method($($argument),*).await, $expected)
            },
        }
    };
}

#[tokio::test(start_paused = true)]
async fn outcomes_of_contract_changes_are_as_documented() {
    let size = 1;
    let name = || "n".to_owned();
    let table = [
        row("a method is added", before(), version!(method_added: count() => 1_u64)).await,
        row("the last argument is new, an `Option`", before(), version!(option_added: find("a", 7, None) => "a 7"))
            .await,
        row("the same, and it is sent", before(), version!(option_added: find("a", 4, Some(3)) => "a 7")).await,
        row(
            "the last argument is new, and is no `Option`",
            before(),
            version!(argument_added: find("a", 4, 3) => "a 7"),
        )
        .await,
        row("the last argument is removed", before(), version!(argument_removed: find("a") => "a 7")).await,
        row("an argument gets another name", before(), version!(argument_renamed: find("a", 7) => "a 7")).await,
        row(
            "an argument is spelled otherwise: `String` for `&str`",
            before(),
            version!(argument_respelled: find("a".into(), 7) => "a 7"),
        )
        .await,
        row(
            "an argument becomes wider: `u16` for `u8`, sent 7",
            before(),
            version!(argument_wider: find("a", 7) => "a 7"),
        )
        .await,
        row(
            "an argument becomes wider: `u16` for `u8`, sent 700",
            before(),
            version!(argument_wider: find("a", 700) => "a 700"),
        )
        .await,
        row(
            "an argument becomes another: `&[u8]` for `&str`",
            before(),
            version!(argument_of_bytes: find(b"a", 7) => "a 7"),
        )
        .await,
        row(
            "two arguments of different types change places",
            before(),
            version!(arguments_swapped: find(7, "a") => "a 7"),
        )
        .await,
        row(
            "two arguments of the same type change places",
            version!(alike: divide(6, 3) => 2_u64),
            version!(alike_swapped: divide(3, 6) => 2_u64),
        )
        .await,
        row(
            "a struct in an argument gets a field",
            version!(item: name(item::Item { name: name() }) => "n"),
            version!(item_grown: name(item_grown::Item { name: name(), size }) => "n"),
        )
        .await,
        row(
            "a struct in an argument gets a field with `#[serde(default)]`",
            version!(item: name(item::Item { name: name() }) => "n"),
            version!(item_grown_by_default: name(item_grown_by_default::Item { name: name(), size }) => "n"),
        )
        .await,
        row(
            "a struct with `#[derive(Schema)]` gets a field",
            version!(described: name(described::Item { name: name() }) => "n"),
            version!(described_grown: name(described_grown::Item { name: name(), size }) => "n"),
        )
        .await,
        row(
            "a struct with `#[derive(Schema)]` gets a field with `#[serde(default)]`",
            version!(described: name(described::Item { name: name() }) => "n"),
            version!(described_grown_by_default: name(described_grown_by_default::Item { name: name(), size }) => "n"),
        )
        .await,
        row(
            "a field gets another name, and `#[serde(rename)]` keeps the wire's, with `#[derive(Schema)]`",
            version!(described: name(described::Item { name: name() }) => "n"),
            version!(described_renamed: name(described_renamed::Item { title: name() }) => "n"),
        )
        .await,
        row(
            "a struct in an argument gets `#[derive(Schema)]`",
            version!(item: name(item::Item { name: name() }) => "n"),
            version!(described: name(described::Item { name: name() }) => "n"),
        )
        .await,
        row(
            "the result becomes another: `u64` for `String`",
            before(),
            version!(result_changed: find("a", 7) => 8_u64),
        )
        .await,
        row(
            "the result becomes an `Option`, and is `None`",
            before(),
            version!(result_none: find("a", 7) => Some("a 7".into())),
        )
        .await,
        row(
            "the result becomes an `Option`, and is there",
            before(),
            version!(result_some: find("a", 7) => Some("a 7".into())),
        )
        .await,
        row("the result becomes a `Result`, and is `Ok`", before(), version!(succeeds: find("a", 7) => "a 7")).await,
        row("the result becomes a `Result`, and is `Err`", before(), version!(fails: find("a", 7) => "a 7")).await,
        row("the wire name or the namespace changes", before(), version!(renamed: search("a", 7) => "a 7")).await,
        row("the wire name or the namespace changes", before(), version!(in_namespace: find("a", 7) => "a 7")).await,
        row(
            "the name in Rust changes, and `name` keeps the wire's",
            before(),
            version!(renamed_in_rust: search("a", 7) => "a 7"),
        )
        .await,
        row("a sync method becomes async", before(), version!(asynchronous: find("a", 7) => "a 7")).await,
        row(
            "the method becomes `at_least_once` or `at_most_once`",
            before(),
            version!(at_least_once: find("a", 7) => "a 7"),
        )
        .await,
        row(
            "the method becomes `at_least_once` or `at_most_once`",
            before(),
            version!(at_most_once: find("a", 7) => "a 7"),
        )
        .await,
        row("the method becomes `oneway`", before(), version!(oneway: find("a", 7) => ())).await,
        row(
            "the method requires a session, and the caller has none",
            before(),
            version!(session: find("a", 7) => "a 7"),
        )
        .await,
        row(
            "the method requires a session, and the caller has joined",
            joined_version!(before: find("a", 7) => "a 7"),
            joined_version!(session: find("a", 7) => "a 7"),
        )
        .await,
        row("the method becomes `secure`, and the client is plain", before(), version!(secure: find("a", 7) => "a 7"))
            .await,
    ];
    let documented = documented();
    for row in &table {
        assert!(documented.contains(row), "the documentation of `rpc_service` has no such row: {row}");
    }
}

/// A server promises at-most-once. A caller cannot get it from a server if only the caller's
/// contract has it.
#[tokio::test(start_paused = true)]
async fn at_most_once_depends_on_the_contract_of_the_server() {
    mod before {
        #[rpcudp::rpc_service]
        pub(super) trait Account {
            fn deposit(&self, cents: u64) -> u64;
        }
    }

    #[rpc_service]
    trait Account {
        #[rpc(at_most_once, timeout = "1m")]
        fn deposit(&self, cents: u64) -> u64;
    }

    #[derive(Default)]
    struct Balance(AtomicU64);

    impl before::Account for Balance {
        fn deposit(&self, cents: u64) -> u64 {
            self.0.fetch_add(cents, Ordering::Relaxed) + cents
        }
    }

    impl Account for Balance {
        fn deposit(&self, cents: u64) -> u64 {
            before::Account::deposit(self, cents)
        }
    }

    let balances = [(); 2].map(|()| Arc::new(Balance::default()));
    let [old, new] = &balances;
    let old = pair(before::AccountServer::from_arc(Arc::clone(old)));
    let new = pair(AccountServer::from_arc(Arc::clone(new)));
    for pair in [&old, &new] {
        pair.network.set_conditions(Conditions::default().duplication(1.0).latency(ms(1)));
    }
    old.client::<AccountClient>().deposit(1).await.unwrap();
    new.client::<before::AccountClient>().deposit(1).await.unwrap();
    // Duplicates in transit arrive.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(balances.map(|balance| balance.0.load(Ordering::Relaxed)), [2, 1]);
}

fn before() -> Version<impl Service, impl AsyncFnOnce(&Endpoint, SocketAddr) -> Outcome> {
    version!(before: find("a", 7) => "a 7")
}

/// Returns the row for a change: the outcome of an old caller at a new server, of a new caller at
/// an old server, and whether the old methods keep their fingerprints.
async fn row(
    change: &str,
    before: Version<impl Service, impl AsyncFnOnce(&Endpoint, SocketAddr) -> Outcome>,
    after: Version<impl Service, impl AsyncFnOnce(&Endpoint, SocketAddr) -> Outcome>,
) -> String {
    let (new, old) = (pair(after.server), pair(before.server));
    let old_caller = (before.call)(&new.caller, new.server.local_addr()).await;
    let new_caller = (after.call)(&old.caller, old.server.local_addr()).await;
    let same = |method: &Method| after.contract.methods.iter().any(|now| now.fingerprint() == method.fingerprint());
    let fingerprint = if before.contract.methods.iter().all(same) { "same" } else { "another" };
    format!("| {change} | {old_caller} | {new_caller} | {fingerprint} |")
}

/// Binds a server and a caller on a network of their own.
fn pair(service: impl Service) -> Pair {
    let server = Endpoint::builder().sessions(Sessions::new()).serve(service);
    Pair::new(Network::new(1), server, Endpoint::builder())
}

/// The outcome of a call.
enum Outcome {
    Value,
    /// A value that the caller did not mean, without any error.
    UnexpectedValue,
    UnknownMethod,
    MalformedArguments,
    Undecodable,
    UndeclaredError,
    NoSession,
    NeedsSecureLink,
    Insecure,
    Timeout,
}

impl Display for Outcome {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Value => "answered",
            Self::UnexpectedValue => "answered, **not as meant**",
            Self::UnknownMethod => "`UnknownMethod`",
            Self::MalformedArguments => "`MalformedArguments`",
            Self::Undecodable => "`Decode`",
            Self::UndeclaredError => "`UndeclaredError`",
            Self::NoSession => "`NoSession`",
            Self::NeedsSecureLink => "`NeedsSecureLink`",
            Self::Insecure => "`Insecure`",
            Self::Timeout => "`Timeout`",
        })
    }
}

fn outcome<T: PartialEq<M>, M, E>(result: Result<T, CallError<E>>, expected: M) -> Outcome {
    match result {
        Ok(value) if value == expected => Outcome::Value,
        Ok(_) => Outcome::UnexpectedValue,
        Err(CallError::Refused { reason: Refusal::UnknownMethod, .. }) => Outcome::UnknownMethod,
        Err(CallError::Refused { reason: Refusal::MalformedArguments, .. }) => Outcome::MalformedArguments,
        Err(CallError::Refused { reason: Refusal::UndeclaredError, .. }) => Outcome::UndeclaredError,
        Err(CallError::Refused { reason: Refusal::NoSession, .. }) => Outcome::NoSession,
        Err(CallError::Refused { reason: Refusal::NeedsSecureLink, .. }) => Outcome::NeedsSecureLink,
        Err(CallError::Insecure { .. }) => Outcome::Insecure,
        Err(CallError::Decode { .. }) => Outcome::Undecodable,
        Err(CallError::Timeout { .. }) => Outcome::Timeout,
        Err(error) => panic!("{}", error.map_application(|_| "an application error")),
    }
}

/// Reads the documentation of `#[rpc_service]` at run time: the package of this crate does not
/// contain it, so `include_str!` would fail there.
fn documented() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/rpcudp-macros/src/rpc_service.md");
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}
