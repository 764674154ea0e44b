use std::fmt;
use std::sync::Arc;

use crate::links::pump::Source;
use crate::lock::Lock;

/// The stream of a request that has not been sent, with the items that follow the request.
#[derive(Clone, Default)]
pub(crate) struct StreamRequest(Arc<Lock<Option<Source>>>);

impl StreamRequest {
    pub(super) fn with_items(items: Source) -> Self {
        Self(Arc::new(Lock::new(Some(items))))
    }

    pub(super) fn take_items(&self) -> Option<Source> {
        self.0.lock().take()
    }
}

impl fmt::Debug for StreamRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamRequest")
    }
}
