use super::dialect::Dialect;
use super::message_id::MessageId;

/// A response with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response<'a> {
    /// The message id of the call.
    pub id: MessageId,
    /// One undecoded msgpack value.
    pub body: &'a [u8],
}

impl Response<'_> {
    /// Appends the header. Append the value with [`codec::encode`](crate::codec::encode) next.
    pub fn begin(out: &mut Vec<u8>, dialect: Dialect, id: MessageId) {
        out.push(dialect.response_byte());
        out.extend_from_slice(id.as_bytes());
    }
}
