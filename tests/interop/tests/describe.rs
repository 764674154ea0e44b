//! Python reads the contracts that a Rust endpoint publishes, as docs/wire.md specifies.

use rpcudp::rpc_service;
use rpcudp_interop::{CallOutcome, PeerClient, PeerServer, RustPeer, Venv};

rpcudp_interop::for_each_package!(python_reads_the_published_contracts_of_rust);

#[rpc_service(namespace = "kad.")]
trait Table {
    /// Finds a value.
    #[rpc(at_least_once, timeout = "1500ms")]
    async fn lookup(&self, key: &[u8], limit: Option<usize>) -> Result<Vec<u8>, String>;
}

struct Empty;

impl Table for Empty {
    async fn lookup(&self, _: &[u8], _: Option<usize>) -> Result<Vec<u8>, String> {
        Err("empty table".into())
    }
}

async fn python_reads_the_published_contracts_of_rust(venv: &Venv) {
    let python = venv.launch().start().await;
    let rust = venv.endpoint().serve_described(TableServer::new(Empty)).serve(PeerServer::new(RustPeer));
    let rust = rust.bind("127.0.0.1:0").await.unwrap();

    let CallOutcome::Returned(page) = python.call(rust.local_addr(), "rpc.describe", &[]).await else {
        panic!("no page")
    };
    let expected = "list [int 2, list [list [str 'contract', list [str 'Table', str 'kad.', str '', str '', list [], list [], \
                list []]], list [str 'method', list [str 'lookup', str 'kad.lookup', str 'Finds a value.', list [list [str \
                'key', str '&[u8]'], list [str 'limit', str 'Option<usize>']], str 'Result<Vec<u8>, String>', bool True, \
                str 'at_least_once', list [int 1, int 500000000], bool True]]], int ";
    assert!(page.starts_with(expected), "{page}");

    let CallOutcome::Returned(page) = python.call(rust.local_addr(), "rpc.describe", &["1"]).await else {
        panic!("no page")
    };
    assert!(page.starts_with("list [int 2, list [list [str 'method', "), "{page}");
    let CallOutcome::Returned(page) = python.call(rust.local_addr(), "rpc.describe", &["2"]).await else {
        panic!("no page")
    };
    assert!(page.starts_with("list [int 2, list [], "), "{page}");

    let names = "['kad.lookup', 'add', 'unknown']";
    let fingerprints = python.call(rust.local_addr(), "rpc.fingerprints", &[names]).await;
    let lookup = TableClient::CONTRACT.methods[0].fingerprint();
    assert_eq!(fingerprints, CallOutcome::returned(format!("list [int {lookup}, None, None]")));
    // Methods without a published contract are served, too.
    assert_eq!(PeerClient::new(&rust, rust.local_addr()).add(1, 2).await.unwrap(), 3);
}
