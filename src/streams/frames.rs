use bytes::Bytes;
use rpcudp_core::codec::encode;
use rpcudp_secure::StreamFrame;
use serde::Serialize;

use super::outflow_error::OutflowError;

/// Encodes an item as a frame.
pub(super) fn item<T: Serialize + ?Sized>(item: &T) -> Result<Bytes, OutflowError> {
    framed(item, StreamFrame::item_header)
}

/// Encodes the end of a stream with an error.
pub(super) fn failure<E: Serialize + ?Sized>(error: &E) -> Result<Bytes, OutflowError> {
    framed(error, StreamFrame::end_header)
}

/// Returns the end of a stream without an error.
pub(super) fn end() -> Bytes {
    Bytes::from_owner(StreamFrame::end_header(0).expect("0 is a length"))
}

fn framed<T: Serialize + ?Sized>(
    value: &T,
    header: impl FnOnce(usize) -> Option<[u8; StreamFrame::HEADER_LEN]>,
) -> Result<Bytes, OutflowError> {
    let mut frame = vec![0; StreamFrame::HEADER_LEN];
    encode(&mut frame, value).map_err(OutflowError::Encode)?;
    let size = frame.len() - StreamFrame::HEADER_LEN;
    let header = header(size).ok_or(OutflowError::TooLarge { size, limit: StreamFrame::MAX_ITEM_LEN })?;
    frame[..StreamFrame::HEADER_LEN].copy_from_slice(&header);
    Ok(frame.into())
}
