use bytes::{Buf, Bytes, BytesMut};

/// A frame on a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamFrame {
    /// A request, a response or an item.
    Item(Bytes),
    /// The end after the last item. With the encoded error, if the sender ended the stream with
    /// one.
    End(Option<Bytes>),
    /// The end before the last item, because the sender has given up.
    Cancelled,
}

impl StreamFrame {
    /// The length of the header of each frame.
    pub const HEADER_LEN: usize = 4;

    /// The length of the largest item, in bytes.
    pub const MAX_ITEM_LEN: usize = 1 << 20;

    /// The bit in a header that marks the end of the items.
    const END: u32 = 1 << 31;

    /// The header that stands for [`Cancelled`](Self::Cancelled).
    const CANCELLED: u32 = Self::END | 1 << 30;

    /// Returns the header of an item with this many bytes, or `None` if that is too many.
    #[must_use]
    pub fn item_header(len: usize) -> Option<[u8; Self::HEADER_LEN]> {
        Some((u32::try_from(len).ok().filter(|_| len <= Self::MAX_ITEM_LEN)?).to_be_bytes())
    }

    /// Returns the header of the end, before an encoded error of this length. 0 for an end without
    /// an error. `None` if the error is too long.
    #[must_use]
    pub fn end_header(len: usize) -> Option<[u8; Self::HEADER_LEN]> {
        Some((u32::from_be_bytes(Self::item_header(len)?) | Self::END).to_be_bytes())
    }

    /// Returns the end before the last item.
    #[must_use]
    pub fn cancelled() -> [u8; Self::HEADER_LEN] {
        Self::CANCELLED.to_be_bytes()
    }
}

/// A frame is longer than the receiver allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameTooLong {
    /// The length that the header of the frame announces, in bytes.
    pub len: usize,
}

/// Splits the bytes of a stream into frames. Keeps no more memory than the bytes that have arrived.
///
/// ```
/// use rpcudp_secure::{StreamDecoder, StreamFrame};
///
/// let mut decoder = StreamDecoder::default();
/// decoder.push(b"\x00\x00\x00\x02hi\x80\x00");
/// assert_eq!(decoder.next_frame(100), Ok(Some(StreamFrame::Item(b"hi"[..].into()))));
/// assert_eq!(decoder.next_frame(100), Ok(None));
/// decoder.push(b"\x00\x00");
/// assert_eq!(decoder.next_frame(100), Ok(Some(StreamFrame::End(None))));
/// ```
#[derive(Debug, Default)]
pub struct StreamDecoder {
    buffer: BytesMut,
}

impl StreamDecoder {
    /// Adds bytes that have arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Returns the next frame if it is complete.
    ///
    /// # Errors
    ///
    /// If the frame is longer than `max_len` bytes, before they have arrived. The stream is of no
    /// use any more.
    pub fn next_frame(&mut self, max_len: usize) -> Result<Option<StreamFrame>, FrameTooLong> {
        let Some(header) = self.buffer.first_chunk() else { return Ok(None) };
        let header = u32::from_be_bytes(*header);
        if header == StreamFrame::CANCELLED {
            self.buffer.advance(StreamFrame::HEADER_LEN);
            return Ok(Some(StreamFrame::Cancelled));
        }
        let len = (header & !StreamFrame::END) as usize;
        if len > max_len {
            return Err(FrameTooLong { len });
        }
        if self.buffer.len() - StreamFrame::HEADER_LEN < len {
            return Ok(None);
        }
        self.buffer.advance(StreamFrame::HEADER_LEN);
        let body = self.buffer.split_to(len).freeze();
        Ok(Some(match header & StreamFrame::END {
            0 => StreamFrame::Item(body),
            _ => StreamFrame::End(Some(body).filter(|body| !body.is_empty())),
        }))
    }

    /// Returns the bytes after the frames that were returned.
    #[must_use]
    pub fn into_rest(self) -> Bytes {
        self.buffer.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(bytes: &[u8]) -> Vec<u8> {
        [&StreamFrame::item_header(bytes.len()).unwrap(), bytes].concat()
    }

    #[test]
    fn frames_do_not_depend_on_the_chunks_that_they_arrive_in() {
        let mut stream = [item(b""), item(b"one"), item(&[7; 300])].concat();
        stream.extend_from_slice(&StreamFrame::end_header(4).unwrap());
        stream.extend_from_slice(b"why?");
        stream.extend_from_slice(&StreamFrame::cancelled());
        for chunk_len in 1..stream.len() {
            let mut decoder = StreamDecoder::default();
            let mut frames = Vec::new();
            for chunk in stream.chunks(chunk_len) {
                decoder.push(chunk);
                frames.extend(std::iter::from_fn(|| decoder.next_frame(300).unwrap()));
            }
            let items = [&b""[..], b"one", &[7; 300]].map(|item| StreamFrame::Item(Bytes::copy_from_slice(item)));
            assert_eq!(frames[..3], items, "{chunk_len}");
            let end = StreamFrame::End(Some(Bytes::from_static(b"why?")));
            assert_eq!(frames[3..], [end, StreamFrame::Cancelled], "{chunk_len}");
            assert!(decoder.into_rest().is_empty());
        }
    }

    #[test]
    fn frame_beyond_the_limit_is_refused_by_its_header() {
        let mut decoder = StreamDecoder::default();
        decoder.push(&[0xff; 4]);
        assert_eq!(decoder.next_frame(StreamFrame::MAX_ITEM_LEN), Err(FrameTooLong { len: 0x7fff_ffff }));
        let mut decoder = StreamDecoder::default();
        decoder.push(&[0, 0, 0, 3]);
        assert_eq!(decoder.next_frame(2), Err(FrameTooLong { len: 3 }));
        assert_eq!(StreamFrame::item_header(StreamFrame::MAX_ITEM_LEN + 1), None);
    }

    #[test]
    fn rest_follows_the_last_frame() {
        let mut decoder = StreamDecoder::default();
        decoder.push(&[&item(b"head")[..], b"rest"].concat());
        assert_eq!(decoder.next_frame(4), Ok(Some(StreamFrame::Item(Bytes::from_static(b"head")))));
        assert_eq!(decoder.into_rest(), b"rest"[..]);
    }
}
