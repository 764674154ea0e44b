//! Contracts of services whose methods are known at run time only.

use rpcudp::contract::Argument;
use rpcudp::{AddServiceError, BindError, rpc_service};

use super::*;
use crate::support::{Pair, TestResult};

#[rpc_service]
trait Shell {
    /// Runs a command.
    #[rpc(at_most_once)]
    async fn run(&self, command: String) -> i32;
}

/// A service with the same contract as [`Shell`], or with names that cannot be published.
struct Described {
    name: &'static str,
    argument: &'static str,
}

impl DynamicService for Described {
    fn name(&self) -> &str {
        self.name
    }

    fn methods(&self) -> Vec<Method> {
        vec![Method {
            doc: "Runs a command.".into(),
            arguments: vec![Argument { name: self.argument.into(), ty: "String".into() }].into(),
            returns: "i32".into(),
            delivery: Delivery::AtMostOnce,
            ..Method::named("run")
        }]
    }

    async fn call(&self, _: &Context, _: &str, _: RawArguments<'_>) -> DynamicResponse {
        DynamicResponse::value(&0)
    }
}

const SHELL: Described = Described { name: "Shell", argument: "command" };

#[tokio::test(start_paused = true)]
async fn contract_is_described_and_compared_as_that_of_a_trait() -> TestResult {
    let server = Endpoint::builder().serve_dynamic_described(SHELL);
    let pair = Pair::new(rpcudp::sim::Network::new(1), server, Endpoint::builder());
    let contracts = pair.caller.describe(pair.server.local_addr()).await?;
    assert_eq!(contracts, std::slice::from_ref(ShellClient::CONTRACT));
    assert!(pair.caller.compare(pair.server.local_addr(), ShellClient::CONTRACT).await?.is_empty());
    assert_eq!(pair.client::<ShellClient>().run("ls".into()).await?, 0);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn published_contracts_follow_the_services() -> TestResult {
    let pair = Pair::new(rpcudp::sim::Network::new(1), Endpoint::builder(), Endpoint::builder());
    let peer = pair.server.local_addr();
    assert!(pair.caller.describe(peer).await.is_err());
    let shell = pair.server.add_dynamic_described(SHELL)?;
    assert_eq!(pair.caller.describe(peer).await?.len(), 1);
    let hidden = pair.server.add_dynamic(Recorder::default())?;
    assert_eq!(pair.caller.describe(peer).await?.len(), 1);
    assert!(pair.server.remove_service(shell));
    assert!(pair.caller.describe(peer).await.is_err());
    assert!(pair.server.remove_service(hidden));
    Ok(())
}

#[tokio::test]
async fn contract_that_peers_would_refuse_is_an_error() -> TestResult {
    let invalid = || Described { name: "no identifier", argument: "command" };
    let error = Endpoint::builder().serve_dynamic_described(invalid()).bind("127.0.0.1:0").await.unwrap_err();
    assert!(matches!(error, BindError::InvalidContract { service: "no identifier", .. }), "{error:?}");
    let message = error.to_string();
    assert!(message.starts_with("the methods of `no identifier` cannot be published: "), "{message}");
    let endpoint = Endpoint::builder().serve_dynamic(invalid()).bind("127.0.0.1:0").await?;
    let error = endpoint.add_dynamic_described(Described { name: "Shell", argument: "//" }).unwrap_err();
    assert!(matches!(error, AddServiceError::InvalidContract { service: "Shell", .. }), "{error:?}");
    Ok(())
}
