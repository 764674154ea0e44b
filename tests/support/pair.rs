use rpcudp::sim::{Conditions, Network};
use rpcudp::{Builder, Client, Endpoint};
#[cfg(feature = "secure")]
use rpcudp::{Call, CallError, DynamicMethod};

use super::endpoints::{CALLER, SERVER};
#[cfg(feature = "secure")]
use super::links::identity_of;
use super::wire::Wire;

/// A server and a caller on a simulated network.
pub(crate) struct Pair {
    pub(crate) network: Network,
    pub(crate) server: Endpoint,
    pub(crate) caller: Endpoint,
    pub(crate) wire: Wire,
}

impl Pair {
    /// Binds a server at [`SERVER`] and a caller at [`CALLER`], for the plain wire.
    pub(crate) fn new(network: Network, server: Builder, caller: Builder) -> Self {
        Self::over(Wire::Plain, network, server, caller)
    }

    /// Binds a server at [`SERVER`] and a caller at [`CALLER`], for calls over a wire.
    pub(crate) fn over(wire: Wire, network: Network, server: Builder, caller: Builder) -> Self {
        let server = wire.bind(&network, SERVER, server);
        let caller = wire.bind(&network, CALLER, caller);
        Self { network, server, caller, wire }
    }

    /// Returns a client of one of the server's contracts.
    pub(crate) fn client<C: Client>(&self) -> C {
        self.wire.client(&self.caller, self.server.local_addr())
    }

    /// Opens the link, if the calls travel over one, by a call that the server refuses.
    pub(crate) async fn open_link(&self) {
        #[cfg(feature = "secure")]
        if self.wire == Wire::Link {
            let addr = self.server.local_addr();
            let call: Call<()> = DynamicMethod::new("open the link").call(&self.caller, addr, &[()]);
            let refused = call.secure(identity_of(addr).peer_id()).await;
            assert!(matches!(refused, Err(CallError::Refused { .. })), "{refused:?}");
        }
    }

    /// Sets the conditions on the way from the caller to the server.
    pub(crate) fn set_request_conditions(&self, conditions: Conditions) {
        self.network.set_link(self.caller.local_addr().ip(), self.server.local_addr().ip(), conditions);
    }

    /// Sets the conditions on the way from the server to the caller.
    pub(crate) fn set_response_conditions(&self, conditions: Conditions) {
        self.network.set_link(self.server.local_addr().ip(), self.caller.local_addr().ip(), conditions);
    }
}
