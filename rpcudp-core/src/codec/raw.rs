//! Values that are encoded already, in the form of `value::Encoded`: a newtype struct around bytes.

use super::encode_error::{EncodeError, EncodeResult};
use super::reader::{Head, Reader};
use crate::limits::MAX_DEPTH;
use crate::msgpack::{Fault, nested_len};

/// The name of the newtype struct that is an encoded value.
pub(crate) const RAW_NAME: &str = "$rpcudp::Encoded";

/// Replaces the bytes at `start`, the end of `out`, by the value that they encode.
pub(super) fn from_bytes(out: &mut Vec<u8>, start: usize, max_depth: usize) -> EncodeResult {
    let Ok(Head::Bin(value)) = Reader::new(&out[start..]).head() else { return Err(no_value()) };
    let len = value.len();
    match nested_len(value, max_depth) {
        Ok(valid) if valid == len => {}
        Err(Fault::TooDeep) => return Err(EncodeError::TooDeep { limit: MAX_DEPTH - 2 }),
        _ => return Err(no_value()),
    }
    let end = out.len();
    out.drain(start..end - len);
    Ok(())
}

fn no_value() -> EncodeError {
    serde::ser::Error::custom("an encoded value is the bytes of one msgpack value")
}
