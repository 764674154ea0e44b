//! Where a contract may stand, and where the crate may.

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
async fn the_crate_may_be_found_elsewhere() {
    use reexported::{ByPathClient, ByPathServer, ByTextClient, ByTextServer, Impl};
    let (server, caller) = loopback_pair(ByPathServer::new(Impl)).await;
    assert_eq!(ByPathClient::new(&caller, server.local_addr()).one().await.unwrap(), 1);
    let (server, caller) = loopback_pair(ByTextServer::new(Impl)).await;
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
    let (server, caller) = loopback_pair(ByMacroServer::new(Impl)).await;
    let client = ByMacroClient::new(&caller, server.local_addr());
    assert_eq!(client.sync("text", b"bytes").await.unwrap(), 9);
    assert_eq!(client.later("text", b"").await.unwrap_err().into_application().unwrap(), "text");
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
            let (server, caller) = super::loopback_pair(PrivateServer::new(Impl)).await;
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
    let (server, caller) = loopback_pair(LocalServer::new(Impl(Arc::new(42)))).await;
    assert_eq!(LocalClient::new(&caller, server.local_addr()).answer().await.unwrap(), 42);
}
