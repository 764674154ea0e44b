use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;

use super::backend::Storage;
use super::record::Change;

/// A queue of writes to a storage whose writes block.
///
/// A task takes all queued jobs at once and writes them on a blocking thread, so that they share
/// one wait for the disk.
#[derive(Debug)]
pub(super) struct WriteQueue {
    pub(super) jobs: mpsc::Sender<WriteJob>,
}

#[derive(Debug)]
pub(super) struct WriteJob {
    pub(super) changes: Vec<Change>,
    /// Receives whether the changes were written.
    pub(super) on_written: Option<oneshot::Sender<bool>>,
}

impl WriteQueue {
    /// The number of queued jobs: 8 MiB with values of 8 KiB. Further jobs are refused.
    const MAX_QUEUED: usize = 1_024;

    pub(super) fn start(storage: Arc<dyn Storage>) -> Self {
        let (jobs, mut queued) = mpsc::channel::<WriteJob>(Self::MAX_QUEUED);
        tokio::spawn(async move {
            let mut batch = Vec::new();
            while queued.recv_many(&mut batch, Self::MAX_QUEUED).await > 0 {
                let (changes, on_written): (Vec<_>, Vec<_>) =
                    batch.drain(..).map(|job| (job.changes, job.on_written)).unzip();
                let storage = Arc::clone(&storage);
                let write = move || storage.write(changes.into_iter().flatten().collect()).is_ok();
                // An error means that the storage panicked or that the runtime shuts down.
                let is_written = spawn_blocking(write).await.unwrap_or(false);
                for on_written in on_written.into_iter().flatten() {
                    // The receiver may have been dropped.
                    let _ = on_written.send(is_written);
                }
            }
        });
        Self { jobs }
    }
}
