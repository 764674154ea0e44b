use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;

use super::backend::Storage;
use super::record::Change;

/// Writes what is queued in a thread that may block, as much at a time as there is: the disk is waited for once for all
/// of it.
#[derive(Debug)]
pub(super) struct WriteQueue {
    pub(super) jobs: mpsc::Sender<WriteJob>,
}

#[derive(Debug)]
pub(super) struct WriteJob {
    pub(super) changes: Vec<Change>,
    /// Who waits for it, if somebody does.
    pub(super) on_written: Option<oneshot::Sender<bool>>,
}

impl WriteQueue {
    /// How many jobs may wait: with values of 8 KiB, 8 MiB. What comes on top is refused.
    const MAX_QUEUED: usize = 1_024;

    pub(super) fn start(storage: Arc<dyn Storage>) -> Self {
        let (jobs, mut waiting) = mpsc::channel::<WriteJob>(Self::MAX_QUEUED);
        tokio::spawn(async move {
            let mut batch = Vec::new();
            while waiting.recv_many(&mut batch, Self::MAX_QUEUED).await > 0 {
                let (changes, on_written): (Vec<_>, Vec<_>) =
                    batch.drain(..).map(|job| (job.changes, job.on_written)).unzip();
                let storage = Arc::clone(&storage);
                let write = move || storage.write(changes.into_iter().flatten().collect()).is_ok();
                // It does not return where the storage panics, or the runtime shuts down.
                let is_written = spawn_blocking(write).await.unwrap_or(false);
                for on_written in on_written.into_iter().flatten() {
                    // Nobody may be waiting any more.
                    let _ = on_written.send(is_written);
                }
            }
        });
        Self { jobs }
    }
}
