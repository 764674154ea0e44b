use rpcudp_secure::{FrameTooLong, StreamDecoder, StreamFrame};

/// The length of the largest frame in this target.
const MAX_LEN: usize = 300;

/// Splits bytes into frames. The first byte decides the chunks that the others arrive in, which
/// must not matter, and the frames must be those of the documented format.
pub fn stream_frames(bytes: &[u8]) {
    let Some((chunking, mut rest)) = bytes.split_first() else { return };
    let documented = documented(rest);
    let mut decoder = StreamDecoder::default();
    let (mut frames, mut error) = (Vec::new(), None);
    let mut number = 0_u8;
    while !rest.is_empty() && error.is_none() {
        number = number.wrapping_mul(31).wrapping_add(*chunking);
        let (chunk, after) = rest.split_at(rest.len().min(1 + usize::from(number) * 2));
        rest = after;
        decoder.push(chunk);
        loop {
            match decoder.next_frame(MAX_LEN) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(FrameTooLong { len }) => break error = Some(len),
            }
        }
    }
    assert_eq!(frames, documented.0);
    assert_eq!(error, documented.1.err());
    if let Ok(rest) = documented.1 {
        assert_eq!(decoder.into_rest(), rest);
    }
    // Each frame has the header that is written for it.
    for frame in &frames {
        let header = match frame {
            StreamFrame::Item(item) => StreamFrame::item_header(item.len()),
            StreamFrame::End(error) => StreamFrame::end_header(error.as_ref().map_or(0, |error| error.len())),
            _ => Some(StreamFrame::cancelled()),
        };
        let header = header.expect("no frame is longer than the limit");
        let mut again = StreamDecoder::default();
        again.push(&header);
        match frame {
            StreamFrame::Item(body) | StreamFrame::End(Some(body)) => again.push(body),
            _ => {}
        }
        assert_eq!(again.next_frame(MAX_LEN).as_ref(), Ok(&Some(frame.clone())));
    }
}

/// Reads frames by the rules of `docs/wire.md`. Returns them, and the rest or the length of a frame
/// that is too long.
fn documented(mut bytes: &[u8]) -> (Vec<StreamFrame>, Result<&[u8], usize>) {
    let mut frames = Vec::new();
    while let Some((header, rest)) = bytes.split_first_chunk() {
        let is_end = header[0] & 0x80 != 0;
        let len = u32::from_be_bytes([header[0] & 0x7f, header[1], header[2], header[3]]) as usize;
        if *header == [0xc0, 0, 0, 0] {
            frames.push(StreamFrame::Cancelled);
            bytes = rest;
            continue;
        }
        if len > MAX_LEN {
            return (frames, Err(len));
        }
        let Some((body, rest)) = rest.split_at_checked(len) else { break };
        let body = || body.to_vec().into();
        frames.push(match (is_end, len) {
            (false, _) => StreamFrame::Item(body()),
            (true, 0) => StreamFrame::End(None),
            (true, _) => StreamFrame::End(Some(body())),
        });
        bytes = rest;
    }
    (frames, Ok(bytes))
}
