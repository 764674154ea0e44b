//! Frames that do not fit into a datagram. Each travels on a stream of its own: its length in four
//! bytes, big-endian, and the frame.

use quinn_proto::VarInt;

use super::arrivals::Arrivals;
use super::sending::Sending;

/// The bytes before a frame.
pub(super) const HEADER_LEN: usize = 4;

/// The code of a stream whose frame was read, before the end of the stream has arrived.
pub(super) const TAKEN: VarInt = VarInt::from_u32(0);

/// The code of a stream whose frame is not wanted.
pub(super) const STOPPED: VarInt = VarInt::from_u32(1);

/// The code of a stream that breaks the protocol.
pub(super) const MALFORMED: VarInt = VarInt::from_u32(2);

/// The first code for a frame that is longer than its receiver takes. The length that it takes is
/// added.
const TOO_LARGE: u64 = 1 << 32;

/// Returns the code for a frame that is longer than `limit`.
pub(super) fn too_large(limit: usize) -> VarInt {
    VarInt::from_u64(TOO_LARGE + u64::from(len_of(limit))).expect("it has 33 bits")
}

/// Returns the length that the receiver takes, from its code for a longer frame.
pub(super) fn limit_of(code: VarInt) -> Option<u32> {
    u32::try_from(code.into_inner().checked_sub(TOO_LARGE)?).ok()
}

/// Returns a length as the header of a frame has it. It has no more bits.
pub(super) fn len_of(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// The large frames of one link, in both directions.
#[derive(Debug, Default)]
pub(super) struct Messages {
    pub(super) sending: Sending,
    pub(super) arrivals: Arrivals,
}
