//! Whatever a user calls things, what is generated does not get in the way.

#![allow(missing_docs, reason = "contracts of a test")]

use std::sync::Arc;

use rpcudp::Endpoint;

async fn pair(service: impl rpcudp::Service) -> (Endpoint, Endpoint) {
    let server = Endpoint::builder().serve(service).bind("127.0.0.1:0").await.unwrap();
    (server, Endpoint::bind("127.0.0.1:0").await.unwrap())
}

/// Arguments by the names of everything that generated code has, and by every keyword that can be raw.
mod arguments {
    #[rpcudp::rpc_service]
    pub(crate) trait Names {
        #[allow(clippy::too_many_arguments, reason = "that is the point")]
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
        #[allow(clippy::too_many_arguments, reason = "that is the point")]
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
        fn not_there(&self);
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
async fn arguments_may_have_any_name() {
    use arguments::{NamesClient, NamesServer, Sum};
    let (server, caller) = pair(NamesServer::new(Sum)).await;
    let names = NamesClient::new(&caller, server.local_addr());
    assert_eq!(names.sync(0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1).await.unwrap(), 129);
    assert_eq!(names.later(1, 0, 0, 0, 0, 0, 0, 1).await.unwrap(), 129);
    assert_eq!(names.r#loop(7).await.unwrap(), 7);
}

/// A place where no name means what it usually does.
mod shadows {
    #![allow(
        dead_code,
        unused_imports,
        unused_macros,
        non_camel_case_types,
        non_snake_case,
        unreachable_pub,
        reason = "they are there to be in the way"
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
async fn shadowed_names_do_not_matter() {
    use shadows::{Impl, ShadowedClient, ShadowedServer};
    let (server, caller) = pair(ShadowedServer::new(Impl)).await;
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
async fn no_prelude_is_needed() {
    use no_prelude::{BareClient, BareServer, Impl};
    let (server, caller) = pair(BareServer::new(Impl)).await;
    let client = BareClient::<u8, u8>::new(&caller, server.local_addr());
    assert_eq!(client.sync(&3, &[1, 2]).await.unwrap(), Some(5));
    assert_eq!(client.later("text").await.unwrap(), "text");
}

mod reexported {
    pub(crate) mod deep {
        pub(crate) use rpcudp as inner;
    }

    #[rpcudp::rpc_service(crate = crate::reexported::deep::inner)]
    pub(crate) trait ByPath {
        fn one(&self) -> u8;
    }

    #[rpcudp::rpc_service(crate = "self::deep::inner")]
    pub(crate) trait ByText {
        fn two(&self) -> Result<u8, u8>;
    }

    pub(crate) struct Impl;

    impl ByPath for Impl {
        fn one(&self) -> u8 {
            1
        }
    }

    impl ByText for Impl {
        fn two(&self) -> Result<u8, u8> {
            Ok(2)
        }
    }
}

#[tokio::test]
async fn the_crate_may_be_found_elsewhere() {
    use reexported::{ByPathClient, ByPathServer, ByTextClient, ByTextServer, Impl};
    let (server, caller) = pair(ByPathServer::new(Impl)).await;
    assert_eq!(ByPathClient::new(&caller, server.local_addr()).one().await.unwrap(), 1);
    let (server, caller) = pair(ByTextServer::new(Impl)).await;
    assert_eq!(ByTextClient::new(&caller, server.local_addr()).two().await.unwrap(), 2);
}

/// Types that come through a macro arrive in invisible groups.
macro_rules! contract {
    ($name:ident, $context:ty, $text:ty, $bytes:ty, $result:ty) => {
        #[rpcudp::rpc_service]
        pub(crate) trait $name {
            fn sync(&self, cx: $context, text: $text, bytes: $bytes) -> $result;
            async fn later(&self, cx: $context, text: $text, bytes: $bytes) -> $result;
        }
    };
}

mod by_macro {
    contract!(ByMacro, &rpcudp::Context, &str, &[u8], Result<usize, String>);

    pub(crate) struct Impl;

    impl ByMacro for Impl {
        fn sync(&self, _: &rpcudp::Context, text: &str, bytes: &[u8]) -> Result<usize, String> {
            Ok(text.len() + bytes.len())
        }
        async fn later(&self, _: &rpcudp::Context, text: &str, _: &[u8]) -> Result<usize, String> {
            Err(text.into())
        }
    }
}

#[tokio::test]
async fn a_contract_may_come_from_a_macro() {
    use by_macro::{ByMacroClient, ByMacroServer, Impl};
    let (server, caller) = pair(ByMacroServer::new(Impl)).await;
    let client = ByMacroClient::new(&caller, server.local_addr());
    assert_eq!(client.sync("text", b"bytes").await.unwrap(), 9);
    assert_eq!(client.later("text", b"").await.unwrap_err().into_application().unwrap(), "text");
}

/// Attributes carry over: this module allows nothing, and what is generated needs nothing allowed.
mod attributes {
    #![deny(warnings)]

    /// Documented, as everything in it.
    #[rpcudp::rpc_service]
    pub(crate) trait Attributed {
        /// Stays.
        fn stays(&self) -> u8;
        /// Is not there on any system.
        #[cfg(any())]
        fn not_there(&self, nonsense: DoesNotExist) -> u8;
        /// One of two by the same name.
        #[cfg(unix)]
        #[rpc(name = "which")]
        fn unix(&self) -> u8;
        /// The other.
        #[cfg(not(unix))]
        #[rpc(name = "which")]
        fn other(&self) -> u8;
        /// Warns its callers.
        #[deprecated = "call `stays`"]
        fn old(&self) -> u8;
        /// Is allowed what lints would say.
        #[allow(non_snake_case, clippy::wrong_self_convention, reason = "the name that peers know")]
        fn fromPython(&self) -> u8;
        /// Is expected to be linted, which its relatives are not.
        #[expect(clippy::too_many_arguments, unused_parens, reason = "that is the point")]
        #[cfg_attr(all(), expect(clippy::ptr_arg, reason = "so is that"))]
        fn expected(&self, a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: &Vec<u8>) -> (u8);
    }

    pub(crate) struct Impl;

    impl Attributed for Impl {
        fn stays(&self) -> u8 {
            1
        }
        #[cfg(unix)]
        fn unix(&self) -> u8 {
            2
        }
        #[cfg(not(unix))]
        fn other(&self) -> u8 {
            2
        }
        fn old(&self) -> u8 {
            3
        }
        fn fromPython(&self) -> u8 {
            4
        }
        fn expected(&self, a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, _: &Vec<u8>) -> u8 {
            a + b + c + d + e + f + g
        }
    }
}

#[tokio::test]
async fn attributes_carry_over() {
    use attributes::{AttributedClient, AttributedServer, Impl};
    let (server, caller) = pair(AttributedServer::new(Impl)).await;
    let client = AttributedClient::new(&caller, server.local_addr());
    assert_eq!(client.stays().await.unwrap(), 1);
    #[cfg(unix)]
    assert_eq!(client.unix().await.unwrap(), 2);
    #[expect(deprecated, reason = "the client's method is deprecated as the trait's is")]
    let old = client.old();
    assert_eq!(old.await.unwrap(), 3);
    assert_eq!(client.fromPython().await.unwrap(), 4);
    assert_eq!(client.expected(1, 1, 1, 1, 1, 1, 1, &vec![]).await.unwrap(), 7);
}

mod allowed {
    #![deny(warnings)]

    #[rpcudp::rpc_service]
    #[allow(non_camel_case_types, reason = "as elsewhere")]
    pub(crate) trait snake_case {
        fn answer(&self) -> u8;
    }

    #[rpcudp::rpc_service]
    #[expect(non_camel_case_types, reason = "as elsewhere")]
    pub(crate) trait expected_case {
        fn answer(&self) -> u8;
    }
}

#[test]
fn what_is_allowed_of_the_trait_is_allowed_of_its_relatives() {
    let _: Option<(allowed::snake_caseClient, allowed::snake_caseServer<u8>)> = None;
    let _: Option<(allowed::expected_caseClient, allowed::expected_caseServer<u8>)> = None;
}

/// One that is private to its module, and one in a function.
#[tokio::test]
async fn a_contract_may_be_anywhere() {
    mod private {
        #[rpcudp::rpc_service]
        trait Private {
            fn answer(&self) -> u8;
        }
        struct Impl;
        impl Private for Impl {
            fn answer(&self) -> u8 {
                42
            }
        }
        pub(super) async fn check() {
            let (server, caller) = super::pair(PrivateServer::new(Impl)).await;
            assert_eq!(PrivateClient::new(&caller, server.local_addr()).answer().await.unwrap(), 42);
        }
    }
    private::check().await;

    #[rpcudp::rpc_service]
    trait Local {
        fn answer(&self) -> u8;
    }
    struct Impl(Arc<u8>);
    impl Local for Impl {
        fn answer(&self) -> u8 {
            *self.0
        }
    }
    let (server, caller) = pair(LocalServer::new(Impl(Arc::new(42)))).await;
    assert_eq!(LocalClient::new(&caller, server.local_addr()).answer().await.unwrap(), 42);
}

/// Parameters of generated types have short names, as long as these mean nothing else.
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
async fn parameters_may_have_the_names_of_types() {
    use parameters::{S, Service, TakenClient, TakenServer};
    let (server, caller) = pair(TakenServer::<_, S>::new(Service)).await;
    let client = TakenClient::<S, u8, String>::new(&caller, server.local_addr());
    assert_eq!(client.mine().await.unwrap(), 1);
    assert_eq!(client.yours(S(2)).await.unwrap().0, 2);
    assert_eq!(client.theirs().await.unwrap(), "three");
}
