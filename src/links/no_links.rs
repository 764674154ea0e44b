//! The counterpart of `links` without the feature `secure`: types that have no value.

pub(crate) mod endpoint_links {
    use std::net::SocketAddr;
    use std::sync::Arc;

    use rand::rngs::StdRng;
    use rpcudp_core::MessageId;

    use super::link_config::LinkConfig;
    use super::linked_peer::LinkedPeer;
    use super::secure_peer::SecurePeer;
    use crate::telemetry::progress::Progress;
    use crate::wake_flag::WakeFlag;

    #[derive(Debug)]
    pub(crate) enum EndpointLinks {}

    /// No counts.
    #[derive(Clone, Copy, Debug, Default)]
    pub(crate) struct LinkCounts;

    #[derive(Debug)]
    pub(crate) struct QueueFull;

    impl EndpointLinks {
        pub(crate) fn new(_: &LinkConfig, _: &mut StdRng, _: &Arc<WakeFlag>) -> Option<Arc<Self>> {
            None
        }

        pub(crate) fn find(&self, _: SocketAddr) -> Option<Arc<SecurePeer>> {
            match *self {}
        }

        pub(crate) fn send_call(&self, _: &Arc<SecurePeer>, _: &[u8], _: Option<MessageId>) -> Result<(), QueueFull> {
            match *self {}
        }

        pub(crate) fn track(&self, _: MessageId, _: &Progress) -> Result<(), QueueFull> {
            match *self {}
        }

        pub(crate) fn cancel_call(&self, _: &Arc<SecurePeer>, _: MessageId, _: Vec<u8>) -> Result<(), QueueFull> {
            match *self {}
        }

        pub(crate) fn respond(&self, _: &Arc<LinkedPeer>, _: &[u8]) -> Result<(), QueueFull> {
            match *self {}
        }

        pub(crate) fn target_back(&self, _: SocketAddr, _: &LinkedPeer) -> Arc<SecurePeer> {
            match *self {}
        }

        pub(crate) fn counts(&self) -> LinkCounts {
            match *self {}
        }

        pub(crate) fn max_body_len(&self) -> usize {
            match *self {}
        }
    }
}

pub(crate) mod link_config {
    // With braces, so that `LinkConfig::default()` is the same code with the feature and without.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct LinkConfig {}

    impl LinkConfig {
        pub(crate) fn refuses_plain_requests(&self) -> bool {
            false
        }

        pub(crate) fn refuses_plain_calls(&self) -> bool {
            false
        }
    }
}

pub(crate) mod request_memory {
    #[derive(Debug)]
    pub(crate) enum RequestMemory {}
}

pub(crate) mod linked_peer {
    use std::net::SocketAddr;
    use std::sync::Arc;

    use super::request_memory::RequestMemory;

    #[derive(Debug)]
    pub(crate) enum LinkedPeer {}

    impl LinkedPeer {
        pub(crate) fn is_same_peer(&self, _: &Self) -> bool {
            match *self {}
        }

        pub(crate) fn source_of(_: Option<&Arc<Self>>, sender: SocketAddr) -> SocketAddr {
            sender
        }

        pub(crate) fn has_stream(&self) -> bool {
            match *self {}
        }

        pub(crate) fn take_memory(&self) -> Option<RequestMemory> {
            match *self {}
        }

        pub(crate) fn abort(&self) {
            match *self {}
        }
    }
}

pub(crate) mod secure_peer {
    use std::net::SocketAddr;

    use super::linked_peer::LinkedPeer;

    #[derive(Debug)]
    pub(crate) enum SecurePeer {}

    impl SecurePeer {
        pub(crate) fn may_have_link(&self) -> bool {
            match *self {}
        }

        pub(crate) fn is_at(&self, _: &LinkedPeer, _: SocketAddr) -> bool {
            match *self {}
        }

        pub(crate) fn addr(&self) -> SocketAddr {
            match *self {}
        }

        pub(crate) fn source(&self) -> SocketAddr {
            match *self {}
        }
    }
}

pub(crate) mod source {
    use std::net::SocketAddr;

    pub(crate) fn is_link(_: SocketAddr) -> bool {
        false
    }
}
