//! How large and how deep things may be, and why.

use std::time::Duration;

/// Bytes before the body: the kind and the message id.
pub const HEADER_LEN: usize = 21;

/// The shortest datagram that Python looks at: a header and one byte of body.
pub const MIN_DATAGRAM_LEN: usize = HEADER_LEN + 1;

/// The most payload that a UDP datagram carries over IPv4: 65,535 less 20 bytes of IP header and 8 of UDP header.
pub const MAX_DATAGRAM_LEN: usize = 65_507;

/// The largest request body (method name and arguments, without the header) that Python's `rpcudp` sends: "Total
/// length of function name and arguments cannot exceed 8K". 8,192 passes, 8,193 does not.
pub const MAX_REQUEST_BODY_LEN: usize = 8_192;

/// The largest response body: what a datagram has room for. Python sets no limit of its own.
pub const MAX_RESPONSE_BODY_LEN: usize = MAX_DATAGRAM_LEN - HEADER_LEN;

/// How many arrays and maps may lie within each other in a body, the body's own two included; an empty one has nothing
/// within it and does not count.
///
/// msgpack sets no limit and a decoder needs stack for each level, so that a datagram of nothing but opening brackets
/// would overflow it. What a level costs is up to the types that are decoded: serde's untagged enums take kilobytes of
/// stack for each, in debug builds most of all, and try their variants anew at each. 32 levels fit the 2 MiB stack of a
/// tokio worker in the worst case that we could build, and no contract that we know of nests deeper than ten.
pub const MAX_DEPTH: usize = 32;

/// How long a caller waits for an answer where nobody says otherwise: what Python's `rpcudp` does.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);
