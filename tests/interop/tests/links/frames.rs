//! Frames, byte by byte as `docs/wire.md` has them.

/// A request for `add(1, 2)`, and its response.
pub(crate) const ADD: &[u8] = b"\x92\xa3add\x92\x01\x02";
pub(crate) const SUM: &[u8] = b"\x03";

/// The length of a frame's kind and message id.
pub(crate) const HEADER_LEN: usize = 21;

/// Returns a request with the id of a number.
pub(crate) fn request(number: u8, body: &[u8]) -> Vec<u8> {
    [&[0][..], &[number; 20], body].concat()
}

/// Returns the response to a request with the id of a number.
pub(crate) fn response(number: u8, body: &[u8]) -> Vec<u8> {
    [&[1][..], &[number; 20], body].concat()
}

/// Returns the body of a request for the length of bytes.
pub(crate) fn size_of(bytes: &[u8]) -> Vec<u8> {
    [b"\x92\xa4size\x91", &binary(bytes)[..]].concat()
}

/// Returns the body of a request for this number of bytes.
pub(crate) fn blob_of(len: u32) -> Vec<u8> {
    [b"\x92\xa4blob\x91\xce", &len.to_be_bytes()[..]].concat()
}

/// Returns msgpack's `bin` of some length that takes four bytes.
pub(crate) fn binary(bytes: &[u8]) -> Vec<u8> {
    [b"\xc6", &(bytes.len() as u32).to_be_bytes()[..], bytes].concat()
}

/// Returns a frame as a stream has it: behind its length.
pub(crate) fn on_stream(frame: &[u8]) -> Vec<u8> {
    [&(frame.len() as u32).to_be_bytes()[..], frame].concat()
}

/// Returns the frame of a stream.
pub(crate) fn of_stream(bytes: &[u8]) -> Vec<u8> {
    let (len, frame) = bytes.split_first_chunk().expect("a stream begins with a length");
    assert_eq!(u32::from_be_bytes(*len) as usize, frame.len());
    frame.to_vec()
}
