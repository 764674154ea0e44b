//! Bytes in serde's buffer.
//!
//! serde buffers the values of untagged and internally tagged enums and of flattened structs before
//! it knows their types, and each type later takes the value from the buffer:
//!
//! - `Vec<u8>` and `[u8; N]` accept a sequence of integers and refuse bytes.
//! - `&[u8]` and types that adapt to the value, such as [`Value`](crate::value::Value), need bytes.
//!   From a sequence, the latter become a list.
//! - The types of `serde_bytes` accept both.
//! - `Vec<u32>` and other sequences of numbers accept the sequence, although it is not theirs.
//! - `String` accepts bytes that are UTF-8, although it must not.
//!
//! No form of the buffered value suits all of them. So a value is decoded with bytes in the buffer
//! first. Bytes that a `String` would accept are masked: replaced by as many bytes that are not
//! UTF-8. Then
//!
//! - if the value decodes and no bytes were masked, it is the result;
//! - if it decodes and no type refused masked bytes for their content, it is decoded again with the
//!   bytes themselves;
//! - otherwise, and if that fails, it is decoded again with sequences.
//!
//! So a value with bytes in the buffer is decoded at most three times. Other values are decoded
//! once, and pay for one comparison.

use std::cell::Cell;

/// The bytes that stand for bytes of UTF-8. 0xff occurs nowhere in UTF-8. As long as the largest
/// datagram.
static MASK: [u8; 1 << 16] = [0xff; 1 << 16];

thread_local! {
    /// Whether a type has refused masked bytes for their content, as a `String` does.
    ///
    /// An untagged enum discards the errors of its variants, and the constructors of errors have no
    /// other place for a note.
    static MASK_REFUSED: Cell<bool> = const { Cell::new(false) };
}

/// The form in which serde's buffer receives bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BufferedBytes {
    /// As bytes. None were buffered yet.
    NoneYet,
    /// As bytes. Some were buffered, none of them masked.
    Plain,
    /// As bytes. Some of them were masked.
    Masked,
    /// As bytes, without masks.
    Unmasked,
    /// As sequences.
    Sequences,
}

impl BufferedBytes {
    /// Returns the bytes to buffer, or `None` to buffer a sequence.
    pub(super) fn form<'de>(&mut self, bytes: &'de [u8]) -> Option<&'de [u8]> {
        match *self {
            Self::Unmasked => Some(bytes),
            Self::Sequences => None,
            Self::NoneYet | Self::Plain | Self::Masked if str::from_utf8(bytes).is_err() => {
                if *self == Self::NoneYet {
                    *self = Self::Plain;
                }
                Some(bytes)
            }
            Self::NoneYet | Self::Plain | Self::Masked => {
                if *self != Self::Masked {
                    *self = Self::Masked;
                    MASK_REFUSED.set(false);
                }
                // A mask is not empty, because no bytes at all are UTF-8.
                let mask = MASK.get(..bytes.len().max(1));
                if mask.is_none() {
                    // Longer than a datagram: sequences for all.
                    MASK_REFUSED.set(true);
                }
                mask
            }
        }
    }

    /// Returns the form for another attempt, if there must be one.
    pub(super) fn after(self, has_succeeded: bool) -> Option<Self> {
        match self {
            Self::Plain | Self::Unmasked if !has_succeeded => Some(Self::Sequences),
            Self::Masked if has_succeeded && !MASK_REFUSED.get() => Some(Self::Unmasked),
            Self::Masked => Some(Self::Sequences),
            Self::NoneYet | Self::Plain | Self::Unmasked | Self::Sequences => None,
        }
    }
}

/// Notes that a type has refused bytes for their content.
pub(super) fn note_refusal(bytes: &[u8]) {
    if MASK.as_ptr_range().contains(&bytes.as_ptr()) {
        MASK_REFUSED.set(true);
    }
}
