use std::fmt;
use std::ops::Deref;

use super::context::Context;
use crate::PeerId;

/// The [`Context`] of a request over a link, whose sender has proven a key.
///
/// A method with a parameter `cx: &SecureContext` is `secure`: a request over the plain wire does
/// not reach it. So "who is it?" compiles only where there is an answer.
///
/// ```
/// use rpcudp::{SecureContext, rpc_service};
///
/// #[rpc_service]
/// trait Notes {
///     fn mine(&self, cx: &SecureContext) -> String;
/// }
///
/// struct Files;
///
/// impl Notes for Files {
///     fn mine(&self, cx: &SecureContext) -> String {
///         format!("the notes of {}", cx.peer_id())
///     }
/// }
///
/// assert!(NotesClient::CONTRACT.methods[0].is_secure);
/// ```
#[derive(Clone)]
pub struct SecureContext {
    context: Context,
    peer_id: PeerId,
}

impl SecureContext {
    /// Returns the key that the sender has proven.
    #[must_use]
    pub fn peer_id(&self) -> PeerId {
        self.peer_id
    }
}

impl Deref for SecureContext {
    type Target = Context;

    fn deref(&self) -> &Context {
        &self.context
    }
}

impl fmt::Debug for SecureContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.context.fmt(f)
    }
}

/// Returns the context of a request that came over a link.
///
/// # Panics
///
/// Panics if it did not. The server refuses such a request before this.
#[doc(hidden)]
#[must_use]
pub fn secure_context(context: &Context) -> SecureContext {
    let peer_id = context.peer_id().expect("a request of a secure method comes over a link");
    SecureContext { context: context.clone(), peer_id }
}
