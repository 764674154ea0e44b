//! Names of contracts, methods, arguments and the items around them.

use crate::support::loopback_pair;

/// Arguments with the names of the variables of generated code, and with keywords as raw
/// identifiers.
mod arguments {
    #[rpcudp::rpc_service]
    pub(crate) trait Names {
        #[allow(clippy::too_many_arguments, reason = "the test is about many arguments")]
        fn sync(
            &self,
            self_: u8,
            endpoint: u8,
            id: u8,
            body: u8,
            result: u8,
            timeout: u8,
            server: u8,
            incoming: u8,
            cx: u8,
            arguments: u8,
            argument0: u8,
            stub: u8,
        ) -> u8;
        #[allow(clippy::too_many_arguments, reason = "the test is about many arguments")]
        async fn later(
            &self,
            service: u8,
            request: u8,
            arguments: u8,
            argument1: u8,
            r#type: u8,
            r#match: u8,
            r#async: u8,
            r#fn: u8,
        ) -> u8;
        fn r#loop(&self, r#in: u8) -> u8;
        #[rpc(name = "loop")]
        #[cfg(any())]
        fn absent(&self);
    }

    pub(crate) struct Sum;

    impl Names for Sum {
        fn sync(&self, a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8, i: u8, j: u8, k: u8, l: u8) -> u8 {
            [a, b, c, d, e, f, g, h, i, j, k, l].into_iter().fold(0, |sum, next| sum * 2 + next)
        }
        async fn later(&self, a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8) -> u8 {
            [a, b, c, d, e, f, g, h].into_iter().fold(0, |sum, next| sum * 2 + next)
        }
        fn r#loop(&self, r#in: u8) -> u8 {
            r#in
        }
    }
}

#[tokio::test]
async fn arguments_can_have_any_name() {
    use arguments::{NamesClient, NamesServer, Sum};
    let (server, caller) = loopback_pair(NamesServer::new(Sum)).await;
    let names = NamesClient::new(&caller, server.local_addr());
    assert_eq!(names.sync(0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1).await.unwrap(), 129);
    assert_eq!(names.later(1, 0, 0, 0, 0, 0, 0, 1).await.unwrap(), 129);
    assert_eq!(names.r#loop(7).await.unwrap(), 7);
}

/// A module in which the usual names mean something else.
mod shadows {
    #![allow(
        dead_code,
        unused_imports,
        unused_macros,
        non_camel_case_types,
        non_snake_case,
        unreachable_pub,
        reason = "the items exist only to shadow others"
    )]

    pub mod core {}
    pub mod std {}
    pub mod tokio {}
    pub mod serde {}
    pub mod rpcudp {}
    pub struct Option;
    pub struct Some;
    pub struct Vec;
    pub struct Box;
    pub struct Arc;
    pub struct Send;
    pub struct Sync;
    pub struct Clone;
    pub struct Future;
    pub struct Call;
    pub struct Client;
    pub struct Service;
    pub struct Method;
    pub struct Stub;
    pub struct Value;
    pub struct Incoming;
    pub struct S;
    pub struct T;
    pub struct __Private;
    pub trait Into {}
    pub fn Ok() {}
    pub fn Err() {}
    macro_rules! stringify {
        ($($any:tt)*) => {
            compile_error!("the wrong `stringify!`")
        };
    }
    pub(crate) use stringify;

    #[::rpcudp::rpc_service]
    pub(crate) trait Shadowed {
        fn sync(&self, text: &str, bytes: &[u8]) -> u8;
        async fn later(&self, text: &str) -> ::std::result::Result<u8, u8>;
        #[rpc(oneway, name = "one")]
        fn oneway(&self, cx: &::rpcudp::Context);
        #[rpc(timeout = "3s")]
        fn timed(&self);
    }

    pub(crate) struct Impl;

    impl Shadowed for Impl {
        fn sync(&self, text: &str, bytes: &[u8]) -> u8 {
            (text.len() + bytes.len()) as u8
        }
        async fn later(&self, text: &str) -> ::std::result::Result<u8, u8> {
            ::std::result::Result::Err(text.len() as u8)
        }
        fn oneway(&self, _: &::rpcudp::Context) {}
        fn timed(&self) {}
    }
}

#[tokio::test]
async fn generated_code_ignores_shadowed_names() {
    use shadows::{Impl, ShadowedClient, ShadowedServer};
    let (server, caller) = loopback_pair(ShadowedServer::new(Impl)).await;
    let client = ShadowedClient::new(&caller, server.local_addr());
    assert_eq!(client.sync("text", b"bytes").await.unwrap(), 9);
    assert_eq!(client.later("text").await.unwrap_err().into_application().unwrap(), 4);
    client.oneway().await.unwrap();
    client.timed().await.unwrap();
}

#[no_implicit_prelude]
mod no_prelude {
    #[::rpcudp::rpc_service(namespace = "bare.")]
    pub(crate) trait Bare<K>
    where
        K: ::serde::Serialize + ::serde::de::DeserializeOwned + ::core::marker::Send + ::core::marker::Sync,
    {
        type Error: ::serde::Serialize + ::serde::de::DeserializeOwned;

        fn sync(&self, key: &K, points: &[u16]) -> ::core::option::Option<u8>;
        async fn later(
            &self,
            cx: ::rpcudp::Context,
            text: &str,
        ) -> ::core::result::Result<::std::string::String, Self::Error>;
    }

    pub(crate) struct Impl;

    impl Bare<u8> for Impl {
        type Error = u8;

        fn sync(&self, key: &u8, points: &[u16]) -> ::core::option::Option<u8> {
            ::core::option::Option::Some(*key + points.len() as u8)
        }
        async fn later(&self, _: ::rpcudp::Context, text: &str) -> ::core::result::Result<::std::string::String, u8> {
            ::core::result::Result::Ok(::std::convert::From::from(text))
        }
    }
}

#[tokio::test]
async fn generated_code_needs_no_prelude() {
    use no_prelude::{BareClient, BareServer, Impl};
    let (server, caller) = loopback_pair(BareServer::new(Impl)).await;
    let client = BareClient::<u8, u8>::new(&caller, server.local_addr());
    assert_eq!(client.sync(&3, &[1, 2]).await.unwrap(), Some(5));
    assert_eq!(client.later("text").await.unwrap(), "text");
}

/// Types with the names that the type parameters of generated code would have.
mod parameters {
    #[derive(serde::Serialize, serde::Deserialize)]
    pub(crate) struct S(pub(crate) u8);
    #[derive(serde::Serialize, serde::Deserialize)]
    pub(crate) struct Value(pub(crate) u8);
    pub(crate) struct Service;
    pub(crate) trait SelfValue {}

    #[rpcudp::rpc_service]
    pub(crate) trait Taken<Service0>
    where
        S: Into<Service0>,
        Service0: From<S> + Send + Sync,
        Self::Value: SelfValue,
    {
        type Value: serde::Serialize + serde::de::DeserializeOwned;
        type r#Type: serde::Serialize + serde::de::DeserializeOwned;

        fn mine(&self) -> Self::Value;
        fn yours(&self, s: S) -> Value;
        fn theirs(&self) -> Self::r#Type;
    }

    impl SelfValue for u8 {}

    impl Taken<S> for Service {
        type Value = u8;
        type Type = String;

        fn mine(&self) -> u8 {
            1
        }
        fn yours(&self, s: S) -> Value {
            Value(s.0)
        }
        fn theirs(&self) -> String {
            "three".into()
        }
    }
}

#[tokio::test]
async fn type_parameters_avoid_the_names_of_types() {
    use parameters::{S, Service, TakenClient, TakenServer};
    let (server, caller) = loopback_pair(TakenServer::<_, S>::new(Service)).await;
    let client = TakenClient::<S, u8, String>::new(&caller, server.local_addr());
    assert_eq!(client.mine().await.unwrap(), 1);
    assert_eq!(client.yours(S(2)).await.unwrap().0, 2);
    assert_eq!(client.theirs().await.unwrap(), "three");
}
