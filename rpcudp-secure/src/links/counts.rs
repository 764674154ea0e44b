use super::event::LinkEnd;

/// Counts of a table since it was made, and its present state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LinkStats {
    /// The links that are up.
    pub up: u64,
    /// The links that wait for the end of their handshake.
    pub handshaking: u64,
    /// The links that came up.
    pub established: u64,
    /// The handshakes that failed.
    pub failed: u64,
    /// The ends of links and of handshakes that failed, by reason.
    pub ends: LinkEnds,
    /// The links that were closed because there were too many.
    pub evicted: u64,
    /// The handshakes that were answered with a Retry, which proves the caller's address.
    pub retried: u64,
    /// The datagrams that were ignored: garbage, and handshakes beyond the limits.
    pub ignored: u64,
    /// The panics of the QUIC or TLS implementation. Each ended all links.
    pub panics: u64,
    /// The memory that is reserved now for frames that arrive and do not fit into a packet, in
    /// bytes.
    pub arriving_bytes: u64,
    /// The memory that frames take now which wait, or are too large for a packet and not
    /// acknowledged by their peers, in bytes.
    pub unsent_bytes: u64,
}

/// The ends of links and of handshakes that failed, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LinkEnds {
    /// Handshakes that got no response in time, and those of peers that did not end them in time.
    pub no_answer: u64,
    /// Links that the peer refused, because it does not allow the own key or has too many links.
    pub refused: u64,
    /// Handshakes of peers with a key that [`LinkOptions::allow`](crate::LinkOptions::allow) does
    /// not allow.
    pub denied: u64,
    /// Handshakes that a peer with another key than the expected one responded to.
    pub wrong_peer: u64,
    /// Handshakes with peers that speak another protocol over QUIC.
    pub incompatible: u64,
    /// Links that were lost: the peer was silent for the idle timeout, has restarted, or broke the
    /// protocol.
    pub lost: u64,
    /// Links and handshakes that one end closed.
    pub closed: u64,
}

impl LinkEnds {
    /// Returns each count with the name of its reason, for metrics and logs.
    ///
    /// ```
    /// use rpcudp_secure::LinkEnds;
    ///
    /// let names = LinkEnds::default().by_reason().map(|(name, _)| name);
    /// assert_eq!(names, ["no_answer", "refused", "denied", "wrong_peer", "incompatible", "lost", "closed"]);
    /// ```
    #[must_use]
    pub fn by_reason(&self) -> [(&'static str, u64); 7] {
        let Self { no_answer, refused, denied, wrong_peer, incompatible, lost, closed } = *self;
        [
            ("no_answer", no_answer),
            ("refused", refused),
            ("denied", denied),
            ("wrong_peer", wrong_peer),
            ("incompatible", incompatible),
            ("lost", lost),
            ("closed", closed),
        ]
    }

    /// Counts an end. `is_denied` if this end has not allowed the peer's key.
    pub(super) fn count(&mut self, end: LinkEnd, is_denied: bool) {
        let count = match end {
            _ if is_denied => &mut self.denied,
            LinkEnd::NoAnswer => &mut self.no_answer,
            LinkEnd::Refused => &mut self.refused,
            LinkEnd::WrongPeer { .. } => &mut self.wrong_peer,
            LinkEnd::Incompatible => &mut self.incompatible,
            LinkEnd::Lost => &mut self.lost,
            LinkEnd::Closed => &mut self.closed,
            // No link ends for these reasons.
            LinkEnd::NotSecure
            | LinkEnd::Dropped
            | LinkEnd::SessionEnded
            | LinkEnd::RequestTooLarge { .. }
            | LinkEnd::ResponseTooLarge { .. } => return,
        };
        *count += 1;
    }
}
