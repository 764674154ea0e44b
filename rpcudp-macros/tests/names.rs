//! Names that generated code uses itself may be names of the contract.

#![deny(warnings)]
#![allow(missing_docs, reason = "contracts of a test")]
#![allow(
    unreachable_pub,
    non_snake_case,
    non_upper_case_globals,
    missing_debug_implementations,
    reason = "names of every kind are what is tested"
)]

use rpcudp::{Context, Endpoint, rpc_service};

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Returns an endpoint that serves, and one that calls.
async fn pair(service: impl rpcudp::Service) -> (Endpoint, Endpoint) {
    let server = Endpoint::builder().serve(service).bind("127.0.0.1:0").await.expect("the port is free");
    (server, Endpoint::bind("127.0.0.1:0").await.expect("the port is free"))
}

/// A trait and arguments with the names of imported items.
#[rpc_service]
pub trait Method {
    fn sync(&self, cx: &Context, respond: u8, as_context: u8, SPEC: u8, respond_result: u8) -> u8;
    async fn later(&self, respond: u8, as_slice: &[u8], no_response: u8) -> Result<u8, u8>;
    #[rpc(oneway)]
    fn oneway(&self, no_response: u8);
}

struct Sum;

impl Method for Sum {
    fn sync(&self, _: &Context, a: u8, b: u8, c: u8, d: u8) -> u8 {
        [a, b, c, d].into_iter().fold(0, |sum, next| sum * 2 + next)
    }
    async fn later(&self, a: u8, b: &[u8], c: u8) -> Result<u8, u8> {
        Err(a * 4 + b[0] * 2 + c)
    }
    fn oneway(&self, _: u8) {}
}

#[tokio::test]
async fn contract_may_use_names_of_imported_items() -> Outcome {
    let (server, caller) = pair(MethodServer::new(Sum)).await;
    let client = MethodClient::new(&caller, server.local_addr());
    assert_eq!(client.sync(1, 0, 0, 1).await?, 9);
    assert_eq!(client.later(1, &[0], 1).await.unwrap_err().into_application().unwrap(), 5);
    client.oneway(1).await?;
    Ok(())
}

mod parameters {
    use serde::{Serialize, de::DeserializeOwned};

    /// Type parameters with the names of imported types.
    #[rpcudp::rpc_service]
    pub trait Parameters<Delivery, Stub = u32, const CallSpec: u8 = 3>
    where
        Delivery: Serialize + DeserializeOwned + Send + Sync,
        Stub: Serialize + DeserializeOwned,
    {
        type IsResult: Serialize + DeserializeOwned;

        fn sync(&self, delivery: &Delivery, stub: Stub) -> Self::IsResult;
        async fn later(&self, delivery: &[Delivery]) -> Result<Self::IsResult, Stub>;
    }

    pub struct Impl;

    impl Parameters<u8> for Impl {
        type IsResult = u64;

        fn sync(&self, delivery: &u8, stub: u32) -> u64 {
            u64::from(*delivery) + u64::from(stub)
        }
        async fn later(&self, delivery: &[u8]) -> Result<u64, u32> {
            Err(delivery.iter().copied().map(u32::from).sum())
        }
    }
}

#[tokio::test]
async fn type_parameters_may_have_names_of_imported_types() -> Outcome {
    use parameters::{Impl, ParametersClient, ParametersServer};
    let (server, caller) = pair(ParametersServer::<_, u8>::new(Impl)).await;
    let client: ParametersClient<u8, u64> = ParametersClient::new(&caller, server.local_addr());
    assert_eq!(client.sync(&1, 2).await?, 3);
    assert_eq!(client.later(&[1, 2]).await.unwrap_err().into_application().unwrap(), 3);
    Ok(())
}

/// A macro whose contract has an argument that the caller of the macro names.
macro_rules! contract_with_argument {
    ($name:ident) => {
        #[rpc_service]
        pub trait Difference {
            fn sync(&self, $name: u8, text: u8, text2: u8) -> u8;
            async fn later(&self, $name: u8, text: u8, text2: u8) -> u8;
        }
    };
}

contract_with_argument!(text);

impl Difference for Sum {
    fn sync(&self, a: u8, b: u8, c: u8) -> u8 {
        a - b - c
    }
    async fn later(&self, a: u8, b: u8, c: u8) -> u8 {
        a - b - c
    }
}

#[tokio::test]
async fn arguments_from_a_macro_may_have_one_name() -> Outcome {
    let (server, caller) = pair(DifferenceServer::new(Sum)).await;
    let client = DifferenceClient::new(&caller, server.local_addr());
    assert_eq!((client.sync(7, 2, 1).await?, client.later(7, 2, 1).await?), (4, 4));
    Ok(())
}

mod greedy {
    #![allow(dead_code, reason = "the methods are there to be in the way")]

    /// Methods of every type with the names of those that generated code calls.
    trait Greedy: Sized {
        fn request(self) -> u8 {
            0
        }
        fn argument(self) -> u8 {
            0
        }
        fn call(self) -> u8 {
            0
        }
        fn run(self) -> u8 {
            0
        }
        fn spawn(self) -> u8 {
            0
        }
        fn clone(&self) -> u8 {
            0
        }
    }

    impl<T> Greedy for T {}

    #[rpcudp::rpc_service]
    pub(crate) trait Plain {
        fn sync(&self, text: &str) -> String;
        async fn later(&self, text: String) -> String;
    }

    pub(crate) struct Impl;

    impl Plain for Impl {
        fn sync(&self, text: &str) -> String {
            text.into()
        }
        async fn later(&self, text: String) -> String {
            text
        }
    }
}

#[tokio::test]
async fn methods_of_all_types_are_not_called() -> Outcome {
    let (server, caller) = pair(greedy::PlainServer::new(greedy::Impl)).await;
    let client = greedy::PlainClient::new(&caller, server.local_addr());
    assert_eq!((client.sync("a").await?, client.later("b".into()).await?), ("a".into(), "b".into()));
    Ok(())
}
