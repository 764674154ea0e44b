//! Frames that do not fit into a datagram. Each travels on a stream of its own: its length in four
//! bytes, big-endian, and the frame.

use quinn_proto::VarInt;

use super::arrivals::Arrivals;
use super::sending::Sending;

/// The bytes before a frame.
pub(super) const HEADER_LEN: usize = 4;

/// The code of a stream whose frame is not wanted.
pub(super) const STOPPED: VarInt = VarInt::from_u32(1);

/// The large frames of one link, in both directions.
#[derive(Debug, Default)]
pub(super) struct Messages {
    pub(super) sending: Sending,
    pub(super) arrivals: Arrivals,
}
