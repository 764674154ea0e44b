use super::dialect::Dialect;
use super::message_id::MessageId;

/// A peer answers a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response<'a> {
    /// The id of the call that this answers.
    pub id: MessageId,
    /// One msgpack value, not decoded yet.
    pub body: &'a [u8],
}

impl Response<'_> {
    /// Appends what comes before the value, which follows through [`codec::encode`](crate::codec::encode).
    pub fn begin(out: &mut Vec<u8>, dialect: Dialect, id: MessageId) {
        out.push(dialect.response_byte());
        out.extend_from_slice(id.as_bytes());
    }
}
