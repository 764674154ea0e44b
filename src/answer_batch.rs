use std::net::{IpAddr, SocketAddr};

use rpcudp_transport::Datagram;

use crate::Context;
use crate::outbox::Outbox;

/// Answers that leave together: those to the requests of one batch.
#[derive(Debug, Default)]
pub(crate) struct AnswerBatch {
    bytes: Vec<u8>,
    answers: Vec<Answer>,
}

#[derive(Debug)]
struct Answer {
    destination: SocketAddr,
    source: Option<IpAddr>,
    start: usize,
    end: usize,
}

impl AnswerBatch {
    /// Lets `write` append an answer to the request of `cx`, and shows it; nothing written is no answer.
    pub(crate) fn write<R>(&mut self, cx: &Context, write: impl FnOnce(&mut Vec<u8>) -> R) -> &[u8] {
        let start = self.bytes.len();
        write(&mut self.bytes);
        let end = self.bytes.len();
        if start < end {
            self.answers.push(Answer { destination: cx.sender, source: cx.local, start, end });
        }
        &self.bytes[start..end]
    }

    /// Sends what there is.
    pub(crate) fn flush(&mut self, outbox: &Outbox) {
        for answer in self.answers.drain(..) {
            let Answer { destination, source, start, end } = answer;
            outbox.post_answer(Datagram { destination, source, contents: &self.bytes[start..end] });
        }
        self.bytes.clear();
        // One large answer is no reason to hold its memory for good.
        self.bytes.shrink_to(Self::KEPT_LEN);
    }

    /// How much memory is kept between batches: the answers to a full batch of ordinary requests.
    const KEPT_LEN: usize = 1 << 18;
}
