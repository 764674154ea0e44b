//! `rpcudp describe`. A test of the library (`tests/behaviour/readme_contract.rs`) checks that the
//! printed trait compiles.

use rpcudp::{Dialect, Endpoint, rpc_service};
use serde_json::json;

use crate::peers::{CLOSED, serve, silence};
use crate::process::{json, rpcudp};

/// An account.
#[rpc_service]
trait Account {
    /// Returns the balance.
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

/// Starts a server that publishes its contract.
pub(crate) fn describing(dialect: Dialect) -> (Endpoint, String) {
    let endpoint = Endpoint::builder().dialect(dialect).serve_described(AccountServer::new(Empty));
    let endpoint = endpoint.bind("127.0.0.1:0").wait().expect("a free port of this host");
    let addr = endpoint.local_addr().to_string();
    (endpoint, addr)
}

#[test]
fn the_contract_is_printed_as_a_rust_trait() {
    let (_server, addr) = describing(Dialect::Rpcudp);
    let described = rpcudp(&["describe", &addr]);
    let printed = described.succeeded();
    assert_eq!(printed, AccountClient::CONTRACT.to_string().trim_end());
    assert!(printed.contains("/// Returns the balance.\n    fn balance(&self, name: &str) -> i64;"), "{printed}");
}

#[test]
fn the_contract_is_printed_as_json() {
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
fn a_peer_without_published_contracts_is_reported() {
    let (_server, addr) = serve(Dialect::Rpcudp);
    let described = rpcudp(&["describe", &addr]);
    let message = format!("rpcudp: {addr} publishes no contracts: it must serve them with `Builder::serve_described`");
    assert_eq!(described.failed(6), message);
    assert!(rpcudp(&["describe", CLOSED]).failed(4).contains("is unreachable"));
    let (_silent, silent) = silence();
    let described = rpcudp(&["describe", &silent, "--timeout", "100ms"]);
    assert!(described.failed(5).contains(&format!("no contracts from {silent} within 100ms")), "{described:?}");
    assert!(rpcudp(&["describe", "no.such.name.invalid:1"]).failed(2).contains("does not resolve"));
}
