//! A record of the requests that ran.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use rpcudp::{Context, MessageId};

/// The number of times that each request ran. A clone shares the counts.
#[derive(Clone, Default)]
pub(crate) struct Runs(Arc<Mutex<BTreeMap<MessageId, u64>>>);

impl Runs {
    /// Counts a run of a request, and returns how often that request has run.
    pub(crate) fn record(&self, cx: &Context) -> u64 {
        let mut runs = self.0.lock().unwrap();
        let count = runs.entry(cx.message_id()).or_default();
        *count += 1;
        *count
    }

    /// Returns the number of runs of each request, ordered by message id.
    pub(crate) fn counts(&self) -> Vec<u64> {
        self.0.lock().unwrap().values().copied().collect()
    }
}
