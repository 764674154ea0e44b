//! The contracts of sessions, which docs/wire.md specifies.

use super::join_response::{JoinRefusal, JoinResponse};
use super::keep_response::KeepResponse;
use super::required::Required;
use super::roster::end_reason::EndReason;
use super::roster::session_id::Credential;
use crate::rpc_service;
use crate::server::context::Context;

/// The version of these contracts.
pub(crate) const VERSION: u32 = 1;

/// The methods that an endpoint with sessions serves.
///
/// A duplicate of each request finds the session by its key, so at-least-once is enough, and no
/// response is stored for an address that may be forged.
#[rpc_service(namespace = "rpc.", crate = crate)]
pub(crate) trait Hosting {
    /// Begins a session in a pool, or repeats a request that began it.
    #[rpc(at_least_once)]
    fn join(
        &self,
        cx: &Context,
        version: u32,
        pool: &str,
        key: u64,
        methods: Required<'_>,
        token: Option<u64>,
    ) -> Result<JoinResponse, JoinRefusal>;

    /// Extends the lease. Returns it in milliseconds, and the position in line: 0 for a member.
    /// From another address than before, the request must be repeated with a token.
    #[rpc(at_least_once)]
    fn keep(
        &self,
        cx: &Context,
        session: Credential,
        number: Option<u64>,
        token: Option<u64>,
    ) -> Result<KeepResponse, EndReason>;

    /// Ends a session.
    #[rpc(at_least_once)]
    fn leave(&self, cx: &Context, session: Credential) -> Result<(), EndReason>;
}

/// The methods that an endpoint serves once it has joined another.
#[rpc_service(namespace = "rpc.", crate = crate)]
pub(crate) trait Notices {
    /// Tells a peer in line that it is a member now.
    #[rpc(oneway)]
    fn joined(&self, cx: &Context, session: Credential);

    /// Tells a peer that its session has ended.
    #[rpc(oneway)]
    fn ended(&self, cx: &Context, session: Credential, reason: EndReason);
}
