//! The counterpart of `links` without the feature `secure`.

use std::net::SocketAddr;

use rpcudp::{Builder, Endpoint};

use super::flooder::Flood;
use super::link_counts::LinkCounts;
use super::target::TargetClient;
use crate::measuring::BoxError;

pub(super) const ARE_AVAILABLE: bool = false;

pub(super) fn with_identity(builder: Builder) -> Builder {
    builder
}

pub(super) fn client(_: &Endpoint, _: &Endpoint) -> Result<TargetClient, BoxError> {
    Err("the bench was built without links".into())
}

pub(super) fn counts(_: &Endpoint) -> LinkCounts {
    LinkCounts::default()
}

pub(super) fn first_datagrams(_: usize, _: u64) -> Vec<Vec<u8>> {
    Vec::new()
}

pub(super) struct HandshakeFlood;

impl HandshakeFlood {
    pub(super) const SOURCE_COUNT: u8 = 0;

    pub(super) fn new(_: SocketAddr, _: u64) -> Result<Self, BoxError> {
        Err("the bench was built without links".into())
    }
}

impl Flood for HandshakeFlood {
    fn send_batch(&mut self) -> Result<usize, BoxError> {
        Ok(0)
    }
}
