use std::time::Duration;

use rpcudp::rpc_service;
use tokio::time::sleep;

/// The service under attack.
#[rpc_service]
pub(super) trait Target {
    /// Returns its argument. Calls are retransmitted, because their datagrams share the kernel's
    /// buffer with the flood.
    #[rpc(at_least_once)]
    fn echo(&self, bytes: &[u8]) -> Vec<u8>;
    /// Returns its argument after [`LOOKUP_TIME`].
    #[rpc(at_least_once)]
    async fn lookup(&self, bytes: Vec<u8>) -> Vec<u8>;
    /// Returns its argument after [`HANG_TIME`].
    async fn hang(&self, bytes: Vec<u8>) -> Vec<u8>;
    /// Returns `len` bytes: a large response to a small request, as a reflection attack needs it.
    fn expand(&self, len: u32) -> Vec<u8>;
}

/// The part of the service that is for members.
#[rpc_service]
pub(super) trait MemberTarget {
    /// Returns its argument.
    #[rpc(session, at_least_once)]
    fn echo_of_member(&self, bytes: &[u8]) -> Vec<u8>;
}

/// The duration of a lookup. It sleeps rather than computes, because it should exhaust the handlers
/// and not the processor.
pub(super) const LOOKUP_TIME: Duration = Duration::from_millis(100);

/// The duration of a call that a greedy source makes to keep handlers: as long as they may run.
const HANG_TIME: Duration = Duration::from_secs(60);

/// The implementation of the service.
#[derive(Debug)]
pub(super) struct TargetService;

impl Target for TargetService {
    fn echo(&self, bytes: &[u8]) -> Vec<u8> {
        bytes.into()
    }

    async fn lookup(&self, bytes: Vec<u8>) -> Vec<u8> {
        sleep(LOOKUP_TIME).await;
        bytes
    }

    async fn hang(&self, bytes: Vec<u8>) -> Vec<u8> {
        sleep(HANG_TIME).await;
        bytes
    }

    fn expand(&self, len: u32) -> Vec<u8> {
        vec![0xab; len as usize]
    }
}

impl MemberTarget for TargetService {
    fn echo_of_member(&self, bytes: &[u8]) -> Vec<u8> {
        bytes.into()
    }
}
