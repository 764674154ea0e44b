//! Links with peers of other implementations: quinn, and OpenSSL; and Python peers on the same
//! port meanwhile.
#![cfg(target_os = "linux")]

mod frames;
mod openssl;
mod python;
mod quinn;
mod quinn_peer;
// rpcudp-secure's tests have a hostile peer with the same keys.
#[path = "../../../../rpcudp-secure/tests/scripts/raw_keys.rs"]
mod raw_keys;

use rpcudp::{Endpoint, Identity, PeerId};
use rpcudp_interop::{PeerServer, RustPeer};

fn identity(number: u8) -> Identity {
    Identity::from_seed([number; 32])
}

fn peer(number: u8) -> PeerId {
    identity(number).peer_id()
}

/// Binds an endpoint with the identity 1 that serves [`RustPeer`].
async fn rust() -> Endpoint {
    let builder = Endpoint::builder().identity(identity(1)).serve(PeerServer::new(RustPeer));
    builder.bind("127.0.0.1:0").await.unwrap()
}
