//! Secure links of [rpcudp](https://docs.rs/rpcudp), without I/O.
//!
//! A peer is identified by an Ed25519 key: [`Identity`] has the private part, [`PeerId`] is the
//! public part. [`Links`] is the table of an endpoint's links. A link is a QUIC connection (RFC
//! 9000) whose both ends have proven their keys in the TLS 1.3 handshake, as raw public keys (RFC
//! 7250). It carries frames: one that fits travels in a QUIC DATAGRAM frame (RFC 9221), which is
//! neither repeated nor ordered; a larger one on a stream of its own.
//!
//! Links share a socket with the plain wire: the first byte of each of their datagrams has
//! [`QUIC_BIT`], which no kind of a plain frame has.
//!
//! The crate has no socket, no runtime and no clock. Time and seeds are arguments. The keys of TLS
//! are drawn from the operating system; they have a fixed length, so that a run in virtual time
//! repeats in all but the contents of its datagrams.
//!
//! Users of rpcudp depend on the crate `rpcudp` with the feature `secure`.

#![cfg_attr(not(test), warn(clippy::unwrap_used))]

mod connection_ids;
mod fixed_bit;
mod identity;
mod key_error;
mod links;
mod options;
mod peer_id;
mod secrets;
mod stream_decoder;
mod tls;

pub use identity::Identity;
pub use key_error::KeyError;
pub use links::{
    AnyPeer, Expected, FrameId, HeldMemory, LinkEnd, LinkEnds, LinkEvent, LinkId, LinkStats, LinkStatus, LinkStream,
    Links, Outgoing, SendError, StreamRead, StreamStopped,
};
pub use options::LinkOptions;
pub use peer_id::PeerId;
pub use stream_decoder::{FrameTooLong, StreamDecoder, StreamFrame};

/// The bit in the first byte of each datagram of a link: the fixed bit of QUIC (RFC 9000, 17). The
/// kinds of the plain wire, `0x00` to `0x06`, `0x81` and `0x84`, do not have it.
pub const QUIC_BIT: u8 = 0x40;
