//! Ordinary functions and coroutines respond alike on both sides, and trailing arguments may be
//! omitted or added.

use std::time::Duration;

use rpcudp::rpc_service;
use rpcudp_interop::{CallOutcome, PeerClient, PeerServer, RustPeer, Venv};

rpcudp_interop::for_each_package!(
    functions_and_coroutines_of_python_respond_to_rust,
    functions_and_coroutines_of_rust_respond_to_python,
    python_may_leave_out_optional_arguments_and_add_others,
);

rpcudp_interop::for_package!(rpcudp_4_on_python_3_11, Rpcudp4: without_the_shim_only_coroutines_respond);

rpcudp_interop::for_package!(twisted, Storj: a_deferred_responds_when_it_fires);

async fn functions_and_coroutines_of_python_respond_to_rust(venv: &Venv) {
    let python = venv.launch().start().await;
    let rust = venv.endpoint().bind("127.0.0.1:0").await.unwrap();
    let peer = PeerClient::new(&rust, python.addr());
    assert_eq!(peer.add(-1, 3).await.unwrap(), 2);
    assert_eq!(peer.add_later(-1, 4).await.unwrap(), 3);
}

async fn functions_and_coroutines_of_rust_respond_to_python(venv: &Venv) {
    let python = venv.launch().start().await;
    let rust = venv.endpoint().serve(PeerServer::new(RustPeer)).bind("127.0.0.1:0").await.unwrap();
    assert_eq!(python.call(rust.local_addr(), "add", &["-1", "3"]).await, CallOutcome::returned("int 2"));
    assert_eq!(python.call(rust.local_addr(), "add_later", &["-1", "4"]).await, CallOutcome::returned("int 3"));
}

#[rpc_service]
trait Search {
    fn search(&self, text: &str, limit: Option<usize>) -> String;
}

struct Engine;

impl Search for Engine {
    fn search(&self, text: &str, limit: Option<usize>) -> String {
        format!("{text} {limit:?}")
    }
}

async fn python_may_leave_out_optional_arguments_and_add_others(venv: &Venv) {
    let python = venv.launch().start().await;
    let rust = venv.endpoint().serve(SearchServer::new(Engine)).bind("127.0.0.1:0").await.unwrap();
    let cases: [(&[&str], _); 4] = [
        (&["'a'"], "str 'a None'"),
        (&["'a'", "None"], "str 'a None'"),
        (&["'a'", "2"], "str 'a Some(2)'"),
        (&["'a'", "2", "[b'new', {}]"], "str 'a Some(2)'"),
    ];
    for (arguments, description) in cases {
        let outcome = python.call(rust.local_addr(), "search", arguments).await;
        assert_eq!(outcome, CallOutcome::returned(description), "{arguments:?}");
    }
}

async fn without_the_shim_only_coroutines_respond(venv: &Venv) {
    let python = venv.launch().without_shim().start().await;
    let rust = venv.endpoint().bind("127.0.0.1:0").await.unwrap();
    let peer = PeerClient::new(&rust, python.addr());
    let error = peer.add(1, 2).timeout(Duration::from_millis(500)).await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert_eq!(peer.add_later(1, 2).await.unwrap(), 3);
    let stderr = python.stderr();
    assert!(stderr.contains("AttributeError: module 'asyncio' has no attribute 'coroutine'"), "{stderr}");
}

#[rpc_service]
trait Deferred {
    fn add_deferred(&self, a: i64, b: i64) -> i64;
}

async fn a_deferred_responds_when_it_fires(venv: &Venv) {
    let python = venv.launch().start().await;
    let rust = venv.endpoint().bind("127.0.0.1:0").await.unwrap();
    assert_eq!(DeferredClient::new(&rust, python.addr()).add_deferred(1, 2).await.unwrap(), 3);
}
