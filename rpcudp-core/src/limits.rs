//! Limits of the protocol: sizes, depth and the default timeout.

use std::time::Duration;

/// The length of a datagram's header: the kind and the message id.
pub const HEADER_LEN: usize = 21;

/// The length of the shortest datagram that Python decodes: a header and one byte of body.
pub const MIN_DATAGRAM_LEN: usize = HEADER_LEN + 1;

/// The length of the shortest request: a header, an array of two, an empty name and an empty array
/// of arguments.
pub const MIN_REQUEST_LEN: usize = HEADER_LEN + 3;

/// The largest payload of a UDP datagram over IPv4: 65,535 bytes less 20 bytes of IP header and 8
/// bytes of UDP header.
pub const MAX_DATAGRAM_LEN: usize = 65_507;

/// The length of the largest request body that Python's `rpcudp` sends. The body consists of the
/// method name and the arguments, without the header. Python's error says: "Total length of
/// function name and arguments cannot exceed 8K". It sends 8,192 bytes and refuses 8,193.
pub const MAX_REQUEST_BODY_LEN: usize = 8_192;

/// The length of the largest response body that fits into a datagram. Python sets no other limit.
pub const MAX_RESPONSE_BODY_LEN: usize = MAX_DATAGRAM_LEN - HEADER_LEN;

/// The number of levels to which arrays and maps in a body may nest, including the body's own two
/// levels. Empty arrays and maps do not count.
///
/// msgpack sets no limit, and a decoder needs stack for each level: without a limit, a datagram
/// that consists of opening brackets would overflow the stack. The cost of a level depends on the
/// decoded types. serde's untagged enums take kilobytes of stack per level, most of all in debug
/// builds, and try their variants again at each level. In the worst case that we could build, 32
/// levels fit the 2 MiB stack of a tokio worker. No contract that we know of nests deeper than ten
/// levels.
pub const MAX_DEPTH: usize = 32;

/// The time that a caller waits for a response by default, as in Python's `rpcudp`.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);
