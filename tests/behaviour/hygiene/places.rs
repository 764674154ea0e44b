//! Places in which a contract can be declared, and paths by which it finds the crate.

use std::sync::Arc;

use crate::support::loopback_pair;

mod reexported {
    pub(crate) mod deep {
        pub(crate) use rpcudp as inner;
    }

    #[rpcudp::rpc_service(crate = crate::hygiene::places::reexported::deep::inner)]
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
async fn crate_can_be_found_by_another_path() {
    use reexported::{ByPathClient, ByPathServer, ByTextClient, ByTextServer, Impl};
    let (server, caller) = loopback_pair(ByPathServer::new(Impl)).await;
    assert_eq!(ByPathClient::new(&caller, server.local_addr()).one().await.unwrap(), 1);
    let (server, caller) = loopback_pair(ByTextServer::new(Impl)).await;
    assert_eq!(ByTextClient::new(&caller, server.local_addr()).two().await.unwrap(), 2);
}

/// A contract made by a macro: its types arrive in invisible groups.
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
async fn contract_can_come_from_a_macro() {
    use by_macro::{ByMacroClient, ByMacroServer, Impl};
    let (server, caller) = loopback_pair(ByMacroServer::new(Impl)).await;
    let client = ByMacroClient::new(&caller, server.local_addr());
    assert_eq!(client.sync("text", b"bytes").await.unwrap(), 9);
    assert_eq!(client.later("text", b"").await.unwrap_err().into_application().unwrap(), "text");
}

#[tokio::test]
async fn contract_can_be_private_to_a_module_or_local_to_a_function() {
    mod private {
        #[rpcudp::rpc_service]
        trait Private {
            fn value(&self) -> u8;
        }
        struct Impl;
        impl Private for Impl {
            fn value(&self) -> u8 {
                42
            }
        }
        pub(super) async fn check() {
            let (server, caller) = super::loopback_pair(PrivateServer::new(Impl)).await;
            assert_eq!(PrivateClient::new(&caller, server.local_addr()).value().await.unwrap(), 42);
        }
    }
    private::check().await;

    #[rpcudp::rpc_service]
    trait Local {
        fn value(&self) -> u8;
    }
    struct Impl(Arc<u8>);
    impl Local for Impl {
        fn value(&self) -> u8 {
            *self.0
        }
    }
    let (server, caller) = loopback_pair(LocalServer::new(Impl(Arc::new(42)))).await;
    assert_eq!(LocalClient::new(&caller, server.local_addr()).value().await.unwrap(), 42);
}
