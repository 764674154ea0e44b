use std::fmt;

use super::end_reason::EndReason;
use super::member::{Data, Member};

/// The program's hooks of a pool.
#[derive(Default)]
pub(crate) struct Hooks {
    /// Makes the data of a new member, or refuses it with a text.
    pub(crate) on_join: Option<Box<OnJoin>>,
    pub(crate) on_end: Option<Box<OnEnd>>,
}

pub(crate) type OnJoin = dyn Fn(&Member) -> Result<Data, String> + Send + Sync;
pub(crate) type OnEnd = dyn Fn(&Member, &EndReason) + Send + Sync;

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks").finish_non_exhaustive()
    }
}
