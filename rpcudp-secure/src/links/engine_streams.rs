use std::time::Instant;

use quinn_proto::{Connection, ConnectionHandle};

use super::config::Config;
use super::engine::Engine;
use super::event::{LinkEvent, LinkId, LinkStream};
use super::link::{Link, Stage};
use super::streams::Streams;

/// The bidirectional streams of links.
impl Engine {
    /// Opens a stream, or returns `None` if the link has ended.
    pub(super) fn open_stream(&mut self, now: Instant, link: LinkId) -> Option<LinkStream> {
        let is_up = matches!(self.link(link)?.stage, Stage::Up(_));
        let first = LinkStream::first_of(link);
        let number = self.with_stream(now, first, |streams, connection, _| streams.open(connection, is_up))?;
        Some(LinkStream { link, number })
    }

    /// Runs code with a stream of a link that has not ended.
    pub(super) fn with_stream<T>(
        &mut self,
        now: Instant,
        LinkStream { link: id, number }: LinkStream,
        code: impl FnOnce(&mut Streams, &mut Connection, u64) -> T,
    ) -> Option<T> {
        self.link(id).filter(|link| link.stage != Stage::Ended)?;
        let mut link = self.take(ConnectionHandle(id.slot as usize))?;
        let result = code(&mut link.streams, &mut link.connection, number);
        link.last_used = now;
        self.work(link, now);
        Some(result)
    }

    /// Returns whether the last bytes of streams that peers have opened are not acknowledged.
    pub(super) fn has_finishing_streams(&self) -> bool {
        self.links.iter().flatten().any(|link| link.streams.is_finishing())
    }

    /// Widens the receive window of a link whose streams are read slowly, so that the rest of its
    /// traffic goes on. All links together have as much for that as for large frames.
    pub(super) fn widen_window(&mut self, link: &mut Link) {
        let added = link.streams.missing_windows().min(self.spare_windows);
        if added > 0 {
            self.spare_windows -= added;
            link.streams.add_windows(&mut link.connection, added, Config::RECEIVE_WINDOW);
            Self::queue(&mut self.queue, link);
        }
    }

    /// Reports streams that may have work.
    pub(super) fn report_streams(&mut self, link: &Link, numbers: Vec<u64>) {
        let stream = |number| LinkEvent::Stream { stream: LinkStream { link: link.id, number } };
        self.events.extend(numbers.into_iter().map(stream));
    }
}
