//! The contract that README's server publishes is a trait that compiles and can call the server.

#![allow(unreachable_pub, reason = "the text of a contract has `pub`, so the contracts here have it too")]

use rpcudp::{CallError, Context, Endpoint, rpc_service};

/// The contract as README.md has it.
pub mod readme {
    use rpcudp::{Context, rpc_service};
    use serde::{Deserialize, Serialize};

    /// The contract, shared by client and server.
    #[rpc_service]
    pub trait Greeter {
        /// Sync methods run where datagrams are received, without a task of their own.
        fn sayhi(&self, cx: &Context, name: &str) -> String;
        /// Async methods run as tasks. Lost requests of this one are retransmitted.
        #[rpc(at_least_once)]
        async fn lookup(&self, key: &[u8]) -> Option<Vec<u8>>;
        /// `Err` reaches the caller as a typed error. Duplicates of a request do not run again.
        #[rpc(at_most_once, timeout = "2s")]
        async fn withdraw(&self, cents: u64) -> Result<u64, Overdrawn>;
        /// The caller does not wait, and the server sends no response.
        #[rpc(oneway)]
        fn gossip(&self, rumour: Rumour<'_>);
    }

    #[derive(Debug, Serialize, Deserialize)]
    pub struct Overdrawn {
        pub by: u64,
    }

    /// Borrows from the received datagram: the server copies nothing.
    #[derive(Serialize, Deserialize)]
    pub struct Rumour<'a> {
        pub about: &'a str,
    }
}

// The text of the published contract.

use readme::{Overdrawn, Rumour};

/// The contract, shared by client and server.
#[rpc_service]
pub trait Greeter {
    /// Sync methods run where datagrams are received, without a task of their own.
    fn sayhi(&self, name: &str) -> String;

    /// Async methods run as tasks. Lost requests of this one are retransmitted.
    #[rpc(at_least_once)]
    async fn lookup(&self, key: &[u8]) -> Option<Vec<u8>>;

    /// `Err` reaches the caller as a typed error. Duplicates of a request do not run again.
    #[rpc(at_most_once, timeout = "2s")]
    async fn withdraw(&self, cents: u64) -> Result<u64, Overdrawn>;

    /// The caller does not wait, and the server sends no response.
    #[rpc(oneway)]
    fn gossip(&self, rumour: Rumour<'_>);
}

struct Hello;

impl readme::Greeter for Hello {
    fn sayhi(&self, cx: &Context, name: &str) -> String {
        format!("Hello {name} you live at {}", cx.sender())
    }

    async fn lookup(&self, key: &[u8]) -> Option<Vec<u8>> {
        (key == b"answer").then(|| vec![42])
    }

    async fn withdraw(&self, cents: u64) -> Result<u64, Overdrawn> {
        100_u64.checked_sub(cents).ok_or_else(|| Overdrawn { by: cents - 100 })
    }

    fn gossip(&self, _: Rumour<'_>) {}
}

#[tokio::test]
async fn text_of_the_published_contract_compiles_and_calls_the_server() {
    let server = Endpoint::builder().serve_described(readme::GreeterServer::new(Hello));
    let server = server.bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::bind("127.0.0.1:0").await.unwrap();
    let peer = server.local_addr();

    let contracts = endpoint.describe(peer).await.unwrap();
    let printed: Vec<_> = contracts.iter().map(ToString::to_string).collect();
    assert_eq!(printed.len(), 1);
    assert!(include_str!("readme_contract.rs").contains(&format!("\n{}\nstruct Hello;", printed[0])), "{}", printed[0]);

    assert!(endpoint.compare(peer, GreeterClient::CONTRACT).await.unwrap().is_empty());
    let greeter = GreeterClient::new(&endpoint, peer);
    assert!(greeter.sayhi("Snake").await.unwrap().starts_with("Hello Snake you live at 127.0.0.1"));
    assert_eq!(greeter.lookup(b"answer").await.unwrap(), Some(vec![42]));
    assert!(matches!(greeter.withdraw(130).await, Err(CallError::Application(Overdrawn { by: 30 }))));
    greeter.gossip(Rumour { about: "the president" }).await.unwrap();
}

#[test]
fn readme_contains_the_contract_that_is_served_here() {
    let here = include_str!("readme_contract.rs");
    let start = here.find("    /// The contract, shared").expect("the file contains the contract");
    let contract = &here[start..][..here[start..].find("    }\n\n").expect("the trait ends") + "    }\n".len()];
    let lines: Vec<_> = contract.lines().map(|line| line.strip_prefix("    ").unwrap_or(line)).collect();
    assert!(lines.len() > 10);
    assert!(include_str!("../../README.md").contains(&lines.join("\n")), "README.md contains another contract");
}
