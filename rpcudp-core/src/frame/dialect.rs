use super::trailer::CHECKED_BIT;
use crate::DropReason;

/// The network that an endpoint belongs to. The two differ in the first byte of a datagram, the
/// kind.
///
/// ```
/// use rpcudp::{Dialect, Endpoint};
///
/// assert_eq!(Dialect::default(), Dialect::Rpcudp);
/// let storj = Endpoint::builder().dialect(Dialect::Storj);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// Python's `rpcudp`: request `0x00`, response `0x01`, and this crate's failure frame `0x04`,
    /// cancel frame `0x05` and running frame `0x06`.
    #[default]
    Rpcudp,
    /// Python's `storjrpcudp`: request `0x02`, response `0x03`. It has neither failure, cancel nor
    /// running frames: its peers send no response if they refuse a request.
    Storj,
}

impl Dialect {
    /// Whether peers of this dialect send failure frames.
    #[must_use]
    pub const fn has_failures(self) -> bool {
        matches!(self, Self::Rpcudp)
    }

    /// Whether peers of this dialect send running frames.
    #[must_use]
    pub const fn has_running_frames(self) -> bool {
        matches!(self, Self::Rpcudp)
    }

    /// Whether peers of this dialect send cancel frames.
    #[must_use]
    pub const fn has_cancel_frames(self) -> bool {
        matches!(self, Self::Rpcudp)
    }

    /// Returns the kind that the first byte of a datagram stands for.
    pub(super) fn kind(self, byte: u8) -> Result<Kind, DropReason> {
        match (self, byte) {
            (Self::Rpcudp, 0) | (Self::Storj, 2) => Ok(Kind::Request),
            (Self::Rpcudp, 1 | CHECKED_RESPONSE_BYTE) | (Self::Storj, 3) => Ok(Kind::Response),
            (Self::Rpcudp, FAILURE_BYTE | CHECKED_FAILURE_BYTE) => Ok(Kind::Failure),
            (Self::Rpcudp, CANCEL_BYTE) => Ok(Kind::Cancel),
            (Self::Rpcudp, RUNNING_BYTE) => Ok(Kind::Running),
            (_, 0..=RUNNING_BYTE | CHECKED_RESPONSE_BYTE | CHECKED_FAILURE_BYTE) => Err(DropReason::OtherDialect),
            _ => Err(DropReason::UnknownKind),
        }
    }

    pub(super) const fn request_byte(self) -> u8 {
        match self {
            Self::Rpcudp => 0,
            Self::Storj => 2,
        }
    }

    pub(super) const fn response_byte(self) -> u8 {
        match self {
            Self::Rpcudp => 1,
            Self::Storj => 3,
        }
    }
}

/// The kind byte of the failure frame, which only [`Dialect::Rpcudp`] has.
pub(super) const FAILURE_BYTE: u8 = 4;

/// The kind byte of the cancel frame, which only [`Dialect::Rpcudp`] has.
pub(super) const CANCEL_BYTE: u8 = 5;

/// The kind byte of the running frame, which only [`Dialect::Rpcudp`] has.
pub(super) const RUNNING_BYTE: u8 = 6;

/// The kind bytes of checked responses, which only [`Dialect::Rpcudp`] has.
const CHECKED_RESPONSE_BYTE: u8 = Dialect::Rpcudp.response_byte() | CHECKED_BIT;
const CHECKED_FAILURE_BYTE: u8 = FAILURE_BYTE | CHECKED_BIT;

/// The kind of a datagram.
pub(super) enum Kind {
    Request,
    Response,
    Failure,
    Cancel,
    Running,
}
