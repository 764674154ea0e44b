//! The effect of the user's attributes on generated code.

use crate::support::loopback_pair;

/// A contract with attributes. The module denies all warnings, so generated code causes none.
mod attributed {
    #![deny(warnings)]

    /// A contract with documentation on every item.
    #[rpcudp::rpc_service]
    pub(crate) trait Attributed {
        /// A method without attributes.
        fn stays(&self) -> u8;
        /// A method that no configuration has.
        #[cfg(any())]
        fn absent(&self, nonsense: DoesNotExist) -> u8;
        /// One of two methods with the same wire name.
        #[cfg(unix)]
        #[rpc(name = "which")]
        fn unix(&self) -> u8;
        /// The other one of the two.
        #[cfg(not(unix))]
        #[rpc(name = "which")]
        fn other(&self) -> u8;
        /// A deprecated method: its callers get a warning.
        #[deprecated = "call `stays`"]
        fn old(&self) -> u8;
        /// A method with a name that lints must allow.
        #[allow(non_snake_case, clippy::wrong_self_convention, reason = "the name that peers know")]
        fn fromPython(&self) -> u8;
        /// A method that must trigger lints, while generated code must not.
        #[expect(clippy::too_many_arguments, unused_parens, reason = "the test is about them")]
        #[cfg_attr(all(), expect(clippy::ptr_arg, reason = "the test is about it"))]
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
async fn attributes_of_methods_apply_to_client_and_server() {
    use attributed::{AttributedClient, AttributedServer, Impl};
    let (server, caller) = loopback_pair(AttributedServer::new(Impl)).await;
    let client = AttributedClient::new(&caller, server.local_addr());
    assert_eq!(client.stays().await.unwrap(), 1);
    #[cfg(unix)]
    assert_eq!(client.unix().await.unwrap(), 2);
    #[expect(deprecated, reason = "the client's method is as deprecated as the trait's")]
    let old = client.old();
    assert_eq!(old.await.unwrap(), 3);
    assert_eq!(client.fromPython().await.unwrap(), 4);
    assert_eq!(client.expected(1, 1, 1, 1, 1, 1, 1, &vec![]).await.unwrap(), 7);
}

mod allowed {
    #![deny(warnings)]

    #[rpcudp::rpc_service]
    #[allow(non_camel_case_types, reason = "the test is about it")]
    pub(crate) trait snake_case {
        fn value(&self) -> u8;
    }

    #[rpcudp::rpc_service]
    #[expect(non_camel_case_types, reason = "the test is about it")]
    pub(crate) trait expected_case {
        fn value(&self) -> u8;
    }
}

#[test]
fn lint_levels_of_the_trait_apply_to_client_and_server() {
    let _: Option<(allowed::snake_caseClient, allowed::snake_caseServer<u8>)> = None;
    let _: Option<(allowed::expected_caseClient, allowed::expected_caseServer<u8>)> = None;
}
