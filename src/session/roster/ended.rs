use std::collections::{HashMap, VecDeque};

use super::end_reason::EndReason;
use super::session_id::Credential;

/// The sessions that ended last, so that a peer that was away learns the reason, and so that a late
/// duplicate of a request to join does not begin a session again.
#[derive(Debug, Default)]
pub(super) struct EndedSessions {
    reasons: HashMap<u64, (Credential, EndReason)>,
    /// The keys, in the order in which the sessions ended.
    order: VecDeque<u64>,
}

impl EndedSessions {
    /// The number of sessions that are remembered.
    const MAX_COUNT: usize = 4_096;

    pub(super) fn insert(&mut self, credential: Credential, reason: EndReason) {
        if self.reasons.insert(credential.key, (credential, reason)).is_none() {
            self.order.push_back(credential.key);
        }
        if self.order.len() > Self::MAX_COUNT
            && let Some(oldest) = self.order.pop_front()
        {
            self.reasons.remove(&oldest);
        }
    }

    /// Returns the reason for which a session has ended.
    pub(super) fn reason(&self, credential: Credential) -> Option<EndReason> {
        self.reasons.get(&credential.key).filter(|(ended, _)| *ended == credential).map(|(_, reason)| reason.clone())
    }

    /// Returns the session that had this key.
    pub(super) fn of_key(&self, key: u64) -> Option<Credential> {
        self.reasons.get(&key).map(|(credential, _)| *credential)
    }
}
