//! The plain wire beside links, on the same port.

use rpcudp::session::Sessions;
use rpcudp::sim::Network;
use rpcudp::{CallError, Context, DropReason, Endpoint, Plain, Refusal, rpc_service};

use crate::fixture::{Runs, VaultClient, VaultServer, bind_both, builder, identity, peer};
use crate::support::{CALLER, SERVER};

struct Two {
    server: Endpoint,
    caller: Endpoint,
}

impl Two {
    fn new(plain: Plain) -> Self {
        let network = Network::new(1);
        let bind = |number, addr, plain| {
            let builder = builder(number, &Runs::default()).plain(plain);
            bind_both(&network, addr, builder)
        };
        Self { server: bind(1, SERVER, plain), caller: bind(2, CALLER, Plain::On) }
    }

    fn plain(&self) -> VaultClient {
        VaultClient::new(&self.caller, self.server.local_addr())
    }

    fn secure(&self) -> VaultClient {
        VaultClient::secure(&self.caller, self.server.local_addr(), peer(1))
    }
}

#[tokio::test(start_paused = true)]
async fn both_wires_work_on_one_port() {
    let two = Two::new(Plain::On);
    for _ in 0..3 {
        assert_eq!(two.plain().whoami().await.unwrap(), None);
        // A plain response of this length has a checksum, and another first byte for it.
        assert_eq!(two.plain().echo(vec![7; 5_000]).await.unwrap(), vec![7; 5_000]);
        assert_eq!(two.secure().whoami().await.unwrap(), Some(peer(2).to_string()));
    }
    assert_eq!(two.server.stats().dropped_in_all(), 0);
}

#[tokio::test(start_paused = true)]
async fn plain_requests_are_dropped_if_only_calls_are_plain() {
    let two = Two::new(Plain::CallsOnly);
    assert!(two.plain().whoami().await.unwrap_err().is_timeout());
    assert_eq!(two.server.stats().dropped(DropReason::PlainRequest), 1);
    assert_eq!(two.secure().repeat(1).await.unwrap(), 1);
    assert_eq!(VaultClient::new(&two.server, two.caller.local_addr()).repeat(1).await.unwrap(), 1, "its own calls");
}

#[tokio::test(start_paused = true)]
async fn neither_calls_nor_requests_are_plain_if_the_plain_wire_is_off() {
    let two = Two::new(Plain::Off);
    assert!(two.plain().whoami().await.unwrap_err().is_timeout());
    let error = VaultClient::new(&two.server, two.caller.local_addr()).repeat(1).await.unwrap_err();
    assert!(matches!(error, CallError::Insecure { .. }), "{error}");
    assert_eq!(two.secure().repeat(1).await.unwrap(), 1);
}

/// The same request over either wire is two requests: a key is not an address.
#[tokio::test(start_paused = true)]
async fn endpoint_without_an_identity_is_called_as_ever() {
    let network = Network::new(1);
    let plain = Endpoint::builder().serve(VaultServer::new(Runs::default()));
    let plain = bind_both(&network, SERVER, plain);
    let builder = builder(2, &Runs::default()).plain(Plain::On);
    let caller = bind_both(&network, CALLER, builder);
    assert_eq!(VaultClient::new(&caller, plain.local_addr()).once(1, Vec::new()).await.unwrap(), 1);
    assert_eq!(VaultClient::new(&plain, caller.local_addr()).once(1, Vec::new()).await.unwrap(), 1);
}

#[rpc_service]
trait Club {
    #[rpc(session)]
    fn enter(&self);
    fn is_member(&self, cx: &Context) -> bool;
}

struct Door;

impl Club for Door {
    fn enter(&self) {}
    fn is_member(&self, cx: &Context) -> bool {
        cx.session().is_some()
    }
}

/// The peer of a link may claim the address of a member.
#[tokio::test(start_paused = true)]
async fn request_over_a_link_has_no_session() {
    let network = Network::new(1);
    let bind = |number, addr| {
        let builder = Endpoint::builder().identity(identity(number)).plain(Plain::On);
        let builder = builder.sessions(Sessions::new()).serve(ClubServer::new(Door));
        bind_both(&network, addr, builder)
    };
    let (server, caller) = (bind(1, SERVER), bind(2, CALLER));
    let session = caller.join(server.local_addr()).await.unwrap();
    let plain = ClubClient::new(&caller, server.local_addr());
    plain.enter().await.unwrap();
    assert!(plain.is_member().await.unwrap());
    let secure = ClubClient::secure(&caller, server.local_addr(), peer(1));
    let error = secure.enter().await.unwrap_err();
    assert!(matches!(error, CallError::Refused { reason: Refusal::NoSession, .. }), "{error}");
    assert!(!secure.is_member().await.unwrap());
    drop(session);
}
