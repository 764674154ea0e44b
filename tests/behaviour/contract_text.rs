//! Contracts as data: their text and their fingerprints.
//!
//! The text of a contract is compared with this file. The file compiles, so the text does too.

#![allow(unreachable_pub, reason = "the text of a contract has `pub`, so the contracts here have it too")]

use rpcudp::contract::Contract;
use rpcudp::{Client, Context, Service, rpc_service};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Text that needs escapes: "quotes", `code`, and
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
    fn outcome(&self, text: &str, #[rpc(argument)] foreign: custom::Context<u8>) -> Outcome<Option<Self::Value>>;

    #[rpc(oneway)]
    async fn r#loop(&self, bytes: &[u8], items: &[(u8, u16)]);
}

pub mod custom {
    #[derive(Debug, serde::Serialize, serde::Deserialize)]
    pub struct Context<T>(pub T);
}

pub type Outcome<T> = Result<T, u8>;

fn assert_text_is_in_this_file(contract: &Contract) {
    let printed = contract.to_string();
    assert!(include_str!("contract_text.rs").contains(&printed), "{printed}");
}

#[test]
fn text_of_a_contract_is_the_trait_as_written() {
    assert_text_is_in_this_file(DescribedClient::<u8, u8>::CONTRACT);
    assert_text_is_in_this_file(ThrustClient::CONTRACT);
}

#[rpc_service]
pub trait Thrust {
    fn newtons(&self) -> f64;
}

/// A contract that is the same to callers and is written differently in Rust.
mod equivalent {
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

/// Contracts that differ to callers of `Thrust`.
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
    pub(super) trait Delivery {
        #[rpc(at_most_once)]
        fn newtons(&self) -> f64;
    }
}

#[test]
fn fingerprints_distinguish_contracts_at_compile_time() {
    const THRUST: u64 = ThrustClient::CONTRACT.fingerprint();
    assert_eq!(THRUST, equivalent::EngineClient::CONTRACT.fingerprint());
    let different = [
        different::ArgumentClient::CONTRACT,
        different::AnotherClient::CONTRACT,
        different::DeliveryClient::CONTRACT,
        DescribedClient::<u8, u8>::CONTRACT,
    ];
    for contract in different {
        assert_ne!(contract.fingerprint(), THRUST, "{contract}");
    }
    let (before, after) = (&ThrustClient::CONTRACT.methods, &different::AnotherClient::CONTRACT.methods);
    assert_eq!(before[0].fingerprint(), after[0].fingerprint(), "a new method changes no other fingerprint");
}

struct Impl;

impl Described<u8> for Impl {
    type Value = u8;

    fn plain(&self) {}
    async fn rust_name(&self, _: &u8, r#type: [u8; 2]) -> Result<u8, String> {
        Ok(r#type[0])
    }
    fn outcome(&self, _: &str, foreign: custom::Context<u8>) -> Outcome<Option<u8>> {
        Ok(Some(foreign.0))
    }
    async fn r#loop(&self, _: &[u8], _: &[(u8, u16)]) {}
}

/// Returns the contract of a service.
fn contract_of<S: Service>(_: &S) -> &'static Contract {
    S::CONTRACT
}

#[test]
fn server_and_client_have_the_same_contract() {
    let server = DescribedServer::<_, u8>::new(Impl);
    assert_eq!(contract_of(&server), <DescribedClient<u8, u8> as Client>::CONTRACT);
}
