use std::collections::HashMap;

use rpcudp_core::MessageId;
use rpcudp_core::limits::HEADER_LEN;
use rpcudp_secure::FrameId;

use crate::telemetry::progress::Progress;

/// The calls over links that report their progress, by their message ids.
#[derive(Debug, Default)]
pub(super) struct Transfers {
    tracked: HashMap<FrameId, Progress>,
    /// The number of calls at which those that have ended are removed.
    prune_at: usize,
}

impl Transfers {
    /// Calls below which none is removed.
    const KEPT: usize = 64;

    /// The length of a request that fits into a packet in any case. It is sent at once.
    const SMALL_LEN: usize = 1_000;

    pub(super) fn track(&mut self, id: MessageId, progress: Progress) {
        if self.tracked.len() >= self.prune_at {
            self.tracked.retain(|_, progress| !progress.is_ended());
            self.prune_at = Self::KEPT.max(2 * self.tracked.len());
        }
        self.tracked.insert(*id.as_bytes(), progress);
    }

    /// Records a request as sent if it fits into a packet. The links report others.
    pub(super) fn record_small(&self, frame: &[u8]) {
        if !self.tracked.is_empty()
            && frame.len() <= Self::SMALL_LEN
            && let Some([_, id @ ..]) = frame.first_chunk::<HEADER_LEN>()
        {
            self.record_sent(*id, frame.len());
        }
    }

    pub(super) fn record_sent(&self, id: FrameId, sent: usize) {
        if let Some(progress) = self.tracked.get(&id) {
            progress.record_sent(sent);
        }
    }

    pub(super) fn record_received(&self, id: FrameId, received: usize, len: usize) {
        if let Some(progress) = self.tracked.get(&id) {
            progress.record_received(received, len);
        }
    }
}
