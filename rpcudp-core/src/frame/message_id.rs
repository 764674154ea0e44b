use std::fmt;

/// A message id: 20 bytes that match a response to its call.
///
/// The caller chooses the id, and the server echoes it without interpreting it. Calls of this crate
/// put the index of the call's slot into the first four bytes and 128 random bits into the rest.
/// The slot is found without a search, and an attacker that has not seen the request cannot forge a
/// response.
///
/// Prints as 40 hexadecimal digits.
///
/// ```
/// use rpcudp::MessageId;
///
/// let id = MessageId::from_bytes([0xab; 20]);
/// assert_eq!(id.to_string(), "ab".repeat(20));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
// At odd offsets in enums, copies are made of overlapping parts, which stall the processor.
#[repr(align(4))]
pub struct MessageId([u8; Self::LEN]);

impl MessageId {
    /// The length of a message id in bytes.
    pub const LEN: usize = 20;

    /// The slot index of requests without a response. No table has that many slots.
    const NO_SLOT: u32 = u32::MAX;

    /// Creates an id from its bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes of the id.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// Creates an id for a request without a response. A response to it matches no slot.
    #[must_use]
    pub fn without_slot(random: [u8; 16]) -> Self {
        Self::with_slot(Self::NO_SLOT, random)
    }

    pub(crate) fn with_slot(slot: u32, random: [u8; 16]) -> Self {
        let mut bytes = [0; Self::LEN];
        bytes[..4].copy_from_slice(&slot.to_le_bytes());
        bytes[4..].copy_from_slice(&random);
        Self(bytes)
    }

    /// Returns the random part.
    pub(crate) fn random(&self) -> &[u8; 16] {
        let [_, _, _, _, random @ ..] = &self.0;
        random
    }

    pub(crate) fn slot(&self) -> usize {
        let [a, b, c, d, ..] = self.0;
        u32::from_le_bytes([a, b, c, d]) as usize
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageId({self})")
    }
}
