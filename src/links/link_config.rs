use std::fmt;
use std::sync::Arc;

use rpcudp_secure::{Identity, LinkOptions, PeerId};

use super::plain::Plain;

/// A function that decides which keys may open a link.
type Allow = Arc<dyn Fn(PeerId) -> bool + Send + Sync>;

/// The settings of an endpoint's links, from its builder.
#[derive(Clone, Default)]
pub(crate) struct LinkConfig {
    /// The key of the endpoint. Without one it has no links.
    pub(crate) identity: Option<Identity>,
    pub(crate) options: LinkOptions,
    /// The keys that may open a link, if the builder sets them.
    pub(crate) allow: Option<Allow>,
    pub(crate) plain: Plain,
}

impl LinkConfig {
    /// Returns whether requests over the plain wire are dropped.
    pub(crate) fn refuses_plain_requests(&self) -> bool {
        self.plain != Plain::On
    }

    /// Returns whether calls over the plain wire end before they are sent.
    pub(crate) fn refuses_plain_calls(&self) -> bool {
        self.plain == Plain::Off
    }

    /// Returns the options of the links.
    pub(super) fn options(&self) -> LinkOptions {
        let options = self.options.clone();
        match self.allow.clone() {
            Some(allow) => options.allow(move |peer| allow(peer)),
            None => options,
        }
    }
}

impl fmt::Debug for LinkConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkConfig")
            .field("identity", &self.identity)
            .field("options", &self.options)
            .field("plain", &self.plain)
            .finish_non_exhaustive()
    }
}
