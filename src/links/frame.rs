use bytes::Bytes;
use rpcudp_secure::StreamFrame;

/// Returns a request or a response as the first frame of a stream.
pub(super) fn framed(frame: &[u8]) -> Bytes {
    let len = u32::try_from(frame.len()).expect("the limits of frames are smaller");
    let mut framed = Vec::with_capacity(StreamFrame::HEADER_LEN + frame.len());
    framed.extend_from_slice(&len.to_be_bytes());
    framed.extend_from_slice(frame);
    framed.into()
}
