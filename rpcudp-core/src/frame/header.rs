use super::dialect::{Dialect, Kind};
use super::message_id::MessageId;
use super::trailer::{CHECKED_BIT, Trailer};
use crate::DropReason;
use crate::limits::{HEADER_LEN, MIN_DATAGRAM_LEN};
use crate::msgpack::{self, Fault};

/// The header of a datagram, and the bytes after it.
pub(super) struct Header<'a> {
    kind_byte: u8,
    pub(super) kind: Kind,
    pub(super) id: MessageId,
    /// The body and the bytes after it.
    pub(super) rest: &'a [u8],
}

impl<'a> Header<'a> {
    #[inline]
    pub(super) fn read(datagram: &'a [u8], dialect: Dialect) -> Result<Self, DropReason> {
        if datagram.len() < MIN_DATAGRAM_LEN {
            return Err(DropReason::TooShort);
        }
        let (header, rest) = datagram.split_first_chunk::<HEADER_LEN>().ok_or(DropReason::TooShort)?;
        let [kind_byte, id @ ..] = *header;
        Ok(Self { kind_byte, kind: dialect.kind(kind_byte)?, id: MessageId::from_bytes(id), rest })
    }

    /// Splits the body of a response from its trailer, and checks the checksum if the kind byte
    /// requires one.
    #[inline]
    pub(super) fn split_response(&self) -> Result<(&'a [u8], Trailer), DropReason> {
        let (body, after) = self.rest.split_at(msgpack::checked_len(self.rest).map_err(drop_reason)?);
        let trailer = Trailer::read(after);
        if self.kind_byte & CHECKED_BIT != 0 && !trailer.has_valid_checksum(&self.id, self.rest, body.len()) {
            return Err(DropReason::BadChecksum);
        }
        Ok((body, trailer))
    }

    /// Returns the reason to drop a request whose body cannot be decoded.
    #[cold]
    pub(super) fn fault_of_request(&self) -> DropReason {
        msgpack::checked_len(self.rest).map_or_else(drop_reason, |_| DropReason::WrongShape)
    }
}

fn drop_reason(fault: Fault) -> DropReason {
    match fault {
        Fault::Invalid => DropReason::InvalidMsgpack,
        Fault::TooDeep => DropReason::TooDeep,
    }
}
