//! That what is printed compiles is for `tests/printed.rs` of the library, whose `Display` it is.

use rpcudp::{Dialect, Endpoint, rpc_service};
use serde_json::json;

use crate::peers::{CLOSED, serve, silence};
use crate::process::{json, rpcudp};

/// An account.
#[rpc_service]
trait Account {
    /// What is left.
    fn balance(&self, name: &str) -> i64;
    #[rpc(at_most_once, timeout = "2s")]
    async fn withdraw(&self, cents: u64) -> Result<u64, String>;
}

struct Empty;

impl Account for Empty {
    fn balance(&self, _: &str) -> i64 {
        0
    }

    async fn withdraw(&self, cents: u64) -> Result<u64, String> {
        Err(format!("{cents} cents are missing"))
    }
}

/// A server that tells of itself.
fn describing(dialect: Dialect) -> (Endpoint, String) {
    let endpoint = Endpoint::builder().dialect(dialect).serve_described(AccountServer::new(Empty));
    let endpoint = endpoint.bind("127.0.0.1:0").wait().expect("a free port of this host");
    let addr = endpoint.local_addr().to_string();
    (endpoint, addr)
}

#[test]
fn the_trait_is_printed_as_one_would_write_it() {
    let (_server, addr) = describing(Dialect::Rpcudp);
    let described = rpcudp(&["describe", &addr]);
    let printed = described.succeeded();
    assert_eq!(printed, AccountClient::CONTRACT.to_string().trim_end());
    assert!(printed.contains("/// What is left.\n    fn balance(&self, name: &str) -> i64;"), "{printed}");
}

#[test]
fn the_contract_is_data_in_json() {
    let (_server, addr) = describing(Dialect::Storj);
    let described = json(rpcudp(&["describe", &addr, "--storj", "--json"]).succeeded());
    assert_eq!(described["peer"], addr);
    let contract = &described["contracts"][0];
    assert_eq!((&contract["name"], contract["methods"].as_array().map(Vec::len)), (&json!("Account"), Some(2)));
    let fingerprint = format!("{:016x}", AccountClient::CONTRACT.fingerprint());
    assert_eq!(contract["fingerprint"], fingerprint);
    let withdraw = &contract["methods"][1];
    assert_eq!(withdraw["arguments"], json!([{ "name": "cents", "type": "u64" }]));
    assert_eq!((&withdraw["delivery"], &withdraw["timeout_ms"]), (&json!("at_most_once"), &json!(2_000.0)));
    assert_eq!((&withdraw["fallible"], &withdraw["async"]), (&json!(true), &json!(true)));
    assert!(contract["trait"].as_str().unwrap().contains("trait Account {"));
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
