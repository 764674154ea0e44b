//! Which changes of a contract are survived by callers and servers that do not know of them.
//!
//! A caller of each contract calls a server of the other. The table in the documentation of `#[rpc_service]` has a line for
//! each change, which says how those calls end.

mod contracts;

use std::fmt::{self, Display, Formatter};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rpcudp::contract::{Contract, Method};
use rpcudp::sim::{Conditions, Network};
use rpcudp::{CallError, Endpoint, Refusal, Service, rpc_service};

use crate::support::{Pair, ms};
use contracts::{item, item_grown, item_grown_by_default};

/// A contract with its service and a caller, who knows what is to come of its call.
struct Side<S, C> {
    server: S,
    contract: &'static Contract,
    call: C,
}

/// A side of one of `contracts`.
macro_rules! side {
    ($name:ident: $method:ident($($argument:expr),*) => $meant:expr) => {
        Side {
            server: contracts::$name::CaseServer::new(contracts::Served),
            contract: contracts::$name::CaseClient::CONTRACT,
            call: async |via: &Endpoint, peer| {
                ended(contracts::$name::CaseClient::new(via, peer).$method($($argument),*).await, $meant)
            },
        }
    };
}

#[tokio::test(start_paused = true)]
async fn callers_and_servers_survive_what_is_documented() {
    let size = 1;
    let name = || "n".to_owned();
    let table = [
        line("a method is added", before(), side!(method_added: count() => 1_u64)).await,
        line("the last argument is new, an `Option`", before(), side!(option_added: find("a", 7, None) => "a 7")).await,
        line("the same, and it is sent", before(), side!(option_added: find("a", 4, Some(3)) => "a 7")).await,
        line("the last argument is new, and is no `Option`", before(), side!(argument_added: find("a", 4, 3) => "a 7"))
            .await,
        line("the last argument is removed", before(), side!(argument_removed: find("a") => "a 7")).await,
        line("an argument gets another name", before(), side!(argument_renamed: find("a", 7) => "a 7")).await,
        line(
            "an argument is spelled otherwise: `String` for `&str`",
            before(),
            side!(argument_respelled: find("a".into(), 7) => "a 7"),
        )
        .await,
        line(
            "an argument becomes wider: `u16` for `u8`, sent 7",
            before(),
            side!(argument_wider: find("a", 7) => "a 7"),
        )
        .await,
        line(
            "an argument becomes wider: `u16` for `u8`, sent 700",
            before(),
            side!(argument_wider: find("a", 700) => "a 700"),
        )
        .await,
        line(
            "an argument becomes another: `&[u8]` for `&str`",
            before(),
            side!(argument_of_bytes: find(b"a", 7) => "a 7"),
        )
        .await,
        line(
            "two arguments of different types change places",
            before(),
            side!(arguments_swapped: find(7, "a") => "a 7"),
        )
        .await,
        line(
            "two arguments of the same type change places",
            side!(alike: divide(6, 3) => 2_u64),
            side!(alike_swapped: divide(3, 6) => 2_u64),
        )
        .await,
        line(
            "a struct in an argument gets a field",
            side!(item: name(item::Item { name: name() }) => "n"),
            side!(item_grown: name(item_grown::Item { name: name(), size }) => "n"),
        )
        .await,
        line(
            "a struct in an argument gets a field with `#[serde(default)]`",
            side!(item: name(item::Item { name: name() }) => "n"),
            side!(item_grown_by_default: name(item_grown_by_default::Item { name: name(), size }) => "n"),
        )
        .await,
        line(
            "the result becomes another: `u64` for `String`",
            before(),
            side!(answers_otherwise: find("a", 7) => 8_u64),
        )
        .await,
        line(
            "the result becomes an `Option`, and is `None`",
            before(),
            side!(answers_none: find("a", 7) => Some("a 7".into())),
        )
        .await,
        line(
            "the result becomes an `Option`, and is there",
            before(),
            side!(answers_some: find("a", 7) => Some("a 7".into())),
        )
        .await,
        line("the result becomes a `Result`, and is `Ok`", before(), side!(succeeds: find("a", 7) => "a 7")).await,
        line("the result becomes a `Result`, and is `Err`", before(), side!(fails: find("a", 7) => "a 7")).await,
        line("the wire name or the namespace changes", before(), side!(renamed: search("a", 7) => "a 7")).await,
        line("the wire name or the namespace changes", before(), side!(in_namespace: find("a", 7) => "a 7")).await,
        line(
            "the name in Rust changes, and `name` keeps the wire's",
            before(),
            side!(renamed_in_rust: search("a", 7) => "a 7"),
        )
        .await,
        line("a sync method becomes async", before(), side!(asynchronous: find("a", 7) => "a 7")).await,
        line(
            "the method becomes `at_least_once` or `at_most_once`",
            before(),
            side!(at_least_once: find("a", 7) => "a 7"),
        )
        .await,
        line(
            "the method becomes `at_least_once` or `at_most_once`",
            before(),
            side!(at_most_once: find("a", 7) => "a 7"),
        )
        .await,
        line("the method becomes `oneway`", before(), side!(oneway: find("a", 7) => ())).await,
    ];
    let documented = documented();
    for line in &table {
        assert!(documented.contains(line), "it is not documented so: {line}");
    }
}

/// The promise of at most once is the server's: a caller of it cannot have it of a server that does not know.
#[tokio::test(start_paused = true)]
async fn at_most_once_is_what_the_server_promises() {
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
    // Copies that are still under way arrive.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(balances.map(|balance| balance.0.load(Ordering::Relaxed)), [2, 1]);
}

fn before() -> Side<impl Service, impl AsyncFnOnce(&Endpoint, SocketAddr) -> Ended> {
    side!(before: find("a", 7) => "a 7")
}

/// The line for a change: how a caller from before ends at a server from after, how one from after ends at a server from
/// before, and whether the fingerprints of the methods that were there are what they were.
async fn line(
    change: &str,
    before: Side<impl Service, impl AsyncFnOnce(&Endpoint, SocketAddr) -> Ended>,
    after: Side<impl Service, impl AsyncFnOnce(&Endpoint, SocketAddr) -> Ended>,
) -> String {
    let (new, old) = (pair(after.server), pair(before.server));
    let old_at_new = (before.call)(&new.caller, new.server.local_addr()).await;
    let new_at_old = (after.call)(&old.caller, old.server.local_addr()).await;
    let same = |method: &Method| after.contract.methods.iter().any(|now| now.fingerprint() == method.fingerprint());
    let fingerprint = if before.contract.methods.iter().all(same) { "same" } else { "another" };
    format!("| {change} | {old_at_new} | {new_at_old} | {fingerprint} |")
}

/// A server and a caller on a network of their own.
fn pair(service: impl Service) -> Pair {
    Pair::new(Network::new(1), Endpoint::builder().serve(service), Endpoint::builder())
}

/// How a call ended.
enum Ended {
    Answered,
    /// With something else than the caller meant, and nobody notices.
    NotAsMeant,
    UnknownMethod,
    MalformedArguments,
    Undecodable,
    UndeclaredError,
    Timeout,
}

impl Display for Ended {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Answered => "answered",
            Self::NotAsMeant => "answered, **not as meant**",
            Self::UnknownMethod => "`UnknownMethod`",
            Self::MalformedArguments => "`MalformedArguments`",
            Self::Undecodable => "`Decode`",
            Self::UndeclaredError => "`UndeclaredError`",
            Self::Timeout => "`Timeout`",
        })
    }
}

fn ended<T: PartialEq<M>, M, E>(result: Result<T, CallError<E>>, meant: M) -> Ended {
    match result {
        Ok(value) if value == meant => Ended::Answered,
        Ok(_) => Ended::NotAsMeant,
        Err(CallError::Refused { reason: Refusal::UnknownMethod, .. }) => Ended::UnknownMethod,
        Err(CallError::Refused { reason: Refusal::MalformedArguments, .. }) => Ended::MalformedArguments,
        Err(CallError::Refused { reason: Refusal::UndeclaredError, .. }) => Ended::UndeclaredError,
        Err(CallError::Decode { .. }) => Ended::Undecodable,
        Err(CallError::Timeout { .. }) => Ended::Timeout,
        Err(error) => panic!("{}", error.map_application(|_| "an error of the method's")),
    }
}

/// The documentation of `#[rpc_service]`. The crate that has it is not in the package of this one, and so is read here and
/// not compiled in.
fn documented() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/rpcudp-macros/src/rpc_service.md");
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}
