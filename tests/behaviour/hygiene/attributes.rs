//! What the user's attributes do to what is generated.

use crate::support::loopback_pair;

/// Attributes carry over: this module allows nothing, and what is generated needs nothing allowed.
mod attributed {
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
    use attributed::{AttributedClient, AttributedServer, Impl};
    let (server, caller) = loopback_pair(AttributedServer::new(Impl)).await;
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
