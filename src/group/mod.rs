pub(crate) mod change;
pub(crate) mod peer_source;
pub(crate) mod peers;
