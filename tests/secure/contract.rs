//! Methods that need a link.

use rpcudp::contract::Method;
use rpcudp::dynamic::RawArguments;
use rpcudp::sim::Network;
use rpcudp::{
    AnyPeer, CallError, Context, DynamicResponse, DynamicService, Endpoint, Plain, Refusal, SecureContext, rpc_service,
};

use crate::fixture::{Runs, bind_both, identity, peer};
use crate::support::{CALLER, SERVER};

#[rpc_service]
trait Account {
    /// Works over either wire.
    fn status(&self, cx: &Context) -> bool;
    #[rpc(secure, at_most_once)]
    fn withdraw(&self, cents: u64) -> Result<u64, u64>;
    #[rpc(secure)]
    async fn history(&self, cx: &Context, len: u64) -> Vec<u64>;
    fn owner(&self, cx: &SecureContext) -> String;
    async fn slow_owner(&self, cx: &SecureContext, text: &str) -> String;
    #[rpc(blocking, at_least_once)]
    fn blocking_owner(&self, cx: SecureContext) -> String;
    #[rpc(secure, oneway)]
    fn note(&self, number: u64);
}

/// The same methods, as a caller sees them whose contract does not know that they need a link.
#[rpc_service]
trait CarelessAccount {
    #[rpc(at_most_once)]
    fn withdraw(&self, cents: u64) -> Result<u64, u64>;
    fn history(&self, len: u64) -> Vec<u64>;
    fn owner(&self) -> String;
    fn slow_owner(&self, text: &str) -> String;
    #[rpc(at_least_once)]
    fn blocking_owner(&self) -> String;
}

#[rpc_service(secure)]
trait AllSecure {
    fn one(&self) -> u8;
    async fn other(&self, cx: &SecureContext) -> u8;
}

impl Account for Runs {
    fn status(&self, cx: &Context) -> bool {
        cx.peer_id().is_some()
    }
    fn withdraw(&self, cents: u64) -> Result<u64, u64> {
        *self.begun.lock().unwrap().entry(cents).or_default() += 1;
        100_u64.checked_sub(cents).ok_or(100)
    }
    async fn history(&self, cx: &Context, len: u64) -> Vec<u64> {
        assert!(cx.peer_id().is_some());
        (0..len).collect()
    }
    fn owner(&self, cx: &SecureContext) -> String {
        cx.peer_id().to_string()
    }
    async fn slow_owner(&self, cx: &SecureContext, text: &str) -> String {
        tokio::task::yield_now().await;
        format!("{text}{} {}", cx.peer_id(), cx.sender())
    }
    fn blocking_owner(&self, cx: SecureContext) -> String {
        cx.peer_id().to_string()
    }
    fn note(&self, number: u64) {
        *self.begun.lock().unwrap().entry(number).or_default() += 1;
    }
}

impl AllSecure for Runs {
    fn one(&self) -> u8 {
        1
    }
    async fn other(&self, cx: &SecureContext) -> u8 {
        cx.peer_id().as_bytes()[0]
    }
}

fn pair() -> (Network, Endpoint, Endpoint, Runs) {
    let network = Network::new(1);
    let runs = Runs::default();
    let bind = |number, addr| {
        let builder = Endpoint::builder().identity(identity(number)).plain(Plain::On);
        let builder = builder.serve(AccountServer::new(runs.clone())).serve(AllSecureServer::new(runs.clone()));
        bind_both(&network, addr, builder)
    };
    let (server, caller) = (bind(1, SERVER), bind(2, CALLER));
    (network, server, caller, runs)
}

#[tokio::test(start_paused = true)]
async fn methods_that_need_a_link_run_over_one() {
    let (_network, server, caller, runs) = pair();
    let account = AccountClient::secure(&caller, server.local_addr(), peer(1));
    let key = peer(2).to_string();
    assert!(account.status().await.unwrap());
    assert_eq!(account.withdraw(30).await.unwrap(), 70);
    assert_eq!(account.withdraw(300).await.unwrap_err().into_application().unwrap(), 100);
    assert_eq!(account.history(3).await.unwrap(), [0, 1, 2]);
    assert_eq!(account.owner().await.unwrap(), key);
    assert_eq!(account.slow_owner("it is ").await.unwrap(), format!("it is {key} {}", caller.local_addr()));
    assert_eq!(account.blocking_owner().await.unwrap(), key);
    account.note(7).await.unwrap();
    let all = AllSecureClient::secure(&caller, server.local_addr(), AnyPeer);
    assert_eq!((all.one().await.unwrap(), all.other().await.unwrap()), (1, peer(2).as_bytes()[0]));
    assert_eq!(runs.begun(7), 1);
}

#[tokio::test(start_paused = true)]
async fn plain_call_of_such_a_method_ends_before_it_is_sent() {
    let (_network, server, caller, runs) = pair();
    let account = AccountClient::new(&caller, server.local_addr());
    assert!(!account.status().await.unwrap(), "this method needs none");
    let sent = caller.stats().datagrams.sent;
    let error = account.withdraw(30).await.unwrap_err();
    assert!(matches!(error, CallError::Insecure { method: "withdraw" }), "{error}");
    let text = "`owner` needs a secure link, and the client is plain: make it with `Client::secure`";
    assert_eq!(account.owner().await.unwrap_err().to_string(), text);
    assert!(matches!(account.note(7).await, Err(CallError::Insecure { .. })));
    assert_eq!((caller.stats().datagrams.sent, runs.begun(30)), (sent, 0));
}

#[tokio::test(start_paused = true)]
async fn server_refuses_plain_requests_of_such_methods() {
    let (_network, server, caller, runs) = pair();
    let account = CarelessAccountClient::new(&caller, server.local_addr());
    let refused = |error: CallError| {
        assert_eq!(error.did_run(), rpcudp::DidRun::No);
        matches!(error, CallError::Refused { reason: Refusal::NeedsSecureLink, .. })
    };
    assert!(refused(account.history(1).await.unwrap_err()));
    assert!(refused(account.owner().await.unwrap_err()));
    assert!(refused(account.slow_owner("").await.unwrap_err()));
    assert!(refused(account.blocking_owner().await.unwrap_err()));
    let error = account.withdraw(30).await.unwrap_err();
    assert!(matches!(error, CallError::Refused { reason: Refusal::NeedsSecureLink, .. }));
    assert_eq!(runs.begun(30), 0);
    // The same contract over a link.
    let account = CarelessAccountClient::secure(&caller, server.local_addr(), peer(1));
    assert_eq!(account.withdraw(30).await.unwrap(), 70);
}

/// A service whose methods are known at run time only.
struct Plugin;

impl DynamicService for Plugin {
    fn name(&self) -> &str {
        "Plugin"
    }

    fn methods(&self) -> Vec<Method> {
        let method = |name, is_secure| Method { is_secure, ..Method::named(name) };
        vec![method("status", false), method("owner", true)]
    }

    async fn call(&self, cx: &Context, method: &str, _: RawArguments<'_>) -> DynamicResponse {
        match method {
            "status" => DynamicResponse::value(&cx.peer_id().is_some()),
            _ => DynamicResponse::value(&cx.peer_id().map(|key| key.to_string())),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn methods_of_dynamic_services_may_need_a_link_too() {
    let network = Network::new(1);
    let bind = |number, addr| {
        let builder = Endpoint::builder().identity(identity(number)).plain(Plain::On).serve_dynamic(Plugin);
        bind_both(&network, addr, builder)
    };
    let (server, caller) = (bind(1, SERVER), bind(2, CALLER));
    let account = AccountClient::secure(&caller, server.local_addr(), peer(1));
    assert_eq!(account.owner().await.unwrap(), peer(2).to_string());
    assert!(account.status().await.unwrap());
    let account = CarelessAccountClient::new(&caller, server.local_addr());
    let error = account.owner().await.unwrap_err();
    assert!(matches!(error, CallError::Refused { reason: Refusal::NeedsSecureLink, .. }), "{error}");
    assert!(!AccountClient::new(&caller, server.local_addr()).status().await.unwrap());
}

#[test]
fn contract_says_which_methods_need_a_link() {
    let secure: Vec<_> = AccountClient::CONTRACT.methods.iter().map(|method| method.is_secure).collect();
    assert_eq!(secure, [false, true, true, true, true, true, true]);
    assert!(AllSecureClient::CONTRACT.methods.iter().all(|method| method.is_secure));
    let printed = AccountClient::CONTRACT.to_string();
    assert!(printed.contains("    #[rpc(at_most_once, secure)]\n    fn withdraw(&self, cents: u64)"), "{printed}");
    assert!(printed.contains("    #[rpc(secure)]\n    fn owner(&self) -> String;"), "{printed}");
    let (careful, careless) = (AccountClient::CONTRACT, CarelessAccountClient::CONTRACT);
    assert_ne!(careful.methods[1].fingerprint(), careless.methods[0].fingerprint());
}
