//! What is printed of README.md's server stands in this file, and compiles.

#![allow(unreachable_pub, reason = "what is printed is public")]

use rpcudp::{Context, Dialect, Endpoint, rpc_service};
use serde_json::json;
use written::{Overdrawn, Rumour};

use crate::peers::{CLOSED, serve, silence};
use crate::running::{json, rpcudp};

/// The contract of README.md, as it stands there.
mod written {
    use rpcudp::{Context, rpc_service};
    use serde::{Deserialize, Serialize};

    /// The contract that both sides compile against.
    #[rpc_service]
    pub trait Greeter {
        /// Sync methods run on the receive loop: no task, no allocation.
        fn sayhi(&self, cx: &Context, name: &str) -> String;
        /// Async methods run as tasks. This one is sent again until it is answered.
        #[rpc(at_least_once)]
        async fn lookup(&self, key: &[u8]) -> Option<Vec<u8>>;
        /// `Err` reaches the caller as a typed error. This one runs once, however often it is sent.
        #[rpc(at_most_once, timeout = "2s")]
        async fn withdraw(&self, cents: u64) -> Result<u64, Overdrawn>;
        /// Nobody waits for an answer, and none is sent.
        #[rpc(oneway)]
        fn gossip(&self, rumour: Rumour<'_>);
    }

    #[derive(Debug, Serialize, Deserialize)]
    pub struct Overdrawn {
        pub by: u64,
    }

    /// Borrowed from the datagram: nothing is copied.
    #[derive(Serialize, Deserialize)]
    pub struct Rumour<'a> {
        pub about: &'a str,
    }
}

// What was printed, pasted.

/// The contract that both sides compile against.
#[rpc_service]
pub trait Greeter {
    /// Sync methods run on the receive loop: no task, no allocation.
    fn sayhi(&self, name: &str) -> String;

    /// Async methods run as tasks. This one is sent again until it is answered.
    #[rpc(at_least_once)]
    async fn lookup(&self, key: &[u8]) -> Option<Vec<u8>>;

    /// `Err` reaches the caller as a typed error. This one runs once, however often it is sent.
    #[rpc(at_most_once, timeout = "2s")]
    async fn withdraw(&self, cents: u64) -> Result<u64, Overdrawn>;

    /// Nobody waits for an answer, and none is sent.
    #[rpc(oneway)]
    fn gossip(&self, rumour: Rumour<'_>);
}

struct Hello;

impl written::Greeter for Hello {
    fn sayhi(&self, _: &Context, name: &str) -> String {
        format!("Hello {name}")
    }

    async fn lookup(&self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }

    async fn withdraw(&self, cents: u64) -> Result<u64, Overdrawn> {
        Err(Overdrawn { by: cents })
    }

    fn gossip(&self, _: Rumour<'_>) {}
}

/// README.md's server, which tells of itself.
fn describing(dialect: Dialect) -> (Endpoint, String) {
    let endpoint = Endpoint::builder().dialect(dialect).serve_described(written::GreeterServer::new(Hello));
    let endpoint = endpoint.bind("127.0.0.1:0").wait().expect("a free port of this host");
    let addr = endpoint.local_addr().to_string();
    (endpoint, addr)
}

#[test]
fn the_trait_is_printed_as_one_would_write_it_and_compiles() {
    let (_server, addr) = describing(Dialect::Rpcudp);
    let described = rpcudp(&["describe", &addr]);
    let pasted = format!("// What was printed, pasted.\n\n{}\n\nstruct Hello;", described.well());
    assert!(include_str!("describe.rs").contains(&pasted), "{pasted}");
    // The client of what was pasted calls the server of what was written.
    let endpoint = Endpoint::bind("127.0.0.1:0").wait().expect("a free port of this host");
    let greeter = GreeterClient::new(&endpoint, addr.parse().expect("an address"));
    assert_eq!(greeter.sayhi("Snake").wait().expect("the server answers"), "Hello Snake");
}

#[test]
fn the_contract_is_data_in_json() {
    let (_server, addr) = describing(Dialect::Storj);
    let described = json(rpcudp(&["describe", &addr, "--storj", "--json"]).well());
    assert_eq!(described["peer"], addr);
    let contract = &described["contracts"][0];
    assert_eq!((&contract["name"], contract["methods"].as_array().map(Vec::len)), (&json!("Greeter"), Some(4)));
    let fingerprint = format!("{:016x}", written::GreeterClient::CONTRACT.fingerprint());
    assert_eq!(contract["fingerprint"], fingerprint);
    let withdraw = &contract["methods"][2];
    assert_eq!(withdraw["arguments"], json!([{ "name": "cents", "type": "u64" }]));
    assert_eq!((&withdraw["delivery"], &withdraw["timeout_ms"]), (&json!("at_most_once"), &json!(2_000.0)));
    assert_eq!((&withdraw["fallible"], &withdraw["async"]), (&json!(true), &json!(true)));
    assert!(contract["trait"].as_str().unwrap().contains("pub trait Greeter {"));
}

#[test]
fn whoever_does_not_tell_is_said_not_to() {
    let (_server, addr) = serve(Dialect::Rpcudp);
    let described = rpcudp(&["describe", &addr]);
    let says = format!("rpcudp: {addr} does not tell what it serves: it has to serve with `Builder::serve_described`");
    assert_eq!(described.failed(6), says);
    assert!(rpcudp(&["describe", CLOSED]).failed(4).contains("nobody is there"));
    let (_silent, silent) = silence();
    let described = rpcudp(&["describe", &silent, "--timeout", "100ms"]);
    assert!(described.failed(5).contains("did not tell what it serves within 100ms"), "{described:?}");
    assert!(rpcudp(&["describe", "no.such.name.invalid:1"]).failed(2).contains("does not resolve"));
}
