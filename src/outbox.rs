use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use rpcudp_core::{Counter, Counters, DropReason, MessageId};
use rpcudp_transport::{Datagram, Transport};

/// The way out: a datagram leaves at once if the socket takes it, and waits here if it does not.
#[derive(Debug)]
pub(crate) struct Outbox {
    /// The driver owns it, so that the address is free when the driver has ended, whoever still has a handle.
    transport: Weak<dyn Transport>,
    counters: Arc<Counters>,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    letters: VecDeque<Letter>,
    bytes: usize,
}

/// A datagram that waits for the socket.
#[derive(Debug)]
pub(crate) struct Letter {
    pub(crate) destination: SocketAddr,
    pub(crate) source: Option<IpAddr>,
    pub(crate) contents: Vec<u8>,
    /// The call that it is the request of; none for an answer.
    pub(crate) call: Option<MessageId>,
}

/// Where a datagram went that was to be sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Posted {
    /// To the network.
    Sent,
    /// Into the queue: the driver has to be woken.
    Queued,
}

impl Outbox {
    /// How many bytes may wait: what a socket's send buffer takes by default, once more.
    const MAX_QUEUED_LEN: usize = 4 << 20;

    pub(crate) fn new(transport: Weak<dyn Transport>, counters: Arc<Counters>) -> Self {
        Self { transport, counters, queue: Mutex::default() }
    }

    /// Sends a datagram now, or queues a copy of it.
    ///
    /// # Errors
    ///
    /// What the socket says against it, `NotConnected` where there is no socket any more, and `WouldBlock` where the
    /// queue is full.
    pub(crate) fn post(&self, datagram: Datagram<'_>, call: Option<MessageId>) -> io::Result<Posted> {
        let transport = self.transport.upgrade().ok_or(io::ErrorKind::NotConnected)?;
        match transport.try_send(datagram) {
            Ok(()) => {
                self.counters.add(Counter::DatagramsSent, 1);
                Ok(Posted::Sent)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let Datagram { destination, source, contents } = datagram;
                self.enqueue(Letter { destination, source, contents: contents.to_vec(), call })?;
                Ok(Posted::Queued)
            }
            Err(error) => Err(error),
        }
    }

    /// Sends an answer now, or queues it; one that can be neither is dropped and counted.
    pub(crate) fn post_answer(&self, datagram: Datagram<'_>) -> Posted {
        self.post(datagram, None).unwrap_or_else(|error| {
            self.counters.dropped(match error.kind() {
                io::ErrorKind::WouldBlock => DropReason::SendQueueFull,
                _ => DropReason::SendFailed,
            });
            Posted::Sent
        })
    }

    /// Takes what has waited longest.
    pub(crate) fn next(&self) -> Option<Letter> {
        let mut queue = self.lock();
        let letter = queue.letters.pop_front()?;
        queue.bytes -= letter.contents.len();
        Some(letter)
    }

    /// Puts back what could not be sent after all.
    pub(crate) fn put_back(&self, letter: Letter) {
        let mut queue = self.lock();
        queue.bytes += letter.contents.len();
        queue.letters.push_front(letter);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lock().letters.is_empty()
    }

    fn enqueue(&self, letter: Letter) -> io::Result<()> {
        let mut queue = self.lock();
        if queue.bytes + letter.contents.len() > Self::MAX_QUEUED_LEN {
            return Err(io::Error::new(io::ErrorKind::WouldBlock, "the socket and the queue before it are full"));
        }
        queue.bytes += letter.contents.len();
        queue.letters.push_back(letter);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // No code of a user's runs while it is held.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
