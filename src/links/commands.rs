use std::collections::{VecDeque, vec_deque};
use std::sync::Arc;

use rpcudp_core::MessageId;

use super::command::Command;
use super::secure_peer::SecurePeer;

/// Commands in their order. Short requests share memory, and those that follow each other to a peer
/// are one command.
#[derive(Debug, Default)]
pub(crate) struct Commands {
    queue: VecDeque<Command>,
    /// The requests of the commands [`Command::Calls`].
    calls: VecDeque<ShortCall>,
    /// The frames of these requests.
    frames: Vec<u8>,
    /// The memory of all commands, in bytes.
    len: usize,
}

/// A request of which the frame is among others.
#[derive(Debug)]
struct ShortCall {
    /// The key of the call, if a response is expected.
    call: Option<MessageId>,
    frame_len: usize,
}

/// The short requests of a batch of commands that have not been sent.
#[derive(Debug)]
pub(crate) struct ShortCalls<'a> {
    calls: vec_deque::Drain<'a, ShortCall>,
    frames: &'a [u8],
}

impl Commands {
    /// The length of the longest request that is copied among others.
    pub(super) const MAX_SHARED_LEN: usize = 1_024;

    /// Memory that is kept for the next requests, in bytes, and the same in commands.
    const KEPT_LEN: usize = 128 << 10;
    const KEPT_COUNT: usize = 4_096;

    /// Adds a request of at most [`MAX_SHARED_LEN`](Self::MAX_SHARED_LEN) bytes.
    pub(super) fn push_call(&mut self, peer: &Arc<SecurePeer>, frame: &[u8], call: Option<MessageId>) {
        match self.queue.back_mut() {
            Some(Command::Calls { peer: known, count }) if Arc::ptr_eq(known, peer) => *count += 1,
            _ => self.extend(Some(Command::Calls { peer: Arc::clone(peer), count: 1 })),
        }
        self.calls.push_back(ShortCall { call, frame_len: frame.len() });
        self.frames.extend_from_slice(frame);
        self.len += size_of::<ShortCall>() + frame.len();
    }

    /// Returns the memory that the commands take, in bytes.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Removes all commands, and returns them with the requests of [`Command::Calls`].
    pub(crate) fn batch(&mut self) -> (vec_deque::Drain<'_, Command>, ShortCalls<'_>) {
        self.len = 0;
        (self.queue.drain(..), ShortCalls { calls: self.calls.drain(..), frames: &self.frames })
    }

    /// Releases the memory of the last batch, except for as much as most batches need.
    pub(crate) fn clear(&mut self) {
        self.frames.clear();
        self.frames.shrink_to(Self::KEPT_LEN);
        self.calls.shrink_to(Self::KEPT_COUNT);
        self.queue.shrink_to(Self::KEPT_COUNT);
    }

    /// Drops the commands, because no driver is left to execute them.
    pub(crate) fn end(self) {
        self.queue.into_iter().for_each(Command::end);
    }
}

impl Extend<Command> for Commands {
    fn extend<T: IntoIterator<Item = Command>>(&mut self, commands: T) {
        for command in commands {
            self.len += command.len();
            self.queue.push_back(command);
        }
    }
}

impl<'a> Iterator for ShortCalls<'a> {
    type Item = (&'a [u8], Option<MessageId>);

    fn next(&mut self) -> Option<Self::Item> {
        let ShortCall { call, frame_len } = self.calls.next()?;
        let (frame, rest) = self.frames.split_at(frame_len);
        self.frames = rest;
        Some((frame, call))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::links::secure_peer::Route;

    #[test]
    fn requests_to_one_peer_are_one_command() {
        let peer = |port| {
            let addr = ([10, 0, 0, 1], port).into();
            Arc::new(SecurePeer::new(addr, addr, Route::Plain))
        };
        let (one, other) = (peer(1), peer(2));
        let call = |number| Some(MessageId::from_bytes([number; 20]));
        let mut commands = Commands::default();
        for round in 0..2 {
            commands.push_call(&one, b"first", call(1));
            commands.push_call(&one, b"", None);
            commands.push_call(&other, b"third", call(3));
            commands.extend([Command::Call { peer: Arc::clone(&one), frame: b"long".to_vec(), call: None }]);
            commands.push_call(&one, b"last", call(4));
            assert!(commands.len() > 5 * size_of::<Command>(), "round {round}");
            let (mut batch, mut calls) = commands.batch();
            let mut counts = Vec::new();
            let mut sent = Vec::new();
            for command in &mut batch {
                match command {
                    Command::Calls { peer, count } => {
                        counts.push((peer.addr().port(), count));
                        sent.extend(calls.by_ref().take(count));
                    }
                    _ => counts.push((0, 0)),
                }
            }
            assert_eq!(counts, [(1, 2), (2, 1), (0, 0), (1, 1)]);
            let expected: [(&[u8], _); 4] = [(b"first", call(1)), (b"", None), (b"third", call(3)), (b"last", call(4))];
            assert_eq!(sent, expected);
            drop((batch, calls));
            commands.clear();
            assert_eq!(commands.len(), 0);
        }
    }
}
