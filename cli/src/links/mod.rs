//! Links to peers that prove their keys: the keys in addresses, and the identity that calls.

pub(crate) mod errors;
mod identity;
pub(crate) mod key_file;
mod wire;

use rpcudp::{Context, Endpoint, LinkStatus};

pub(crate) use self::identity::LinkIdentity;
pub(crate) use self::wire::Wire;

/// The largest `@FILE` of a call over a link, in bytes: the largest that a link can be set to. The
/// peer's own limit is 16 MiB by default.
pub(crate) const MAX_FILE_LEN: usize = (1 << 30) - 1_024;

/// Whether a link is up.
pub(crate) fn is_up(endpoint: &Endpoint) -> bool {
    endpoint.link_stats().up > 0
}

/// Returns the key of the sender of a request that came over a link.
pub(crate) fn sender_key(cx: &Context) -> Option<String> {
    cx.peer_id().map(|peer| peer.to_string())
}

/// Returns the link that is up.
pub(crate) async fn only_link(endpoint: &Endpoint) -> Option<LinkStatus> {
    endpoint.links().await.pop()
}
