use std::fmt;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::link_counts::LinkFigures;
use super::links;
use super::target::LOOKUP_TIME;

/// A kind of flood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
pub(super) enum Kind {
    /// Invalid datagrams from eight addresses of loopback
    Garbage,
    /// Valid requests from 100,000 forged addresses
    Forged,
    /// Valid requests to a slow async method, ten times as many as can run, from eight addresses of
    /// loopback
    Lookups,
    /// Requests to join from 100,000 forged addresses. The validated callers are members
    Joins,
    /// First datagrams of handshakes from 100,000 forged addresses. The validated callers call over
    /// links
    Handshakes,
    /// Whole handshakes from 64 addresses of loopback. The validated callers call over links
    RealHandshakes,
    /// Datagrams that look like those of links, from eight addresses of loopback. The validated
    /// callers call over links
    LinkGarbage,
}

/// The number of addresses that requests are forged from.
pub(super) const VICTIM_COUNT: u32 = 100_000;

/// The maximum number of async handlers that run at once: the default of an endpoint.
pub(super) const MAX_HANDLERS: u32 = 1_024;

/// The factor by which the lookups of the flood exceed those that can run.
const OVERLOAD: u32 = 10;

impl Kind {
    /// Whether the datagrams are added in the transport of the endpoint.
    pub(super) fn is_forged(self) -> bool {
        matches!(self, Self::Forged | Self::Joins | Self::Handshakes)
    }

    /// Whether the endpoint has links, over which the validated callers call.
    pub(super) fn has_links(self) -> bool {
        matches!(self, Self::Handshakes | Self::RealHandshakes | Self::LinkGarbage)
    }

    /// Whether the bench was built for this flood.
    pub(super) fn is_available(self) -> bool {
        !self.has_links() || links::ARE_AVAILABLE
    }

    /// Returns the default rate in datagrams per second. `None` for as many as a thread can send.
    pub(super) fn default_rate(self) -> Option<u32> {
        match self {
            // About the maximum that a thread can send through the kernel, and low enough that as
            // many reach another socket as reach the endpoint.
            Self::Garbage | Self::LinkGarbage => Some(400_000),
            // The default limit of all unvalidated sources together, and more than a thread could
            // send through the kernel.
            Self::Forged => Some(500_000),
            Self::Lookups => Some(OVERLOAD * (f64::from(MAX_HANDLERS) / LOOKUP_TIME.as_secs_f64()) as u32),
            Self::Joins | Self::Handshakes => Some(100_000),
            Self::RealHandshakes => None,
        }
    }

    /// Returns whether the handshakes under way were within the documented limits, and the
    /// responses to them at most three times as long as what came.
    pub(super) fn allows(self, figures: &LinkFigures) -> bool {
        let limit = if self == Self::RealHandshakes { 256 } else { 32 };
        figures.handshaking <= limit && (self != Self::Handshakes || figures.amplification <= 3.0)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value().expect("no kind is hidden");
        f.pad(value.get_name())
    }
}
