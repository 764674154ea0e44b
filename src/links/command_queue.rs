use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rpcudp_core::MessageId;

use super::command::Command;
use super::commands::Commands;
use super::secure_peer::SecurePeer;
use crate::lock::Lock;
use crate::wake_flag::WakeFlag;

/// The queue of commands to the driver that owns the links.
#[derive(Debug)]
// As for the table of calls: away from data that other threads read.
#[repr(align(128))]
pub(crate) struct CommandQueue {
    queue: Lock<Queue>,
    /// The bytes of the queued commands, a copy that is read without the lock.
    len: AtomicUsize,
    driver: Arc<WakeFlag>,
}

#[derive(Debug, Default)]
struct Queue {
    commands: Commands,
    /// Whether the driver takes the commands without being woken.
    is_awaited: bool,
    /// Whether the driver that owned the links has ended.
    is_closed: bool,
}

/// The queue to the driver is full, or the driver has ended. The frame counts as lost.
#[derive(Debug)]
pub(crate) struct QueueFull;

impl CommandQueue {
    /// Bytes that may be queued, as for a plain send queue.
    const MAX_LEN: usize = 256 << 20;

    pub(super) fn new(driver: &Arc<WakeFlag>) -> Self {
        Self { queue: Lock::default(), len: AtomicUsize::new(0), driver: Arc::clone(driver) }
    }

    /// Queues a command, and wakes the driver if it does not look by itself.
    ///
    /// # Errors
    ///
    /// If the queue is full.
    pub(super) fn push(&self, command: Command) -> Result<(), QueueFull> {
        // A command that is not taken is dropped after the lock, because that may end a stream.
        let mut command = Some(command);
        let len = command.as_ref().map_or(0, Command::len);
        self.push_with(len, |commands| commands.extend(command.take()))
    }

    /// Queues a request, and wakes the driver if it does not look by itself.
    ///
    /// # Errors
    ///
    /// If the queue is full.
    pub(super) fn push_call(
        &self,
        peer: &Arc<SecurePeer>,
        frame: &[u8],
        call: Option<MessageId>,
    ) -> Result<(), QueueFull> {
        if frame.len() > Commands::MAX_SHARED_LEN {
            return self.push(Command::Call { peer: Arc::clone(peer), frame: frame.to_vec(), call });
        }
        self.push_with(frame.len(), |commands| commands.push_call(peer, frame, call))
    }

    fn push_with(&self, len: usize, push: impl FnOnce(&mut Commands)) -> Result<(), QueueFull> {
        let mut queue = self.queue.lock();
        if queue.is_closed || queue.commands.len() + len > Self::MAX_LEN {
            return Err(QueueFull);
        }
        let wakes_driver = queue.commands.len() == 0 && !queue.is_awaited;
        push(&mut queue.commands);
        self.len.store(queue.commands.len(), Ordering::Release);
        drop(queue);
        if wakes_driver {
            self.driver.set();
        }
        Ok(())
    }

    /// Announces whether the driver will take the commands of the tasks that it is about to wake,
    /// so that none of them wakes it.
    pub(crate) fn set_awaited(&self, is_awaited: bool) {
        self.queue.lock().is_awaited = is_awaited;
    }

    /// Exchanges the queued commands for others, of which there are none.
    pub(crate) fn take(&self, commands: &mut Commands) {
        let mut queue = self.queue.lock();
        self.len.store(0, Ordering::Release);
        mem::swap(&mut queue.commands, commands);
    }

    /// Returns the bytes of the queued commands.
    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Acquire)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes no more commands, because the driver ends. Drops those that are queued: they hold
    /// streams and the endpoint.
    pub(crate) fn close(&self) {
        let mut queue = self.queue.lock();
        queue.is_closed = true;
        let commands = mem::take(&mut queue.commands);
        self.len.store(0, Ordering::Release);
        drop(queue);
        commands.end();
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    fn push(queue: &CommandQueue) {
        queue.push(Command::List(oneshot::channel().0)).unwrap();
    }

    fn take(queue: &CommandQueue) -> usize {
        let mut commands = Commands::default();
        queue.take(&mut commands);
        commands.batch().0.count()
    }

    #[test]
    fn the_first_command_wakes_the_driver_unless_it_awaits_commands() {
        let driver = Arc::new(WakeFlag::default());
        let queue = CommandQueue::new(&driver);
        push(&queue);
        assert!(driver.take() && !queue.is_empty());
        push(&queue);
        assert!(!driver.take(), "it is woken already");
        assert!(take(&queue) == 2 && queue.is_empty());
        queue.set_awaited(true);
        for _ in 0..2 {
            push(&queue);
            assert!(!driver.take(), "the driver looks by itself");
            assert_eq!(take(&queue), 1);
        }
        queue.set_awaited(false);
        push(&queue);
        assert!(driver.take());
    }
}
