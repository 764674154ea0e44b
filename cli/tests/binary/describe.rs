//! `rpcudp describe`. A test of the library (`tests/behaviour/readme_contract.rs`) checks that the
//! printed trait compiles.

use std::process::Command;

use rpcudp::contract::{Argument, Delivery, Method};
use rpcudp::dynamic::RawArguments;
use rpcudp::{Builder, Context, Dialect, DynamicResponse, DynamicService, Endpoint, rpc_service};
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
    describing_as(Endpoint::builder().dialect(dialect))
}

/// Starts a server with these options that publishes its contract.
pub(crate) fn describing_as(builder: Builder) -> (Endpoint, String) {
    let endpoint = builder.serve_described(AccountServer::new(Empty));
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

/// An entry in a guest book.
#[derive(serde::Deserialize, rpcudp::Schema, serde::Serialize)]
struct Entry {
    name: String,
    #[serde(default, rename = "written-at")]
    time: Option<u64>,
}

#[rpc_service]
trait GuestBook {
    fn entries(&self) -> Vec<Entry>;
}

struct Blank;

impl GuestBook for Blank {
    fn entries(&self) -> Vec<Entry> {
        Vec::new()
    }
}

#[test]
fn the_types_of_a_contract_are_printed_if_they_have_definitions() {
    let endpoint = Endpoint::builder().serve_described(GuestBookServer::new(Blank));
    let endpoint = endpoint.bind("127.0.0.1:0").wait().expect("a free port of this host");
    let addr = endpoint.local_addr().to_string();
    let described = rpcudp(&["describe", &addr]);
    let entry = r#"#[derive(Deserialize, Schema, Serialize)]
pub struct Entry {
    name: String,
    #[serde(default, rename = "written-at")]
    written_at: Option<u64>,
}"#;
    assert!(described.succeeded().ends_with(entry), "{described:?}");
    let described = json(rpcudp(&["describe", &addr, "--json"]).succeeded());
    let expected = json!([{ "name": "Entry", "generics": "", "type": format!("{entry}\n") }]);
    assert_eq!(described["contracts"][0]["definitions"], expected);
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

/// A clock.
#[rpc_service(namespace = "clock.")]
trait Clock {
    /// Sets the time, for example "12:00".
    ///
    /// A path has one \.
    #[rpc(at_least_once, timeout = "1500ms", wait_for_ready)]
    fn set(&self, time: &str, zone: Option<String>) -> Vec<u8>;
    #[rpc(at_most_once)]
    fn import(&self, from: u64, timeout: u64) -> Result<Option<Zone>, String>;
    #[rpc(oneway)]
    fn tick(&self);
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Zone;

struct Noon;

impl Clock for Noon {
    fn set(&self, _: &str, _: Option<String>) -> Vec<u8> {
        Vec::new()
    }

    fn import(&self, _: u64, _: u64) -> Result<Option<Zone>, String> {
        Ok(None)
    }

    fn tick(&self) {}
}

/// Runs a program of Python beside the module `peer`, with a stand-in for `rpcudp_fast` that notes
/// calls. Skips it on a host without Python.
fn run_python(name: &str, module: &str, program: &str) {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    let stand_in = r#"
class Timeout(Exception):
    pass

def rpc(*, at_most_once):
    return lambda method: setattr(method, "at_most_once", at_most_once) or method

class RPCProtocol:
    def __init__(self):
        self.calls = []

    async def call(self, address, name, *args, **options):
        self.calls.append((address, name, args, options))
        if options["timeout"] == 0:
            raise Timeout
        return len(self.calls)
"#;
    for (file, source) in [("rpcudp_fast.py", stand_in), ("peer.py", module), ("program.py", program)] {
        std::fs::write(folder.join(file), source).unwrap();
    }
    match Command::new("python3").arg(folder.join("program.py")).output() {
        Ok(output) => assert!(output.status.success(), "{}\n{module}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => println!("SKIPPED: python3 does not run: {error}"),
    }
}

#[test]
fn the_contract_is_printed_as_a_module_of_python() {
    let endpoint = Endpoint::builder().serve_described(ClockServer::new(Noon)).bind("127.0.0.1:0").wait().unwrap();
    let described = rpcudp(&["describe", &endpoint.local_addr().to_string(), "--as", "python"]);
    let module = described.succeeded();
    assert!(
        module.contains("async def set(self, time: str, zone: str | None = None, *, timeout: float | None = None)")
    );
    assert!(module.contains("\nZone: TypeAlias = Any\n"), "{module}");
    let program = r#"
import asyncio
from peer import ClockClient, ClockService
from rpcudp_fast import RPCProtocol

async def main():
    protocol = RPCProtocol()
    clock = ClockClient(protocol, ("127.0.0.1", 1234), timeout=3)
    assert await clock.set("12:00") == 1
    assert await clock.import_(1, 2, timeout=0.5) == 2
    await clock.tick()
    await ClockClient(protocol, ("127.0.0.1", 1234)).set("12:00", "UTC")
    address = ("127.0.0.1", 1234)
    expected = [
        (address, "clock.set", ("12:00", None), {"timeout": 3, "retransmit": True, "wait_for_ready": True}),
        (address, "clock.import", (1, 2), {"timeout": 0.5, "retransmit": True}),
        (address, "clock.tick", (), {"timeout": 0}),
        (address, "clock.set", ("12:00", "UTC"), {"timeout": 1.5, "retransmit": True, "wait_for_ready": True}),
    ]
    assert protocol.calls == expected, protocol.calls

    class Noon(ClockService):
        async def rpc_set(self, address, time, zone=None):
            return time.encode()

    assert await getattr(Noon(), "rpc_clock.set")(("127.0.0.1", 1), "12:00") == b"12:00"
    assert ClockService.rpc_import_.at_most_once
    assert 'example "12:00".' in ClockClient.set.__doc__ and "one \\." in ClockClient.set.__doc__
    assert "Raises `RemoteError` with the error of `Result<Option<Zone>, String>`." in ClockClient.import_.__doc__

asyncio.run(main())
"#;
    run_python("describe_python", module, program);
    let both = rpcudp(&["describe", &endpoint.local_addr().to_string(), "--as", "python", "--json"]);
    assert!(both.failed(64).contains("--json prints data"), "{both:?}");
}

/// A peer that tries to write code into the module.
struct Hostile;

impl DynamicService for Hostile {
    fn name(&self) -> &str {
        "Hostile"
    }

    fn methods(&self) -> Vec<Method> {
        let code = "\"\"\"\nopen('/nowhere')\n\"\"\"\\";
        let arguments = ["self", "open", "__import__"].map(|name| Argument { name: name.into(), ty: "open".into() });
        let named = |wire_name: &'static str| Method {
            doc: code.into(),
            arguments: arguments.to_vec().into(),
            returns: "exec<\"code\">".into(),
            delivery: Delivery::OneWay,
            ..Method::named(wire_name)
        };
        vec![named("\"); open('/nowhere'); (\"\\"), named("_protocol"), named("__init__"), named("\u{202e}\n")]
    }

    async fn call(&self, _: &Context, _: &str, _: RawArguments<'_>) -> DynamicResponse {
        DynamicResponse::none()
    }
}

#[test]
fn the_contract_of_a_hostile_peer_runs_no_code_in_python() {
    let endpoint = Endpoint::builder().serve_dynamic_described(Hostile).bind("127.0.0.1:0").wait().unwrap();
    let described = rpcudp(&["describe", &endpoint.local_addr().to_string(), "--as", "python"]);
    let program = "import peer\nassert peer.HostileClient and peer.HostileService\n";
    run_python("describe_hostile", described.succeeded(), program);
}
