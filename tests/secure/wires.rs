//! The plain wire beside links, on the same port.

use rpcudp::sim::Network;
use rpcudp::{CallError, DropReason, Endpoint, Plain};

use crate::fixture::{Runs, VaultClient, VaultServer, builder, peer};
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
            builder.bind_transport(network.bind(addr).unwrap()).unwrap()
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
    let plain = plain.bind_transport(network.bind(SERVER).unwrap()).unwrap();
    let builder = builder(2, &Runs::default()).plain(Plain::On);
    let caller = builder.bind_transport(network.bind(CALLER).unwrap()).unwrap();
    assert_eq!(VaultClient::new(&caller, plain.local_addr()).once(1, Vec::new()).await.unwrap(), 1);
    assert_eq!(VaultClient::new(&plain, caller.local_addr()).once(1, Vec::new()).await.unwrap(), 1);
}
