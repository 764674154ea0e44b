//! Contracts that describe themselves: as the trait that was written, and as data.
//!
//! What is printed is compared with this file, which compiles: so what is printed does too.

#![allow(unreachable_pub, reason = "contracts of a test")]

use rpcudp::contract::Contract;
use rpcudp::{Client, Context, Service, rpc_service};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Text that needs care: "quotes", `code`, and
///
///   * an indented line.
#[rpc_service(namespace = "described.")]
pub trait Described<K, const N: usize = 2>
where
    K: Serialize + DeserializeOwned + Ord + Send + Sync,
    Self::Value: Clone,
{
    type Value: Serialize + DeserializeOwned + Send;

    fn plain(&self);

    /// One line.
    #[rpc(name = "wire name", at_most_once, timeout = "1500us")]
    async fn rust_name(&self, key: &K, r#type: [u8; 2]) -> Result<Self::Value, String>;

    #[rpc(at_least_once, timeout = "2s", fallible)]
    fn outcome(&self, text: &str, #[rpc(argument)] not_ours: custom::Context<u8>) -> Outcome<Option<Self::Value>>;

    #[rpc(oneway)]
    async fn r#loop(&self, bytes: &[u8], items: &[(u8, u16)]);
}

pub mod custom {
    #[derive(Debug, serde::Serialize, serde::Deserialize)]
    pub struct Context<T>(pub T);
}

pub type Outcome<T> = Result<T, u8>;

fn check(contract: &Contract) {
    let printed = contract.to_string();
    assert!(include_str!("contract_text.rs").contains(&printed), "{printed}");
}

#[test]
fn what_is_printed_is_the_trait_that_was_written() {
    check(DescribedClient::<u8, u8>::CONTRACT);
    check(ThrustClient::CONTRACT);
}

#[rpc_service]
pub trait Thrust {
    fn newtons(&self) -> f64;
}

/// The same to callers, however it looks in Rust.
mod disguised {
    use super::*;

    /// Documented.
    #[rpc_service(namespace = "new")]
    pub(super) trait Engine {
        /// Documented.
        #[rpc(name = "tons", timeout = "1s")]
        async fn thrust(&self, cx: &Context) -> f64;
        #[cfg(any())]
        fn not_there(&self);
    }
}

/// What a caller of `Thrust` cannot rely on.
mod different {
    use super::*;

    #[rpc_service]
    pub(super) trait Argument {
        fn newtons(&self, at: Option<u8>) -> f64;
    }

    #[rpc_service]
    pub(super) trait Another {
        fn newtons(&self) -> f64;
        fn mass(&self) -> f64;
    }

    #[rpc_service]
    pub(super) trait Promise {
        #[rpc(at_most_once)]
        fn newtons(&self) -> f64;
    }
}

#[test]
fn fingerprints_tell_contracts_apart_at_compile_time() {
    const THRUST: u64 = ThrustClient::CONTRACT.fingerprint();
    assert_eq!(THRUST, disguised::EngineClient::CONTRACT.fingerprint());
    let different = [
        different::ArgumentClient::CONTRACT,
        different::AnotherClient::CONTRACT,
        different::PromiseClient::CONTRACT,
        DescribedClient::<u8, u8>::CONTRACT,
    ];
    for contract in different {
        assert_ne!(contract.fingerprint(), THRUST, "{contract}");
    }
    let (before, after) = (&ThrustClient::CONTRACT.methods, &different::AnotherClient::CONTRACT.methods);
    assert_eq!(
        before[0].fingerprint(),
        after[0].fingerprint(),
        "a method that is added leaves the others as they were"
    );
}

struct Impl;

impl Described<u8> for Impl {
    type Value = u8;

    fn plain(&self) {}
    async fn rust_name(&self, _: &u8, r#type: [u8; 2]) -> Result<u8, String> {
        Ok(r#type[0])
    }
    fn outcome(&self, _: &str, not_ours: custom::Context<u8>) -> Outcome<Option<u8>> {
        Ok(Some(not_ours.0))
    }
    async fn r#loop(&self, _: &[u8], _: &[(u8, u16)]) {}
}

/// The contract of a service, whatever it is.
fn served<S: Service>(_: &S) -> &'static Contract {
    S::CONTRACT
}

#[test]
fn a_server_has_the_contract_of_its_client() {
    let server = DescribedServer::<_, u8>::new(Impl);
    assert_eq!(served(&server), <DescribedClient<u8, u8> as Client>::CONTRACT);
}
